"""A scan beside the template: what both show at the same points, and how well the two agree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

from ml.alignment_quality import entropy
from ml.atlas.template import Matrix, load_template
from ml.intensity import BoolArray, FloatArray

Vector = NDArray[np.float64]

BINS = 32
# The shells round the brain, in millimetres from it; their bins come before those of the brain.
SHELLS_MM = (0.0, 6.0, 14.0)
SHELL_BINS = 2
INNER_MM = 8.0
LEAST_SHARE = 0.3


@dataclass(frozen=True)
class Level:
    """One step of the climb: the points' distance, the smoothing of the scan, the rounds."""

    step_mm: int
    smooth_mm: float
    rounds: int


@dataclass(frozen=True)
class Scan:
    """A scan for fitting: its rough brain (X, Y, Z), grey values 0 to 1, and its affine."""

    values: FloatArray
    brain: BoolArray
    affine: Matrix


@dataclass(frozen=True)
class Points:
    """Where the template is looked at: millimetres (4, N) and the bin of what is there (N).

    ``inner`` (N) are the points inside the brain and some way from its outline.
    """

    places: Matrix
    bins: NDArray[np.int64]
    inner: BoolArray

    @property
    def middle(self) -> Vector:
        middle: Vector = self.places[:3].mean(axis=1)
        return middle


def block_means(
    values: FloatArray, affine: Matrix, factors: NDArray[np.int64]
) -> tuple[FloatArray, Matrix]:
    """Means of blocks of ``factors`` voxels; what is left over at an axis's end is dropped."""
    counts = np.array(values.shape) // factors
    part = values[tuple(slice(0, int(n * f)) for n, f in zip(counts, factors, strict=True))]
    for axis, factor in enumerate(factors.tolist()):
        if factor > 1:
            starts = np.arange(0, part.shape[axis], factor)
            summed = np.add.reduceat(part, starts, axis=axis)
            part = np.asarray(summed / factor, dtype=np.float32)
    placed = affine.copy()
    placed[:3, 3] += affine[:3, :3] @ ((factors - 1) / 2)
    placed[:3, :3] = affine[:3, :3] * factors
    return np.asarray(part, dtype=np.float32), placed


@lru_cache(maxsize=4)
def template_points(step_mm: int) -> Points:
    """Points ``step_mm`` apart in the template's brain and its shells."""
    template = load_template()
    factors = np.full(3, 2 if step_mm < 6 else 3)
    pad = 18
    grey = np.pad(np.asarray(template.t1 / 255, dtype=np.float32), pad)
    affine = template.affine.copy()
    affine[:3, 3] -= pad
    small, placed = block_means(grey, affine, factors)
    brain, _ = block_means(np.pad(template.brain, pad).astype(np.float32), affine, factors)
    outside = ndimage.distance_transform_edt(brain < 0.5) * factors[0]
    every = np.round(step_mm / factors[0]).astype(int)
    chosen = np.zeros(small.shape, dtype=np.bool_)
    chosen[::every, ::every, ::every] = True
    indices = np.argwhere(chosen & (outside <= SHELLS_MM[-1]))
    here = tuple(indices.T)
    shell = np.searchsorted(SHELLS_MM, outside[here])
    inner = np.clip(small[here] * BINS, 0, BINS - 1).astype(np.int64) + SHELL_BINS
    bins = np.where(shell == 0, inner, shell - 1)
    inner = ndimage.distance_transform_edt(brain >= 0.5)[here] * factors[0] > INNER_MM
    return Points(placed @ np.vstack([indices.T, np.ones(len(indices))]), bins, inner)


@dataclass(frozen=True)
class Agreement:
    """Mutual information in nats of all points, and of those ``inside`` the brain, where its
    outline has no say; ``seen`` is the share of the points that the scan shows."""

    information: float
    inside: float
    seen: float


class Look:
    """A scan as one level of the climb sees it."""

    def __init__(self, scan: Scan, level: Level) -> None:
        spacing = np.linalg.norm(scan.affine[:3, :3], axis=0)
        smooth = ndimage.gaussian_filter(scan.values, level.smooth_mm / spacing)
        values = np.asarray(smooth * (BINS - 1.001), dtype=np.float32)
        self.values = torch.from_numpy(values)[None, None]
        # What an index is multiplied by to lie between 0 and 2, as torch counts along an axis.
        self.scale = 2 / np.maximum(np.array(smooth.shape) - 1, 1).reshape(3, 1)
        self.inverse = np.linalg.inv(scan.affine)
        self.points = template_points(level.step_mm)
        self.last = np.array(smooth.shape).reshape(3, 1) - 0.5

    def compare(self, to_scan: Matrix) -> Agreement:
        """How well the template, laid on the scan by ``to_scan``, tells what the scan shows."""
        index = self._indices(to_scan)
        seen = np.all((index > -0.5) & (index < self.last), axis=0)
        share = float(seen.mean())
        if share < LEAST_SHARE:
            return Agreement(0.0, 0.0, share)
        found = self._values_at(index[:, seen])
        bins, inner = self.points.bins[seen], self.points.inner[seen]
        enough = inner.sum() >= LEAST_SHARE * self.points.inner.sum()
        within = _joint(bins[inner], found[inner])
        around = _joint(bins[~inner], found[~inner])
        inside = _information(within) if enough else 0.0
        return Agreement(_information(within + around), inside, share)

    def _values_at(self, index: Vector) -> FloatArray:
        """Between the voxels linearly, and beyond the last ones theirs: what scipy's
        ``map_coordinates`` gives, in a quarter of its time."""
        placed = np.ascontiguousarray((index * self.scale - 1)[::-1].T, dtype=np.float32)
        grid = torch.from_numpy(placed)[None, None, None]
        found = functional.grid_sample(
            self.values, grid, mode="bilinear", padding_mode="border", align_corners=True
        )
        return found[0, 0, 0, 0].numpy()

    def _indices(self, to_scan: Matrix) -> Vector:
        """The scan's indices (3, N) of the points; summed here, as a BLAS of several threads
        takes more of the processor for so small a product than all the rest of the climb."""
        whole = self.inverse @ to_scan
        index: Vector = whole[:3, 3:] + whole[:3, :1] * self.points.places[0]
        for axis in (1, 2):
            index += whole[:3, axis : axis + 1] * self.points.places[axis]
        return index


def _joint(bins: NDArray[np.int64], found: FloatArray) -> Vector:
    """How often each of the template's ``bins`` meets each bin of the scan's values, 0 to BINS - 1.

    A scan's grey value counts for the two bins that it lies between, so the sum is smooth.
    """
    low = found.astype(np.int64)
    above = (found - low).astype(np.float64)
    cell = bins * BINS + low
    cells = (BINS + SHELL_BINS) * BINS
    joint = np.bincount(cell, 1 - above, cells) + np.bincount(cell + 1, above, cells + 1)[:-1]
    counted: Vector = joint.reshape(-1, BINS).astype(np.float64, copy=False)
    return counted


def _information(joint: Vector) -> float:
    """The mutual information of both sides of ``joint``, in nats."""
    shares = joint / joint.sum()
    return entropy(shares.sum(0)) + entropy(shares.sum(1)) - entropy(shares)
