"""Two masks of one head on one grid: what stayed, what grew, what is gone.

Everything is laid on the grid of the earlier scan. Grey values are interpolated linearly; a mask
is interpolated linearly too and cut at one half, which keeps its border where it was, where the
nearest voxel would step by up to half a voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import BoolArray, FloatArray

Matrix = NDArray[np.float64]
Labels = NDArray[np.uint8] | NDArray[np.float32] | BoolArray

# Where affines differ by less, no voxel of a head lies a tenth of a millimetre elsewhere.
GRID_TOLERANCE_MM = 0.1


class Change(IntEnum):
    """The values of a map of differences; 0 is neither."""

    STABLE = 1
    GROWN = 2
    GONE = 3


@dataclass(frozen=True)
class Difference:
    """``labels`` (X, Y, Z) of ``Change``, with how many voxels there are of each."""

    labels: NDArray[np.uint8]
    stable: int
    grown: int
    gone: int


def same_grid(
    shape: tuple[int, ...], affine: Matrix, other_shape: tuple[int, ...], other_affine: Matrix
) -> bool:
    """Whether two grids have the same voxels in the same places of the world (RAS+ mm)."""
    if tuple(shape) != tuple(other_shape):
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij")).reshape(3, -1)
    points = np.vstack([corners, np.ones(corners.shape[1])])
    apart = np.linalg.norm(((affine - other_affine) @ points)[:3], axis=0)
    return bool(apart.max() <= GRID_TOLERANCE_MM)


def resample(
    values: FloatArray, affine: Matrix, *, shape: tuple[int, ...], onto: Matrix, matrix: Matrix
) -> FloatArray:
    """``values`` (X, Y, Z) on the grid of ``shape`` and the affine ``onto``, linearly.

    ``matrix`` (4 x 4) takes RAS+ millimetres of that grid to those of ``affine``. What lies
    outside of ``values`` is zero.
    """
    index = np.linalg.inv(affine) @ matrix @ onto
    moved: FloatArray = ndimage.affine_transform(
        values,
        index[:3, :3],
        index[:3, 3],
        output_shape=shape,
        output=np.float32,
        order=1,
        # An index that rounding puts a hair outside is still the voxel on the edge.
        mode="grid-constant",
    )
    return moved


def resample_mask(
    mask: Labels,
    affine: Matrix,
    *,
    shape: tuple[int, ...],
    onto: Matrix,
    matrix: Matrix,
) -> BoolArray:
    """As ``resample``, for a mask (X, Y, Z; anything above 0): linearly, and cut at one half."""
    share = resample((mask > 0).astype(np.float32), affine, shape=shape, onto=onto, matrix=matrix)
    moved: BoolArray = share > 0.5
    return moved


def resample_labels(
    labels: NDArray[np.integer],
    affine: Matrix,
    *,
    shape: tuple[int, ...],
    onto: Matrix,
    matrix: Matrix,
) -> NDArray[np.integer]:
    """As ``resample``, for numbers that are names (X, Y, Z): each voxel takes the nearest one."""
    index = np.linalg.inv(affine) @ matrix @ onto
    moved: NDArray[np.integer] = ndimage.affine_transform(
        labels,
        index[:3, :3],
        index[:3, 3],
        output_shape=shape,
        output=labels.dtype,
        order=0,
        mode="grid-constant",
    )
    return moved


def compare_masks(earlier: Labels, later: Labels) -> Difference:
    """The difference of two masks on one grid (X, Y, Z; anything above 0 counts)."""
    before, after = earlier > 0, later > 0
    labels = np.zeros(before.shape, dtype=np.uint8)
    labels[before & after] = Change.STABLE
    labels[after & ~before] = Change.GROWN
    labels[before & ~after] = Change.GONE
    counts = np.bincount(labels.ravel(), minlength=4)
    return Difference(labels, stable=int(counts[1]), grown=int(counts[2]), gone=int(counts[3]))
