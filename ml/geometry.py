"""Where the voxels of a file lie, read from its header alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import aff2axcodes
from numpy.typing import NDArray

SHALLOW_MM = 60.0
WIDE_MM = 140.0


class ImageKind(StrEnum):
    VOLUME = "volume"
    PICTURE = "picture"


@dataclass(frozen=True)
class Geometry:
    """The grid of one file.

    ``shape`` is (X, Y, Z) for a volume and (H, W) for a picture. ``affine`` (4 x 4) maps voxel
    indices to millimetres in RAS+ and is None where the file states none; so is ``spacing_mm``,
    one number an axis of ``shape``. ``stored_shape`` is the shape as the file has it, trailing
    axes of length one included.
    """

    kind: ImageKind
    file_format: str
    shape: tuple[int, ...]
    stored_shape: tuple[int, ...]
    channels: int
    data_type: str
    spacing_mm: tuple[float, ...] | None
    affine: tuple[tuple[float, ...], ...] | None

    @property
    def orientation(self) -> str | None:
        """Where the axes run to, such as "RAS"; None without an affine."""
        if self.affine is None:
            return None
        return "".join(aff2axcodes(np.array(self.affine)))

    @property
    def slice_count(self) -> int:
        """The number of slices along the axis that is closest to foot-to-head."""
        if self.kind is ImageKind.PICTURE:
            return 1
        if self.orientation is None:
            return self.shape[2]
        axis = next(i for i, letter in enumerate(self.orientation) if letter in "SI")
        return self.shape[axis]

    @property
    def spacing_is_doubtful(self) -> bool:
        """Whether no head has the extent that shape and spacing give together.

        Some exports write 1 x 1 x 1 mm for slices that are 5 mm apart, which shows as a head
        much shallower than it is wide.
        """
        if self.spacing_mm is None or self.kind is ImageKind.PICTURE or min(self.shape) < 8:
            return False
        extents = [n * s for n, s in zip(self.shape, self.spacing_mm, strict=True)]
        return min(extents) < SHALLOW_MM and sorted(extents)[1] > WIDE_MM

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the computed ones included."""
        return {
            "kind": str(self.kind),
            "file_format": self.file_format,
            "shape": list(self.shape),
            "channels": self.channels,
            "data_type": self.data_type,
            "spacing_mm": None if self.spacing_mm is None else list(self.spacing_mm),
            "affine": None if self.affine is None else [list(row) for row in self.affine],
            "orientation": self.orientation,
            "slice_count": self.slice_count,
        }


def affine_rows(affine: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in affine)


def spacing_of(affine: NDArray[np.float64]) -> tuple[float, ...]:
    """The distance between neighbouring voxel centres along each axis, in millimetres."""
    return tuple(round(float(size), 6) for size in voxel_sizes(affine))
