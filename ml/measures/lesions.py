"""The lesions of a mask: its 26-connected components, numbered by their size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import BoolArray

NEIGHBOURS_26 = np.ones((3, 3, 3), dtype=np.bool_)

# Of a lesion smaller than this neither diameter nor outline says much, and it may be noise of the
# segmentation: it is counted, but listed apart. The threshold is that of the lesion-wise scores of
# the BraTS 2023 challenge for adult glioma: 50 voxels of 1 mm3.
TINY_ML = 0.05
TINY_VOXELS = 50


def is_tiny(voxels: int, voxel_ml: float | None) -> bool:
    """Whether a lesion is below 0.05 mL, or without a known voxel size below 50 voxels."""
    return voxels < TINY_VOXELS if voxel_ml is None else voxels * voxel_ml < TINY_ML


def number_lesions(mask: BoolArray, pieces: NDArray[np.uint8] | None = None) -> NDArray[np.int32]:
    """The lesions of ``mask`` (Z, H, W) numbered from 1 as they are measured, largest first."""
    return _number_by_size(*(components(mask) if pieces is None else _components_of(pieces)))


def components(mask: BoolArray) -> tuple[NDArray[np.int32], int]:
    """The 26-connected components numbered from 1 in the order of the grid, and how many."""
    labels, count = ndimage.label(mask, structure=NEIGHBOURS_26)
    return np.asarray(labels, dtype=np.int32), int(count)


def _components_of(pieces: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int]:
    """As :func:`components`, for each value by itself: the lowest value's come first."""
    labels = np.zeros(pieces.shape, dtype=np.int32)
    count = 0
    for value, box in enumerate(ndimage.find_objects(pieces), start=1):
        if box is not None:
            own = pieces[box] == value
            found, more = components(own)
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
