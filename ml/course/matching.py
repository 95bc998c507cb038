"""Which lesion of one scan is which of another, once both lie on one grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

Labels = NDArray[np.integer]
# Two lesions whose voxels come so near are the same one: a rigid registration of two scans leaves
# a millimetre or two, and a lesion that has shrunk need not meet its former self.
NEAR_MM = 3.0


@dataclass(frozen=True)
class Link:
    """One lesion of either scan that are the same; ``shared`` is the number of voxels in both."""

    earlier: int
    later: int
    shared: int


def match_lesions(
    earlier: Labels,
    later: Labels,
    steps_mm: NDArray[np.float64],
    *,
    near_mm: float = NEAR_MM,
) -> list[Link]:
    """The links between the lesions of two label maps (X, Y, Z) on one grid, 0 being none.

    Lesions that share a voxel are linked, each such pair, so that one that split or two that have
    merged keep both links. One that shares none is linked to the nearest of the other scan if that
    comes within ``near_mm``; with zero only shared voxels count, as where no millimetre can be
    relied on. A later lesion without a link is new, an earlier one is gone.
    ``steps_mm`` (3 x 3) has one column for each axis: its step in millimetres.
    """
    both = (earlier > 0) & (later > 0)
    pairs = np.stack([earlier[both], later[both]])
    found, counts = np.unique(pairs, axis=1, return_counts=True)
    links = [Link(int(a), int(b), int(n)) for (a, b), n in zip(found.T, counts, strict=True)]
    linked = {link.earlier for link in links}, {link.later for link in links}
    alone_before = [n for n in _numbers(earlier) if n not in linked[0]]
    alone_after = [n for n in _numbers(later) if n not in linked[1]]
    links += [
        Link(near, number, 0)
        for number in alone_after
        if (near := _nearest(later == number, earlier, steps_mm, near_mm)) is not None
    ]
    reached = {link.earlier for link in links}
    links += [
        Link(number, near, 0)
        for number in alone_before
        if number not in reached
        and (near := _nearest(earlier == number, later, steps_mm, near_mm)) is not None
    ]
    return sorted(links, key=lambda link: (link.earlier, link.later))


def _numbers(labels: Labels) -> list[int]:
    return [int(number) for number in np.unique(labels) if number > 0]


def _nearest(
    own: NDArray[np.bool_], others: Labels, steps_mm: NDArray[np.float64], near_mm: float
) -> int | None:
    """The lesion of ``others`` with a voxel nearest to ``own``, if within ``near_mm``."""
    if near_mm <= 0:
        return None
    lengths = np.linalg.norm(steps_mm, axis=0)
    margin = np.ceil(near_mm / lengths).astype(int) + 1
    box = tuple(
        slice(max(0, axis.start - int(extra)), axis.stop + int(extra))
        for axis, extra in zip(ndimage.find_objects(own.astype(np.uint8))[0], margin, strict=True)
    )
    inside = others[box]
    places = np.argwhere(inside > 0)
    if not len(places):
        return None
    mine = np.argwhere(own[box] & ~ndimage.binary_erosion(own[box]))
    apart = _distances(places @ steps_mm.T, mine @ steps_mm.T)
    if apart.min() > near_mm:
        return None
    return int(inside[tuple(places[int(apart.argmin())])])


def _distances(points: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each of ``points`` (N, 3) to the nearest of ``to`` (M, 3), in millimetres."""
    from_tree = cKDTree(to).query(points)[0]
    return np.asarray(from_tree, dtype=np.float64)
