"""How lesions lie to each other: one focus or several, satellites, distances.

Only lesions that are not tiny count. *Multifocal* is a mask with more than one of them that do not
touch: VASARI's feature 9 speaks of a region of tumour that is not contiguous with the dominant
lesion and lies outside the abnormality round it, which a mask that takes in the oedema shows as a
component of its own. *Satellites* are, by our own definition, the lesions whose distance to the
largest one is at most 20 mm, the margin within which glioblastoma mostly recurs (Hochberg and
Pruitt, Neurology 1980;30:907). Distances run between the nearest voxel centres of two lesions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ml.geometry import ImageKind
from ml.intensity import BoolArray
from ml.measures.lesions import NEIGHBOURS_26, components
from ml.measures.records import Grid, Spread

SATELLITE_MM = 20.0
# With more lesions than this, distances are given to the largest one only.
ALL_PAIRS = 20

Box = tuple[slice, ...]


def find_spread(
    labels: NDArray[np.int32], boxes: Sequence[Box], counted: Sequence[int], grid: Grid
) -> Spread:
    """The spread of the lesions numbered ``counted``, the largest first.

    ``labels`` (Z, H, W) carries the numbers and ``boxes`` holds the box of each, from number 1 on.
    A picture is one slice, on which one focus may look like two, so nothing is said of it.
    """
    if grid.geometry.kind is ImageKind.PICTURE:
        return Spread(None, None, None)
    is_multifocal = len(counted) > 1 and _foci(labels, counted) > 1
    if grid.steps_mm is None:
        return Spread(is_multifocal, None, None)
    trees = [_outer_voxels(labels, n, boxes[n - 1], grid.steps_mm) for n in counted]
    distances = tuple(
        (counted[i], counted[j], _distance(trees[i], trees[j]))
        for i in range(len(counted) if len(counted) <= ALL_PAIRS else 1)
        for j in range(i + 1, len(counted))
    )
    satellites = tuple(
        other for one, other, mm in distances if one == counted[0] and mm <= SATELLITE_MM
    )
    return Spread(is_multifocal, satellites, distances)


def _foci(labels: NDArray[np.int32], counted: Sequence[int]) -> int:
    """How many components the counted lesions make up, those that touch taken together."""
    is_counted = np.zeros(int(labels.max()) + 1, dtype=np.bool_)
    is_counted[list(counted)] = True
    return components(is_counted[labels])[1]


def _outer_voxels(
    labels: NDArray[np.int32], number: int, box: Box, steps_mm: NDArray[np.float64]
) -> cKDTree:
    """The centres, in mm, of a lesion's voxels that have not all 26 neighbours in it.

    No other can be nearest to a point of the grid outside: one of the neighbours would be nearer.
    """
    own: BoolArray = labels[box] == number
    inner = ndimage.binary_erosion(own, structure=NEIGHBOURS_26)
    corner = np.array([axis.start for axis in box])
    return cKDTree((np.argwhere(own & ~inner) + corner) @ steps_mm)


def _distance(one: cKDTree, other: cKDTree) -> float:
    few, many = sorted((one, other), key=lambda tree: tree.n)
    nearest = np.asarray(many.query(few.data)[0])
    return round(float(nearest.min()), 2)
