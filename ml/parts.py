"""A mask's parts: what each of its labels, and some of them together, fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.glioma import CORE, ENHANCING, OEDEMA

# BraTS leaves this number free; here it is what a person added to a mask that has parts.
BY_HAND = 3
BY_HAND_NAME = "drawn by hand, part not named"
# The core as BraTS scores it: all that is not oedema.
CORE_NAME = "tumour core"
TOGETHER = {CORE_NAME: (CORE, ENHANCING)}
ORDER = (ENHANCING, CORE, OEDEMA, BY_HAND)


@dataclass(frozen=True)
class Part:
    """``labels`` are the values of the mask that it is made of; parts may overlap."""

    name: str
    labels: tuple[int, ...]
    voxels: int
    volume_ml: float | None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "labels": list(self.labels)}


def measure_parts(
    mask: NDArray[np.integer], names: Mapping[int, str], *, voxel_ml: float | None
) -> tuple[Part, ...]:
    """The parts of ``mask`` (any shape, 0 is background): the core, what it is made of, the rest.

    None of a mask with a single label. ``names`` are its labels; ``voxel_ml`` is None where the
    size of a voxel is not known.
    """
    if len(names) < 2:
        return ()
    counts = np.bincount(mask.ravel(), minlength=max(names) + 1)
    ordered = [value for value in ORDER if value in names]
    sets: dict[str, tuple[int, ...]] = {names[value]: (value,) for value in ordered}
    if {CORE, OEDEMA, ENHANCING} <= set(names):
        sets = {**TOGETHER, **sets}
    return tuple(_part(name, labels, counts, voxel_ml) for name, labels in sets.items())


def _part(
    name: str, labels: tuple[int, ...], counts: NDArray[np.integer], voxel_ml: float | None
) -> Part:
    voxels = int(sum(counts[value] for value in labels))
    return Part(name, labels, voxels, None if voxel_ml is None else round(voxels * voxel_ml, 4))


def keep_parts(
    drawn: NDArray[np.bool_], before: NDArray[np.uint8], names: Mapping[int, str]
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """A person's mask with the parts of the one that it was made from, and its labels.

    ``drawn`` and ``before`` have one shape. What was kept keeps its part; what was added is
    ``BY_HAND``, since nobody has said what it is.
    """
    mask = np.where(drawn, np.where(before > 0, before, BY_HAND), 0).astype(np.uint8)
    labels = dict(names)
    if (mask == BY_HAND).any():
        labels[BY_HAND] = BY_HAND_NAME
    return mask, labels
