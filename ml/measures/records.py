"""The records of what was measured, and of what it was measured on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.atlas import TemplateFit
from ml.geometry import Geometry
from ml.intensity import BoolArray
from ml.place import Convention, Place


@dataclass(frozen=True)
class Grid:
    """How indices (Z, H, W) become millimetres.

    ``steps_mm`` is 3 x 3, one row for each stack axis: the displacement in RAS+ millimetres from
    one index to the next. None where the spacing is absent or marked unreliable. ``to_file``
    (4 x 4) takes indices of the stack to the voxel indices [i, j, k] of the file. ``fit`` is how
    the scan lies on the brain template, if that was looked for.
    """

    geometry: Geometry
    steps_mm: NDArray[np.float64] | None
    to_file: NDArray[np.float64]
    convention: Convention = Convention.UNKNOWN
    fit: TemplateFit | None = None

    @property
    def voxel_ml(self) -> float | None:
        if self.steps_mm is None:
            return None
        return abs(float(np.linalg.det(self.steps_mm))) / 1000.0


@dataclass(frozen=True)
class Brain:
    """Where the brain is (Z, H, W), and in words how it was found."""

    mask: BoolArray
    source: str


@dataclass(frozen=True)
class LesionMeasure:
    """One lesion. Slices count from 1 at the foot; ``centroid`` is in indices (Z, H, W).

    ``diameter_lines`` has the two ends of ``longest`` and of ``perpendicular`` as voxel indices
    [i, j, k] of the file, with or without millimetres; a line that there is not is left out.
    Fields that end in mm, mm2 or ml are None without a known size of the voxel, and so are
    ``sphericity`` and ``is_measurable``; ``sphericity`` is None for a tiny lesion too.
    """

    number: int
    voxels: int
    volume_ml: float | None
    brain_percent: float | None
    longest_diameter_mm: float | None
    perpendicular_diameter_mm: float | None
    product_mm2: float | None
    longest_3d_mm: float | None
    surface_mm2: float | None
    sphericity: float | None
    is_measurable: bool | None
    is_tiny: bool
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
class Spread:
    """How the lesions that are not tiny lie to each other; see :mod:`ml.measures.spread`.

    ``distances_mm`` holds for two lesions their numbers and how far apart they are. A field is
    None where the data cannot say.
    """

    is_multifocal: bool | None
    satellites: tuple[int, ...] | None
    distances_mm: tuple[tuple[int, int, float], ...] | None

    def as_dict(self) -> dict[str, Any]:
        distances = self.distances_mm
        return {
            "multifocal": self.is_multifocal,
            "satellites": None if self.satellites is None else list(self.satellites),
            "distances_mm": None
            if distances is None
            else [{"lesions": [one, other], "mm": mm} for one, other, mm in distances],
        }


@dataclass(frozen=True)
class Measurement:
    """All lesions, largest first, and their total; ``labels`` (Z, H, W) carries their numbers.

    ``sum_of_products_mm2`` is over the measurable lesions. ``brain_source`` says how the brain
    was found whose share is given; it is empty where none was.
    """

    lesions: tuple[LesionMeasure, ...]
    labels: NDArray[np.int32]
    voxels: int
    volume_ml: float | None
    brain_percent: float | None
    brain_voxels: int | None
    brain_volume_ml: float | None
    brain_source: str
    surface_mm2: float | None
    sum_of_products_mm2: float | None
    slices: int
    key_slice: int | None
    key_area_pixels: int
    key_area_percent: float | None
    mean_probability: float | None
    spread: Spread

    @property
    def main(self) -> tuple[LesionMeasure, ...]:
        """The lesions that are not tiny."""
        return tuple(lesion for lesion in self.lesions if not lesion.is_tiny)

    @property
    def tiny(self) -> tuple[LesionMeasure, ...]:
        return tuple(lesion for lesion in self.lesions if lesion.is_tiny)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the label array."""
        apart = ("labels", "spread", "lesions")
        plain = {name: value for name, value in self.__dict__.items() if name not in apart}
        lesions = [lesion.as_dict() for lesion in self.lesions]
        return {**plain, **self.spread.as_dict(), "lesions": lesions}
