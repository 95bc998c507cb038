"""In what unit a case is measured: millimetres only where the data set states them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ml.datasets.cases import LabelledCase

MM3_PER_ML = 1000.0


@dataclass(frozen=True)
class Units:
    """What a distance and a volume are counted in.

    ``dimensions`` is 3 where surfaces are compared in space, and 2 where they are compared within
    each slice because the distance between slices is unknown.
    """

    distance: str
    dimensions: int
    volume: str


SPATIAL = Units("mm", 3, "mL")
IN_PLANE = Units("mm", 2, "voxels")
PIXELS = Units("px", 2, "voxels")


@dataclass(frozen=True)
class Scale:
    """The voxel of one case along (Z, H, W), and its volume; 1 along an axis without a size."""

    units: Units
    spacing: tuple[float, float, float]
    voxel: float


def scale_of(case: LabelledCase) -> Scale:
    """The scale of a case, from what its data set says of its grid."""
    if case.stack.pixel_mm is None:
        return Scale(PIXELS, (1.0, 1.0, 1.0), 1.0)
    row, column = case.stack.pixel_mm
    if case.stack.slice_mm is None:
        return Scale(IN_PLANE, (1.0, row, column), 1.0)
    volume_ml = case.stack.slice_mm * row * column / MM3_PER_ML
    return Scale(SPATIAL, (case.stack.slice_mm, row, column), volume_ml)


def common_units(units: Iterable[Units]) -> Units:
    """The units of most cases: a mean of millimetres and pixels would be a mean of nothing.

    Raises ValueError where there is no case.
    """
    counted = Counter(units).most_common(1)
    if not counted:
        raise ValueError("no patient of this data set was evaluated")
    return counted[0][0]
