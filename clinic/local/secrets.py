"""Secrets of a local run: made once, kept beside the data, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def kept_secret(path: Path, *, length: int = 48) -> str:
    """The secret in ``path``, made with at least ``length`` random bytes if it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, secrets.token_urlsafe(length))
    return path.read_text(encoding="utf-8").strip()


def _make(path: Path, secret: str) -> None:
    """Written aside and then linked into place: nobody ever reads half a secret.

    A link, unlike a rename, fails where another process was quicker, and then its secret holds.
    A kill -9 in between leaves only the file aside, which nothing reads.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(secret + "\n")
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink()
