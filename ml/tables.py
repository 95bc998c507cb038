"""Tables of a TOML file, checked before they become records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

Record = TypeVar("Record")


def read_record(record: type[Record], table: Mapping[str, Any], *, where: str) -> Record:
    """``record`` with the values of ``table``; its lists, and those in them, become tuples.

    Raises ValueError, which names ``where``, for a key that the record has no field for and for
    one that it cannot do without.
    """
    unknown = set(table) - {item.name for item in fields(record)}  # type: ignore[arg-type]
    if unknown:
        raise ValueError(f"{where} has keys that mean nothing: {', '.join(sorted(unknown))}")
    try:
        return record(**{key: _frozen(value) for key, value in table.items()})
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
