"""Writing the small TOML files that the library also reads: its cards."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write_toml(path: Path, document: Mapping[str, Any]) -> None:
    """Writes plain values first and then one table for each mapping in ``document``."""
    path.write_text("\n\n".join(_blocks((), document)) + "\n", encoding="utf-8")


def _blocks(names: tuple[str, ...], table: Mapping[str, Any]) -> list[str]:
    """The table of that name as text, and those within it."""
    lines, inner = [], []
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner.extend(_blocks((*names, _key(key)), value))
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    if names and (lines or not inner):
        lines.insert(0, f"[{'.'.join(names)}]")
    return ["\n".join(lines), *inner] if lines else inner


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    return _text(value)


def _text(value: str | float | bool) -> str:
    """Strings, numbers and truth values read the same in TOML as in JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
