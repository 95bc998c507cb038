"""How far apart the surfaces of two masks lie, by MONAI's distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from monai.metrics.utils import get_mask_edges, get_surface_distance
from numpy.typing import NDArray

from ml.intensity import BoolArray

HAUSDORFF_SHARE = 0.95
# Distances are sums of squares of voxel steps, so few differ; rounding far below any voxel lets
# equal ones be counted together.
DECIMALS = 4

Spacing = tuple[float, ...]


@dataclass(frozen=True)
class Spread:
    """Distances that differ and how often each occurs, both (N,), ascending."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces, in the unit of the spacing.

    ``hd95`` is the greater of the two 95th percentiles, from the mask to the reference and back
    (the robust Hausdorff distance of BraTS; Menze et al., IEEE TMI 2015). ``average`` is the mean
    of the distances of both ways together (the average symmetric surface distance). ``outward``
    holds the distances from the mask's surface, ``inward`` those from the reference's.
    """

    hd95: float
    average: float
    outward: Spread
    inward: Spread


def measure_surface(
    mask: BoolArray, reference: BoolArray, *, spacing: Spacing
) -> SurfaceDistances | None:
    """The distances of two masks of one shape, (H, W) or (Z, H, W); None where one is empty.

    ``spacing`` has one size for each axis. The surface is made of the mask's own outermost
    voxels, as ``monai.metrics.compute_hausdorff_distance`` and
    ``compute_average_surface_distance`` take it; only the box that holds both masks is looked at.
    """
    if not mask.any() or not reference.any():
        return None
    box = union_box(mask, reference)
    drawn, true = (torch.from_numpy(np.ascontiguousarray(each[box])) for each in (mask, reference))
    edges = get_mask_edges(drawn, true, crop=False)
    outward, inward = (
        np.asarray(get_surface_distance(*pair, spacing=list(spacing)), dtype=np.float64)
        for pair in (edges, edges[::-1])
    )
    return SurfaceDistances(
        hd95=max(float(np.quantile(way, HAUSDORFF_SHARE)) for way in (outward, inward)),
        average=float(np.concatenate([outward, inward]).mean()),
        outward=_spread(outward),
        inward=_spread(inward),
    )


def union_box(mask: BoolArray, reference: BoolArray) -> tuple[slice, ...]:
    """The smallest box that holds both masks, one slice for each axis; neither may be empty."""
    either = mask | reference
    box = []
    for axis in range(either.ndim):
        others = tuple(other for other in range(either.ndim) if other != axis)
        held = np.flatnonzero(either.any(axis=others))
        box.append(slice(int(held[0]), int(held[-1]) + 1))
    return tuple(box)


def merge_spreads(spreads: Iterable[Spread]) -> Spread:
    """All distances of several spreads together."""
    parts = list(spreads)
    if not parts:
        return Spread(np.zeros(0), np.zeros(0, dtype=np.int64))
    values, place = np.unique(np.concatenate([part.values for part in parts]), return_inverse=True)
    counts = np.bincount(place, weights=np.concatenate([part.counts for part in parts]))
    return Spread(values, counts.astype(np.int64))


def _spread(distances: NDArray[np.float64]) -> Spread:
    return Spread(*np.unique(distances.round(DECIMALS), return_counts=True))
