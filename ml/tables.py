"""Tables of a TOML file, checked before they become records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any


def check_keys(name: str, keys: Iterable[str], record: type[Any]) -> None:
    """Raises ValueError where the table ``[name]`` has a key that ``record`` has no field for."""
    unknown = set(keys) - {item.name for item in fields(record)}
    if unknown:
        raise ValueError(f"[{name}] has keys that mean nothing: {', '.join(sorted(unknown))}")
