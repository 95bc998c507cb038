"""What ``dataset.toml`` says of a folder of images that its files cannot say themselves."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.datasets.cases import DatasetError

NAME = "dataset.toml"
KNOWN_CHANNELS = ("T1", "FLAIR", "T1ce", "T2")


@dataclass(frozen=True)
class FolderSettings:
    """``channel`` is that of grey pictures and of volumes; sizes are in millimetres."""

    channel: str = "FLAIR"
    patient_pattern: re.Pattern[str] | None = None
    pixel_mm: tuple[float, float] | None = None
    slice_mm: float | None = None

    def patient_of(self, stem: str) -> str | None:
        """The patient by the pattern, None without one. DatasetError where it does not fit."""
        if self.patient_pattern is None:
            return None
        match = self.patient_pattern.search(stem)
        if match is None or not match.group(1):
            pattern = self.patient_pattern.pattern
            raise DatasetError(f"{stem} does not fit the patient_pattern {pattern!r} of {NAME}")
        return match.group(1)


def read_settings(root: Path) -> FolderSettings:
    """The settings in ``root``, those that are usual without any.

    Raises DatasetError for a file that is not TOML, a key that means nothing and a value that
    cannot be.
    """
    path = root / NAME
    if not path.exists():
        return FolderSettings()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    readers: dict[str, Callable[[Any], Any]] = {
        "channel": _channel,
        "patient_pattern": _pattern,
        "pixel_mm": _pixel_mm,
        "slice_mm": _length_mm,
    }
    unknown = document.keys() - readers.keys()
    if unknown:
        raise DatasetError(f"{path} has keys that mean nothing: {', '.join(sorted(unknown))}")
    try:
        return FolderSettings(**{key: readers[key](value) for key, value in document.items()})
    except ValueError as error:
        raise DatasetError(f"{path}: {error}") from error


def _channel(value: Any) -> str:
    if value not in KNOWN_CHANNELS:
        raise ValueError(f"channel is one of {', '.join(KNOWN_CHANNELS)}, not {value!r}")
    return str(value)


def _pattern(value: Any) -> re.Pattern[str]:
    try:
        pattern = re.compile(value)
    except (re.error, TypeError) as error:
        raise ValueError(f"patient_pattern is no regular expression: {error}") from error
    if pattern.groups < 1:
        raise ValueError("patient_pattern needs a group in brackets that is the patient")
    return pattern


def _length_mm(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 100:
        raise ValueError(f"{value!r} is no size in millimetres")
    return float(value)


def _pixel_mm(value: Any) -> tuple[float, float]:
    """One number for square pixels, or two along (rows, columns)."""
    if isinstance(value, list) and len(value) == 2:
        return _length_mm(value[0]), _length_mm(value[1])
    return _length_mm(value), _length_mm(value)
