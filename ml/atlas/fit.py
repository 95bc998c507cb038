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

from itertools import product

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from scipy import ndimage, optimize
from scipy.spatial.transform import Rotation

from ml.atlas.look import Level, Look, Scan, Vector, block_means, template_points
from ml.atlas.template import Matrix
from ml.brain import brain_sections
from ml.intensity import BoolArray, FloatArray, measure_scale
from ml.stacks import slices_to_volume, volume_to_slices

WORKING_MM = 2.0
TURNS = (-18.0, 0.0, 18.0)
SIZES = (0.87, 1.0)
SHIFTS_MM = (-24.0, 0.0, 24.0)
KEPT_STARTS = 4
# The brain reaches about this far down from the top of the head.
BRAIN_HEIGHT_MM = 140.0

# Sizes of heads against the template, as logarithms along and across its axes, and how far they
# spread; WEIGHT is what one such spread costs, in nats of information.
USUAL_SIZE, SIZE_SPREAD, SKEW_SPREAD, WEIGHT = -0.09, 0.08, 0.04, 0.015


COARSE, MIDDLE, FINE = Level(9, 4.0, 0), Level(8, 3.0, 25), Level(4, 1.5, 25)
# How much the inside of the brain counts beside all: the outline alone leaves it to slide.
INSIDE = 2.0


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


# The start


def _starts(scan: Scan) -> list[Vector]:
    """The most promising turns, sizes and shifts of the template, by a rough comparison."""
    look, goal = Look(scan, COARSE), _brain_middle(scan)
    scored: list[tuple[float, int, Vector]] = []
    for angles, size, up in product(product(TURNS, repeat=3), SIZES, SHIFTS_MM):
        turn = Rotation.from_euler("xyz", angles, degrees=True).as_rotvec()
        start = np.zeros(12)
        start[:3], start[3:6], start[6] = turn, goal + np.array([0.0, 0.0, up]), np.log(size)
        found = look.compare(_matrix(start, look.points.middle))
        scored.append((-found.information * found.seen, len(scored), start))
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
    whole[:3, :3] = Rotation.from_rotvec(turn).as_matrix() @ _exponential(stretch) * np.exp(size)
    whole[:3, 3] = place - whole[:3, :3] @ middle
    return whole


def _exponential(symmetric: Matrix) -> Matrix:
    """The exponential of a symmetric 3 x 3 matrix, by its axes: scipy's takes a general one."""
    sizes, axes = np.linalg.eigh(symmetric)
    exponential: Matrix = (axes * np.exp(sizes)) @ axes.T
    return exponential


def _unlikely(parameters: Vector) -> float:
    """What the sizes cost for being unlike those of heads."""
    size, (wide, long, *skews) = parameters[6], parameters[7:]
    along = size + np.array([wide, long, -wide - long]) - USUAL_SIZE
    spread = (along**2).sum() / SIZE_SPREAD**2 + (np.square(skews)).sum() / SKEW_SPREAD**2
    return WEIGHT * float(spread) / 2


def _climb(scan: Scan, level: Level, start: Vector, *, parameters: int) -> tuple[float, Vector]:
    """``start`` with its first ``parameters`` improved, and what it then costs."""
    look = Look(scan, level)
    # One unit of each is about as far as another at the brain's surface: 5 mm.
    units = np.array([0.07] * 3 + [5.0] * 3 + [0.07] * 6)[:parameters]

    def cost(moved: Vector) -> float:
        tried = start.copy()
        tried[:parameters] += moved * units
        found = look.compare(_matrix(tried, look.points.middle))
        return _unlikely(tried) - found.information - INSIDE * found.inside

    found = optimize.minimize(
        cost,
        np.zeros(parameters),
        method="L-BFGS-B",
        options={"maxiter": level.rounds, "eps": 0.02, "ftol": 1e-6},
    )
    end = start.copy()
    end[:parameters] += found.x * units
    return float(found.fun), end
