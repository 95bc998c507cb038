"""Laying the template over a scan: one affine map, found from coarse to fine.

Mutual information (Viola and Wells, IJCV 1997; Mattes et al., IEEE TMI 2003) compares what the
template shows at some thousand points with the scan, so any contrast will do. The points lie in the
template's brain and in two shells round it, where a head has bone and then scalp and a stripped
file nothing. The map is a turn after a symmetric stretch, with a mild preference for the sizes that
heads have: it cannot mirror, and it cannot grow onto the scalp. All is in RAS+ millimetres.

SimpleITK's affine climb, with the same metric, was tried first: without such a preference it left
three of four skull-stripped heads mirrored or flat.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from ml.atlas.template import Matrix, load_template
from ml.brain import brain_sections
from ml.intensity import BoolArray, FloatArray, measure_scale
from ml.stacks import slices_to_volume, volume_to_slices

Vector = NDArray[np.float64]

WORKING_MM = 2.0
BINS = 32
# The shells round the brain, in millimetres from it; their bins come before those of the brain.
SHELLS_MM = (0.0, 6.0, 14.0)
SHELL_BINS = 2
INNER_MM = 8.0
TURNS = (-18.0, 0.0, 18.0)
SIZES = (0.87, 1.0)
SHIFTS_MM = (-24.0, 0.0, 24.0)
KEPT_STARTS = 4
# The brain reaches about this far down from the top of the head.
BRAIN_HEIGHT_MM = 140.0
LEAST_SHARE = 0.3

# Sizes of heads against the template, as logarithms along and across its axes, and how far they
# spread; WEIGHT is what one such spread costs, in nats of information.
USUAL_SIZE, SIZE_SPREAD, SKEW_SPREAD, WEIGHT = -0.09, 0.08, 0.04, 0.015


@dataclass(frozen=True)
class Level:
    """One step of the climb: the points' distance, the smoothing of the scan, the rounds."""

    step_mm: int
    smooth_mm: float
    rounds: int


COARSE, MIDDLE, FINE = Level(9, 4.0, 0), Level(8, 3.0, 25), Level(4, 1.5, 25)
# How much the inside of the brain counts beside all: the outline alone leaves it to slide.
INSIDE = 2.0


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


def working_copy(values: FloatArray, affine: Matrix) -> Scan:
    """The scan (X, Y, Z) averaged over blocks of whole voxels to about ``WORKING_MM``.

    Its axes are first put in the order of RAS, so that copies of one scan which differ only in
    the order of their voxels give the same fit to the last digit.
    """
    values, affine = _in_ras_order(values, affine)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    factors = np.maximum(1, np.floor(WORKING_MM / spacing + 0.2).astype(int))
    factors = np.minimum(factors, np.maximum(1, np.array(values.shape) // 12))
    small, placed = block_means(values, affine, factors)
    scale = measure_scale(small)
    small = np.clip(small, 0.0, scale.high) / (scale.high or 1.0)
    brain = _outline(small, placed)
    return Scan(np.where(brain, small, 0.0).astype(np.float32), brain, placed)


def _in_ras_order(values: FloatArray, affine: Matrix) -> tuple[FloatArray, Matrix]:
    order = io_orientation(affine)
    turned = np.asarray(apply_orientation(values, order), dtype=np.float32)
    return turned, np.asarray(affine @ inv_ornt_aff(order, values.shape), dtype=np.float64)


def _outline(values: FloatArray, affine: Matrix) -> BoolArray:
    """The rough outline of the brain (X, Y, Z): the template has no scalp to be laid on."""
    sections = brain_sections(volume_to_slices(values, affine))
    outline: BoolArray = ndimage.binary_opening(
        np.asarray(slices_to_volume(sections, affine), dtype=np.bool_)
    )
    return outline


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


def search(scan: Scan) -> Matrix:
    """The affine map (4 x 4) from the template's millimetres to the scan's.

    The same scan gives the same map. Raises ValueError where it shows no head.
    """
    starts = _starts(scan)
    rigid = [_climb(scan, MIDDLE, start, parameters=7) for start in starts]
    best = min(rigid, key=lambda entry: entry[0])[1]
    return _matrix(_climb(scan, FINE, best, parameters=12)[1], template_points(FINE.step_mm).middle)


def look_at(scan: Scan) -> Look:
    """The scan as the last level of the climb sees it, for judging where that ended."""
    return Look(scan, FINE)


class Look:
    """A scan as one level of the climb sees it."""

    def __init__(self, scan: Scan, level: Level) -> None:
        spacing = np.linalg.norm(scan.affine[:3, :3], axis=0)
        smooth = ndimage.gaussian_filter(scan.values, level.smooth_mm / spacing)
        self.values = np.asarray(smooth * (BINS - 1.001), dtype=np.float32)
        self.inverse = np.linalg.inv(scan.affine)
        self.points = template_points(level.step_mm)
        self.places, self.bins = self.points.places, self.points.bins
        self.last = np.array(smooth.shape).reshape(3, 1) - 0.5

    def inside(self) -> Look:
        """The same scan, looked at only where the brain's outline has no say."""
        within = copy(self)
        within.places = self.places[:, self.points.inner]
        within.bins = self.bins[self.points.inner]
        return within

    def information(self, to_scan: Matrix) -> tuple[float, float]:
        """Mutual information in nats, and the share of the points that the scan shows.

        A scan's grey value counts for the two bins that it lies between, so the sum is smooth.
        """
        index = (self.inverse @ to_scan)[:3] @ self.places
        seen = np.all((index > -0.5) & (index < self.last), axis=0)
        share = float(seen.mean())
        if share < LEAST_SHARE:
            return 0.0, share
        found = ndimage.map_coordinates(self.values, index[:, seen], order=1, mode="nearest")
        low = found.astype(np.int64)
        above = (found - low).astype(np.float64)
        cell = self.bins[seen] * BINS + low
        cells = (BINS + SHELL_BINS) * BINS
        joint = np.bincount(cell, 1 - above, cells) + np.bincount(cell + 1, above, cells + 1)[:-1]
        shares = joint.reshape(-1, BINS) / len(found)
        return _entropy(shares.sum(0)) + _entropy(shares.sum(1)) - _entropy(shares), share


def _entropy(shares: NDArray[np.float64]) -> float:
    known = shares[shares > 0]
    return float(-(known * np.log(known)).sum())


# The start


def _starts(scan: Scan) -> list[Vector]:
    """The most promising turns, sizes and shifts of the template, by a rough comparison."""
    look, goal = Look(scan, COARSE), _brain_middle(scan)
    scored: list[tuple[float, int, Vector]] = []
    for angles, size, up in product(product(TURNS, repeat=3), SIZES, SHIFTS_MM):
        turn = Rotation.from_euler("xyz", angles, degrees=True).as_rotvec()
        start = np.zeros(12)
        start[:3], start[3:6], start[6] = turn, goal + np.array([0.0, 0.0, up]), np.log(size)
        information, share = look.information(_matrix(start, look.points.middle))
        scored.append((-information * share, len(scored), start))
    scored.sort(key=lambda entry: entry[:2])
    return [start for _, _, start in scored[:KEPT_STARTS]]


def _brain_middle(scan: Scan) -> Vector:
    """About the middle of the brain, of as much as a brain's height below the top of the head."""
    indices = np.argwhere(scan.brain)
    if len(indices) == 0:
        raise ValueError("the scan shows no head")
    places = (scan.affine @ np.vstack([indices.T, np.ones(len(indices))]))[:3]
    upper = places[:, places[2] > np.percentile(places[2], 99.5) - BRAIN_HEIGHT_MM]
    ends = np.percentile(upper, (1, 99), axis=1)
    middle: Vector = ends.mean(axis=0)
    return middle


# The climb


def _matrix(parameters: Vector, middle: Vector) -> Matrix:
    """Three turns (radians), the place of ``middle`` (mm), a size, and five ways to stretch.

    The five are the sizes along R and A against that along S, and the three skews.
    """
    turn, place, size, (wide, long, xy, xz, yz) = np.split(parameters, [3, 6, 7])
    stretch = np.array([[wide, xy, xz], [xy, long, yz], [xz, yz, -wide - long]])
    whole = np.eye(4)
    whole[:3, :3] = Rotation.from_rotvec(turn).as_matrix() @ expm(stretch + size * np.eye(3))
    whole[:3, 3] = place - whole[:3, :3] @ middle
    return whole


def _unlikely(parameters: Vector) -> float:
    """What the sizes cost for being unlike those of heads."""
    size, (wide, long, *skews) = parameters[6], parameters[7:]
    along = size + np.array([wide, long, -wide - long]) - USUAL_SIZE
    spread = (along**2).sum() / SIZE_SPREAD**2 + (np.square(skews)).sum() / SKEW_SPREAD**2
    return WEIGHT * float(spread) / 2


def _climb(scan: Scan, level: Level, start: Vector, *, parameters: int) -> tuple[float, Vector]:
    """``start`` with its first ``parameters`` improved, and what it then costs."""
    look = Look(scan, level)
    within = look.inside()
    # One unit of each is about as far as another at the brain's surface: 5 mm.
    units = np.array([0.07] * 3 + [5.0] * 3 + [0.07] * 6)[:parameters]

    def cost(moved: Vector) -> float:
        tried = start.copy()
        tried[:parameters] += moved * units
        to_scan = _matrix(tried, look.points.middle)
        information = look.information(to_scan)[0] + INSIDE * within.information(to_scan)[0]
        return _unlikely(tried) - information

    found = optimize.minimize(
        cost,
        np.zeros(parameters),
        method="L-BFGS-B",
        options={"maxiter": level.rounds, "eps": 0.02, "ftol": 1e-6},
    )
    end = start.copy()
    end[:parameters] += found.x * units
    return float(found.fun), end
