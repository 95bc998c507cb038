"""What a model or a person found on a scan, before anything of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.intensity import FloatArray
from ml.measures import Measurement
from ml.models import Model
from ml.stacks import AxialStack


@dataclass(frozen=True)
class Finding:
    """What a model or a person says is on a scan.

    ``mask`` is on the file's grid, (X, Y, Z) or (H, W) of a picture; ``slices`` is the scan in the
    reader's view (Z, H, W), and ``measurement`` what was measured there.
    """

    mask: NDArray[np.uint8]
    slices: NDArray[np.generic]
    measurement: Measurement


def _writes_nothing(_folder: Path) -> None:
    """For what is kept in the row alone."""


@dataclass(frozen=True)
class Addition:
    """What is kept with a result beside its mask and measures.

    ``facts`` go into the row's field ``field``; ``write`` lays its files into the folder of the
    mask, before the row is saved.
    """

    field: str
    facts: dict[str, Any] | list[dict[str, Any]]
    write: Callable[[Path], None] = _writes_nothing


@dataclass(frozen=True)
class Read:
    """What a model was given, and the probability (Z, H, W) that it gave its first region."""

    stack: AxialStack
    probability: FloatArray


@dataclass(frozen=True)
class Found:
    """All that a model's run on a scan brought; ``model`` is the one that drew the mask.

    ``sequences`` are those that it was given, in its own order if several; ``labels`` name the
    values of the mask where they are not those of the card. ``read`` is what could be read again.
    """

    model: Model
    finding: Finding
    sequences: tuple[str, ...]
    labels: dict[int, str] | None = None
    additions: tuple[Addition, ...] = ()
    read: Read | None = None
