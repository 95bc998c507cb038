"""Laying a later scan of a head over an earlier one: the rigid motion between the two.

Mutual information is what two sequences have in common even where their contrasts differ
(Mattes et al., "PET-CT image registration in the chest using free-form deformations", IEEE TMI
2003); SimpleITK climbs it from coarse to fine. Everything here is in RAS+ millimetres; ITK's own
world is LPS, so matrices are turned on their way in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its documentation's own name
import torch
from numpy.typing import NDArray
from scipy import ndimage

from ml.alignment_quality import AlignmentQuality, judge, judge_alignment
from ml.errors import RegistrationError
from ml.intensity import FloatArray, head_mask, measure_scale

Matrix = NDArray[np.float64]

LPS_RAS: Matrix = np.diag([-1.0, -1.0, 1.0, 1.0])
WORKING_MM = 2.0
BINS = 48
SEED = 20240229
# Sums of the metric in one piece: in several, their order and with it the last digits would differ
# from run to run. What takes the time, reading and smoothing, uses all threads.
WORK_UNITS = 1
COARSE = 4
# Turns in degrees about the patient's R, A and S that a coarse search tries where the file's own
# position is poor; a head in a coil lies within them.
TURNS = (-25.0, 0.0, 25.0)
KEPT_STARTS = 3
ROUND_HEAD_MM = 6.0


@dataclass(frozen=True)
class Level:
    """One step of the climb: every so-manieth voxel, smoothed, and the share of them looked at."""

    shrink: int
    smooth_mm: float
    sampled: float


WHOLE = (Level(1, 0.0, 0.6),)
LEVELS = (Level(2, 2.0, 0.3), Level(1, 0.0, 0.15))


@dataclass(frozen=True)
class Registration:
    """``matrix`` (4 x 4) takes RAS+ millimetres of the earlier scan to those of the later one."""

    matrix: Matrix
    quality: AlignmentQuality

    def as_dict(self) -> dict[str, float]:
        """The figures of quality, with how far the head was turned and its middle moved."""
        return asdict(self.quality)


def register_heads(
    earlier: FloatArray,
    earlier_affine: Matrix,
    later: FloatArray,
    later_affine: Matrix,
    *,
    on_step: Callable[[], None] = lambda: None,
) -> Registration:
    """The rigid motion from the earlier scan (X, Y, Z) to the later one (X, Y, Z).

    The affines (4 x 4) may be of any orientation and oblique; sequences and resolutions may
    differ. ``on_step`` is called between its steps. It uses as many threads as torch does, and
    gives the same answer every time. Raises RegistrationError, in one plain sentence, where no
    trustworthy fit was found.
    """
    fixed, moving = _working(earlier, earlier_affine), _working(later, later_affine)
    on_step()
    try:
        start = _best_start(fixed, moving)
        on_step()
        found = _climb(fixed, moving, _round_head(fixed), start, LEVELS)
    except RuntimeError as error:
        raise RegistrationError(
            "The two scans could not be aligned: their heads do not overlap enough."
        ) from error
    on_step()
    matrix = _to_ras(found)
    quality = judge_alignment(
        sitk.GetArrayViewFromImage(fixed).T,
        _ras_affine(fixed),
        sitk.GetArrayViewFromImage(moving).T,
        _ras_affine(moving),
        matrix,
    )
    judge(quality)
    return Registration(matrix, quality)


# Images


def _working(values: FloatArray, affine: Matrix) -> sitk.Image:
    """The scan at about ``WORKING_MM`` a voxel along its own axes, its grey values from 0 to 1."""
    scale = measure_scale(values)
    image = _image(np.clip(values, 0.0, scale.high) / (scale.high or 1.0), affine)
    spacing = np.array(image.GetSpacing())
    goal = max(WORKING_MM, float(spacing.min()))
    shape = [max(8, round(n * s / goal)) for n, s in zip(values.shape, spacing, strict=True)]
    step = np.array(values.shape) * spacing / shape
    for axis in np.flatnonzero(step > 1.2 * spacing):
        # What would fold into the coarser grid is smoothed away first.
        image = sitk.RecursiveGaussian(image, float(step[axis]) / 2.355, direction=int(axis))
    first = ((step / spacing - 1) / 2).tolist()
    corner = image.TransformContinuousIndexToPhysicalPoint(first)
    return sitk.Resample(
        image, shape, sitk.Transform(), sitk.sitkLinear, corner, step.tolist(), image.GetDirection()
    )


def _image(values: FloatArray, affine: Matrix) -> sitk.Image:
    """``values`` (X, Y, Z) as ITK's image, placed in its LPS world."""
    placed = LPS_RAS @ affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T, dtype=np.float32))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(placed[:3, 3].tolist())
    image.SetDirection((placed[:3, :3] / spacing).ravel().tolist())
    return image


def _ras_affine(image: sitk.Image) -> Matrix:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return np.asarray(LPS_RAS @ affine, dtype=np.float64)


def _head(image: sitk.Image) -> NDArray[np.bool_]:
    """The head (Z, Y, X) without its inner air."""
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(
        ndimage.binary_opening(head_mask(sitk.GetArrayViewFromImage(image)))
    )
    if not filled.any():
        raise RegistrationError(
            "The two scans could not be aligned: no head was found in one of them."
        )
    return filled


def _round_head(image: sitk.Image) -> sitk.Image:
    """The head and a rim of air round it: the outline, too, says where a head lies."""
    head = _head(image)
    sampling = image.GetSpacing()[::-1]
    near = ndimage.distance_transform_edt(~head, sampling=sampling) <= ROUND_HEAD_MM
    mask = sitk.GetImageFromArray(near.astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def _middle(image: sitk.Image) -> NDArray[np.float64]:
    """The centre of gravity of the head, in ITK's world."""
    index = np.argwhere(_head(image)).mean(axis=0)[::-1]
    return np.array(image.TransformContinuousIndexToPhysicalPoint([float(i) for i in index]))


# The search


def _rigid(centre: NDArray[np.float64]) -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    return transform


def _best_start(fixed: sitk.Image, moving: sitk.Image) -> sitk.Euler3DTransform:
    """The most promising of many positions, after a climb on coarse copies of both scans."""
    low, high = _coarse(fixed), _coarse(moving)
    within, centre = _round_head(low), _middle(low)
    scored: list[tuple[float, int, sitk.Euler3DTransform]] = []
    for angles, moved in _starts(_middle(high) - centre):
        start = _rigid(centre)
        start.SetRotation(*np.radians(angles))
        start.SetTranslation(moved)
        scored.append((_value(low, high, within, start), len(scored), start))
    scored.sort(key=lambda entry: entry[:2])
    climbed: list[tuple[float, int, sitk.Euler3DTransform]] = []
    for _, number, start in scored[:KEPT_STARTS]:
        end = _climb(low, high, within, start, WHOLE)
        climbed.append((_value(low, high, within, end), number, end))
    return min(climbed, key=lambda entry: entry[:2])[2]


def _coarse(image: sitk.Image) -> sitk.Image:
    """A smoothed copy with every ``COARSE``-th voxel along each axis that has enough of them."""
    factors = [max(1, min(COARSE, n // 16)) for n in image.GetSize()]
    smooth = sitk.SmoothingRecursiveGaussian(image, COARSE * min(image.GetSpacing()) / 2.355)
    return sitk.Shrink(smooth, factors)


def _starts(shift: NDArray[np.float64]) -> Iterator[tuple[tuple[float, ...], list[float]]]:
    """As the files place them; then middle upon middle, turned about each axis."""
    yield (0.0, 0.0, 0.0), [0.0, 0.0, 0.0]
    for angles in product(TURNS, repeat=3):
        yield angles, shift.tolist()


def _method(within: sitk.Image, levels: tuple[Level, ...]) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(torch.get_num_threads())
    method.SetNumberOfWorkUnits(WORK_UNITS)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricUseFixedImageGradientFilter(False)
    method.SetMetricUseMovingImageGradientFilter(False)
    method.SetMetricFixedMask(within)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentagePerLevel([level.sampled for level in levels], SEED)
    method.SetShrinkFactorsPerLevel([level.shrink for level in levels])
    method.SetSmoothingSigmasPerLevel([level.smooth_mm for level in levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _value(
    fixed: sitk.Image, moving: sitk.Image, within: sitk.Image, at: sitk.Euler3DTransform
) -> float:
    """The metric of one position, lower being better; infinity where too little overlaps."""
    method = _method(within, WHOLE)
    method.SetInitialTransform(at, inPlace=False)
    try:
        return float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return float("inf")


def _climb(
    fixed: sitk.Image,
    moving: sitk.Image,
    within: sitk.Image,
    start: sitk.Euler3DTransform,
    levels: tuple[Level, ...],
) -> sitk.Euler3DTransform:
    method = _method(within, levels)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0,
        minStep=2e-3,
        numberOfIterations=150,
        relaxationFactor=0.7,
        gradientMagnitudeTolerance=1e-7,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    found = sitk.Euler3DTransform(start)
    method.SetInitialTransform(found, inPlace=True)
    method.Execute(fixed, moving)
    return found


def _to_ras(transform: sitk.Euler3DTransform) -> Matrix:
    """ITK's rotation about a centre as one matrix (4 x 4) between RAS+ millimetres."""
    turn = np.reshape(transform.GetMatrix(), (3, 3))
    centre = np.array(transform.GetCenter())
    moved = np.eye(4)
    moved[:3, :3] = turn
    moved[:3, 3] = centre + np.array(transform.GetTranslation()) - turn @ centre
    return np.asarray(LPS_RAS @ moved @ LPS_RAS, dtype=np.float64)
