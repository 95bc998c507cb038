"""What is measured on a mask: how large each lesion is and where it lies.

Lesions are 26-connected components, none left out for being small; where a person told touching
lesions apart, each component of each of their values is one. A volume is the number of
voxels times the volume that the affine gives to one. The two perpendicular diameters are those of
ml.diameters, taken in millimetres through the affine and never in voxels times a constant. Where
the file gives no reliable spacing, only voxels, pixels and shares are given.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.brain import box_centre, brain_sections
from ml.diameters import find_diameters
from ml.geometry import Geometry, ImageKind
from ml.intensity import BoolArray, FloatArray
from ml.place import (
    Convention,
    Place,
    place_in_picture,
    place_in_volume,
    place_without_affine,
)

NEIGHBOURS_26 = np.ones((3, 3, 3), dtype=np.bool_)


@dataclass(frozen=True)
class Grid:
    """How indices (Z, H, W) become millimetres.

    ``steps_mm`` is 3 x 3, one row for each stack axis: the displacement in RAS+ millimetres from
    one index to the next. None where the spacing is absent or marked unreliable. ``to_file``
    (4 x 4) takes indices of the stack to the voxel indices [i, j, k] of the file.
    """

    geometry: Geometry
    steps_mm: NDArray[np.float64] | None
    to_file: NDArray[np.float64]
    convention: Convention = Convention.UNKNOWN

    @property
    def voxel_ml(self) -> float | None:
        if self.steps_mm is None:
            return None
        return abs(float(np.linalg.det(self.steps_mm))) / 1000.0


@dataclass(frozen=True)
class LesionMeasure:
    """One lesion. Slices count from 1 at the foot; ``centroid`` is in indices (Z, H, W).

    ``diameter_lines`` has the two ends of ``longest`` and of ``perpendicular`` as voxel indices
    [i, j, k] of the file, with or without millimetres; a line that there is not is left out.
    """

    number: int
    voxels: int
    volume_ml: float | None
    longest_diameter_mm: float | None
    perpendicular_diameter_mm: float | None
    diameter_lines: dict[str, list[list[float]]]
    slices: int
    first_slice: int
    last_slice: int
    key_slice: int
    key_area_pixels: int
    key_area_percent: float | None
    centroid: tuple[float, float, float]
    mean_probability: float | None
    place: Place

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "place": self.place.as_dict()}


@dataclass(frozen=True)
class Measurement:
    """All lesions, largest first, and their total; ``labels`` (Z, H, W) carries their numbers."""

    lesions: tuple[LesionMeasure, ...]
    labels: NDArray[np.int32]
    voxels: int
    volume_ml: float | None
    slices: int
    key_slice: int | None
    key_area_pixels: int
    key_area_percent: float | None
    mean_probability: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the label array."""
        plain = {name: value for name, value in self.__dict__.items() if name != "labels"}
        return {**plain, "lesions": [lesion.as_dict() for lesion in self.lesions]}


def measure(
    mask: BoolArray,
    *,
    image: NDArray[np.generic],
    grid: Grid,
    probability: FloatArray | None = None,
    pieces: NDArray[np.uint8] | None = None,
) -> Measurement:
    """The lesions of ``mask`` on ``image`` and what they measure; all arrays are (Z, H, W).

    ``pieces`` tells lesions apart that touch: 0 outside the mask, and within it values of which
    each 26-connected component is a lesion. Without it, each component of the mask is one. Raises
    ValueError where ``pieces`` marks anything else than ``mask``.
    """
    if pieces is not None and not np.array_equal(pieces > 0, mask):
        raise ValueError("the pieces are not those of the mask")
    brain = brain_sections(image) | mask
    labels = number_lesions(mask, pieces)
    centre = box_centre(brain)
    boxes = ndimage.find_objects(labels)
    lesions = tuple(
        _measure_lesion(number, labels, box, brain, centre, grid, probability)
        for number, box in enumerate(boxes, start=1)
    )
    voxels = int(mask.sum())
    areas = mask.sum(axis=(1, 2))
    key = int(areas.argmax()) if voxels else None
    return Measurement(
        lesions=lesions,
        labels=labels,
        voxels=voxels,
        volume_ml=_volume(voxels, grid),
        slices=int((areas > 0).sum()),
        key_slice=None if key is None else key + 1,
        key_area_pixels=int(areas.max()) if voxels else 0,
        key_area_percent=None if key is None else _percent(areas[key], brain[key]),
        mean_probability=_mean(probability, mask),
    )


def number_lesions(mask: BoolArray, pieces: NDArray[np.uint8] | None = None) -> NDArray[np.int32]:
    """The lesions of ``mask`` (Z, H, W) numbered from 1 as they are measured, largest first."""
    return _number_by_size(*(_components(mask) if pieces is None else _components_of(pieces)))


def _components(mask: BoolArray) -> tuple[NDArray[np.int32], int]:
    """The 26-connected components numbered from 1 in the order of the grid, and how many."""
    labels, count = ndimage.label(mask, structure=NEIGHBOURS_26)
    return np.asarray(labels, dtype=np.int32), int(count)


def _components_of(pieces: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int]:
    """As :func:`_components`, for each value by itself: the lowest value's come first."""
    labels = np.zeros(pieces.shape, dtype=np.int32)
    count = 0
    for value, box in enumerate(ndimage.find_objects(pieces), start=1):
        if box is not None:
            own = pieces[box] == value
            found, more = _components(own)
            labels[box][own] = found[own] + count
            count += more
    return labels, count


def _number_by_size(labels: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """Components renumbered, the largest first; ties keep their order."""
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rank = np.zeros(count + 1, dtype=np.int32)
    rank[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, count + 1)
    numbered: NDArray[np.int32] = rank[labels]
    return numbered


def _measure_lesion(
    number: int,
    labels: NDArray[np.int32],
    box: tuple[slice, ...],
    brain: BoolArray,
    centre: tuple[float, ...],
    grid: Grid,
    probability: FloatArray | None,
) -> LesionMeasure:
    """One component, worked on inside its own box."""
    own: BoolArray = labels[box] == number
    corner = np.array([axis.start for axis in box], dtype=np.float64)
    areas = own.sum(axis=(1, 2))
    key = int(areas.argmax())
    key_slice = key + box[0].start
    voxels = int(own.sum())
    middle = ndimage.center_of_mass(own)
    diameters = find_diameters(own, grid.steps_mm)
    longest, perpendicular = diameters.lengths
    return LesionMeasure(
        number=number,
        voxels=voxels,
        volume_ml=_volume(voxels, grid),
        longest_diameter_mm=_millimetres(longest, grid),
        perpendicular_diameter_mm=_millimetres(perpendicular, grid),
        diameter_lines=diameters.points(grid.to_file, corner),
        slices=int((areas > 0).sum()),
        first_slice=box[0].start + 1,
        last_slice=box[0].stop,
        key_slice=key_slice + 1,
        key_area_pixels=int(areas[key]),
        key_area_percent=_percent(areas[key], brain[key_slice]),
        centroid=tuple(round(float(m + c), 2) for m, c in zip(middle, corner, strict=True)),  # type: ignore[arg-type]
        mean_probability=_mean(None if probability is None else probability[box], own),
        place=_place(own, centre, corner, grid),
    )


def _place(
    own: BoolArray, centre: tuple[float, ...], corner: NDArray[np.float64], grid: Grid
) -> Place:
    """The lesion's place, its box's indices taken against the brain's middle."""
    middle = tuple(float(c - k) for c, k in zip(centre, corner, strict=True))
    if grid.geometry.kind is ImageKind.PICTURE:
        return place_in_picture(own[0], middle[1:], grid.convention)
    if grid.geometry.affine is None:
        return place_without_affine(own, middle)
    return place_in_volume(own, middle)


def _volume(voxels: int, grid: Grid) -> float | None:
    return None if grid.voxel_ml is None else round(voxels * grid.voxel_ml, 4)


def _percent(area: int, section: BoolArray) -> float | None:
    whole = int(section.sum())
    return round(100.0 * int(area) / whole, 2) if whole else None


def _mean(probability: FloatArray | None, mask: BoolArray) -> float | None:
    if probability is None or not mask.any():
        return None
    return round(float(probability[mask].mean()), 4)


def _millimetres(length: float, grid: Grid) -> float | None:
    return None if grid.steps_mm is None else round(length, 2)
