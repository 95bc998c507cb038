"""The figures by searching through every pair of voxels: no hulls, no boxes, no labelling.

Only voxels with a neighbour outside are paired: beyond any other one a voxel of the lesion follows
on every side, so it is never the end of a longest line nor the nearest to another lesion.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

TIE = 1e-6
CHUNK = 500


def lesions_of(mask: np.ndarray) -> list[np.ndarray]:
    """The indices (N, 3) of each set of voxels joined by a face, an edge or a corner."""
    voxels = np.argwhere(mask)
    number = np.full(mask.shape, -1)
    number[tuple(voxels.T)] = np.arange(len(voxels))
    padded = np.pad(number, 1, constant_values=-1)
    pairs = []
    for step in product((-1, 0, 1), repeat=3):
        other = padded[tuple((voxels + 1 + step).T)]
        here = np.flatnonzero(other >= 0)
        pairs.append(np.stack([here, other[here]]))
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_matrix((np.ones(len(first), dtype=bool), (first, second)), shape=(len(voxels),) * 2)
    count, names = connected_components(graph, directed=False)
    parts = np.split(voxels[np.argsort(names, kind="stable")], np.cumsum(np.bincount(names))[:-1])
    assert len(parts) == count
    return sorted(parts, key=lambda part: -len(part))


def outer(voxels: np.ndarray) -> np.ndarray:
    """Those of ``voxels`` (N, D) of which a neighbour is missing, diagonal ones included."""
    low = voxels.min(axis=0) - 1
    own = np.zeros(voxels.max(axis=0) - low + 2, dtype=bool)
    own[tuple((voxels - low).T)] = True
    steps = product((-1, 0, 1), repeat=voxels.shape[1])
    inner = np.all([own[tuple((voxels - low + step).T)] for step in steps], axis=0)
    return voxels[~inner]


def longest_pair(points: np.ndarray) -> float:
    """Over all pairs but those that are too near to the middle to be as far apart as two known."""
    away = np.linalg.norm(points - points.mean(axis=0), axis=1)
    known = float(cdist(points[[away.argmax()]], points).max())
    points = points[away >= known - away.max() - TIE]
    chunks = range(0, len(points), CHUNK)
    return max(float(cdist(points[n : n + CHUNK], points[n:]).max()) for n in chunks)


def longest_3d(voxels: np.ndarray, affine: np.ndarray) -> float:
    return longest_pair(outer(voxels) @ affine[:3, :3].T)


def axial_diameters(voxels: np.ndarray, affine: np.ndarray, slice_axis: int) -> tuple[float, float]:
    """The longest line within one slice and the widest chord of the outline square to it there."""
    sections = []
    for z in np.unique(voxels[:, slice_axis]):
        flat = np.delete(voxels[voxels[:, slice_axis] == z], slice_axis, axis=1)
        edge = np.insert(outer(flat), slice_axis, z, axis=1) @ affine[:3, :3].T
        sections.append((longest_pair(edge), edge))
    longest = max(length for length, _ in sections)
    across = [
        _widest(edge, edge[i], edge[j])
        for length, edge in sections
        if length >= longest - TIE
        for i, j in np.argwhere(cdist(edge, edge) >= longest - TIE)
    ]
    return longest, max(across, default=0.0)


def _widest(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """Between each two points a straight line: the farthest two of them that are over one place."""
    if np.allclose(start, end):
        return 0.0
    along = (end - start) / np.linalg.norm(end - start)
    offsets = points - start
    x = offsets @ along
    sideways = offsets - np.outer(x, along)
    far = sideways[np.linalg.norm(sideways, axis=1).argmax()]
    if np.linalg.norm(far) < TIE:
        return 0.0
    y = sideways @ (far / np.linalg.norm(far))
    return max(_span(x, y, place) for place in np.unique(x))


def _span(x: np.ndarray, y: np.ndarray, place: float) -> float:
    before, after = x <= place + TIE, x >= place - TIE
    gap = x[after][None] - x[before][:, None]
    share = np.where(gap > TIE, (place - x[before][:, None]) / np.maximum(gap, TIE), 0.0)
    height = y[before][:, None] + share * (y[after][None] - y[before][:, None])
    # Two points over the very same place are no line; each stands for itself.
    return float(height.max() - height.min())


def nearest(one: np.ndarray, other: np.ndarray, affine: np.ndarray) -> float:
    first, second = outer(one) @ affine[:3, :3].T, outer(other) @ affine[:3, :3].T
    return min(
        float(cdist(first[n : n + CHUNK], second).min()) for n in range(0, len(first), CHUNK)
    )
