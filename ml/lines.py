"""Lengths and angles of lines that were set by hand, in millimetres or in pixels.

Points are voxel indices [i, j, k] of a file, fractions allowed. ``steps`` is 3 x 3, one row for
each axis of the file: the displacement in millimetres for one index, or the unit matrix, which
makes lengths pixels.
"""

from __future__ import annotations

import numpy as np
from nibabel.orientations import io_orientation
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# nibabel counts the world's axes from the patient's right-left over front-back to foot-head.
WORLD_AXES = ("sagittal", "coronal", "axial")


def file_steps(affine: FloatArray | None, spacing_mm: tuple[float, ...]) -> FloatArray:
    """``steps`` of a file from its affine (4 x 4), or from its spacing where it states none."""
    if affine is None:
        return np.diag(np.asarray(spacing_mm, dtype=np.float64))
    steps: FloatArray = np.asarray(affine, dtype=np.float64)[:3, :3].T
    return steps


def slice_axis(plane: str, affine: FloatArray | None) -> int:
    """The axis of the file that counts the slices of ``plane``; without an affine as stored.

    Raises ValueError where ``plane`` is none of sagittal, coronal and axial.
    """
    world = WORLD_AXES.index(plane)
    if affine is None:
        return world
    return int(np.flatnonzero(io_orientation(affine)[:, 0] == world)[0])


def length_of(ends: FloatArray, steps: FloatArray) -> float:
    """The distance between two points (2, 3)."""
    return float(np.linalg.norm((ends[1] - ends[0]) @ steps))


def angle_of(points: FloatArray, steps: FloatArray) -> float:
    """The angle in degrees, 0 to 180, at the middle one of three points (3, 3) that differ."""
    one, other = (points[0] - points[1]) @ steps, (points[2] - points[1]) @ steps
    # By both sine and cosine: exact for very small and very flat angles too (Kahan).
    across, along = float(np.linalg.norm(np.cross(one, other))), float(one @ other)
    return float(np.degrees(np.arctan2(across, along)))


def degrees_between(one: FloatArray, other: FloatArray, steps: FloatArray) -> float:
    """The angle in degrees, 0 to 90, between the directions of two lines (2, 3)."""
    moved = np.array([one[1] - one[0], np.zeros(3), other[1] - other[0]])
    angle = angle_of(moved, steps)
    return min(angle, 180.0 - angle)
