"""Fitting a scan to the template, and saying whether the fit is to be trusted."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ml.atlas.fit import look_at, search, working_copy
from ml.atlas.look import Scan
from ml.atlas.template import Matrix, load_template
from ml.atlas.template_fit import FitQuality, TemplateFit, brain_in_scan
from ml.geometry import ImageKind
from ml.volumes import MedicalImage

APART_MM = 10.0
# Chosen between good and broken runs; docs/measures.md has the figures of both.
# What the inside of the brain must say: clearly more than 10 mm away, or something at least where
# the outlines agree as well as they only do in skull-stripped files.
LEAST_INFORMATION = 0.04
LEAST_PEAK = 1.3
CLOSE_OVERLAP = 0.92
LEAST_OVERLAP = 0.75
LEAST_SEEN = 0.45
LEAST_SIZE, MOST_SIZE = 0.68, 1.25
MOST_DEGREES = 40.0

NO_SPACING = "the scan's voxel size is not reliable"
NO_AFFINE = "the file does not say how it lies in space"
A_PICTURE = "a single picture cannot be laid on the template"
NO_HEAD = "no head was found in the scan"


def fit_scan(image: MedicalImage, *, spacing_is_reliable: bool = True) -> TemplateFit:
    """How ``image`` (X, Y, Z, any orientation) lies on the template; the same every time.

    It raises nothing for a scan that does not fit: the answer says so and why.
    """
    geometry = image.geometry
    if geometry.kind is ImageKind.PICTURE:
        return TemplateFit.refused(A_PICTURE)
    if geometry.affine is None:
        return TemplateFit.refused(NO_AFFINE)
    if geometry.spacing_mm is None or not spacing_is_reliable:
        return TemplateFit.refused(NO_SPACING)
    scan = working_copy(image.values, image.affine)
    try:
        to_scan = search(scan)
    except ValueError:
        return TemplateFit.refused(NO_HEAD)
    quality = measure_quality(scan, to_scan)
    reason = doubt(quality)
    matrix = tuple(tuple(float(v) for v in row) for row in np.linalg.inv(to_scan))
    return TemplateFit(matrix, trusted=not reason, reason=reason, quality=quality)


def measure_quality(scan: Scan, to_scan: Matrix) -> FitQuality:
    """The figures of ``to_scan``, which takes the template's millimetres to the scan's."""
    look = look_at(scan)
    here = look.compare(to_scan)
    moves = (_moved(axis, way) for axis in range(3) for way in (1, -1))
    apart = [look.compare(move @ to_scan).inside for move in moves]
    left, sizes, right = np.linalg.svd(to_scan[:3, :3])
    return FitQuality(
        information=round(here.inside, 4),
        peak=round(here.inside / max(float(np.mean(apart)), 1e-6), 3),
        overlap=round(_overlap(scan, to_scan), 4),
        seen=round(here.seen, 4),
        least_size=round(float(sizes.min()), 4),
        most_size=round(float(sizes.max()), 4),
        degrees=round(float(np.degrees(Rotation.from_matrix(left @ right).magnitude())), 2),
    )


def doubt(quality: FitQuality) -> str:
    """Why a fit of this quality is not to be trusted; empty where it is."""
    if quality.seen < LEAST_SEEN:
        return "the scan shows too little of the head"
    if not LEAST_SIZE <= quality.least_size <= quality.most_size <= MOST_SIZE:
        return "the head would have a size or shape that heads do not have"
    if quality.degrees > MOST_DEGREES:
        return "the head would be turned further than it can lie in a scanner"
    is_close = quality.peak >= LEAST_PEAK or quality.overlap >= CLOSE_OVERLAP
    if quality.information < LEAST_INFORMATION or not is_close:
        return "no position was found in which scan and template clearly agree"
    if quality.overlap < LEAST_OVERLAP:
        return "the outlines of the brain do not agree"
    return ""


def _overlap(scan: Scan, to_scan: Matrix) -> float:
    template = load_template()
    to_template = np.linalg.inv(to_scan) @ scan.affine
    carried = brain_in_scan(template.brain, template.affine, to_template, scan.brain.shape)
    both = int((carried & scan.brain).sum())
    return 2 * both / max(int(carried.sum()) + int(scan.brain.sum()), 1)


def _moved(axis: int, way: int) -> Matrix:
    moved = np.eye(4)
    moved[axis, 3] = way * APART_MM
    return moved
