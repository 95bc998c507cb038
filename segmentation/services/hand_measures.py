"""Measures that a person takes by hand: kept with the scan and their author."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from clinic.models import Membership
from clinic.services.log import record_access
from ml.geometry import ImageKind
from ml.lines import angle_of, degrees_between, file_steps, length_of, slice_axis
from patients.models import Scan
from segmentation.errors import MeasureError, SegmentationError
from segmentation.models import HandMeasure, Lesion, MeasureKind, Plane
from segmentation.services.locks import lock_scan

POINTS = {MeasureKind.DISTANCE: 2, MeasureKind.ANGLE: 3, MeasureKind.DIAMETERS: 4}
# How far two diameters may be from square: what a person's hand and whole voxels make of it.
SQUARE_WITHIN_DEGREES = 5.0
# Points on one slice may differ by the fractions that come with reading them from a screen.
ONE_SLICE = 0.5
EDGE = 0.5 + 1e-6
ARCHIVED = "The scan is archived. Please restore it first."

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """What a person drew: voxel indices [i, j, k] of the scan's file, on a slice of ``plane``.

    ``segmentation`` and ``lesion_number`` name the automatic diameters that were edited, and
    ``replaces`` the measure by hand that this one takes the place of.
    """

    kind: MeasureKind
    plane: Plane
    points: list[list[float]]
    note: str = ""
    segmentation: uuid.UUID | None = None
    lesion_number: int | None = None
    replaces: uuid.UUID | None = None


@transaction.atomic
def add_hand_measure(*, scan: Scan, by: Membership, drawn: Drawn) -> HandMeasure:
    """Keeps what was drawn with its lengths, worked out here through the scan's affine.

    Raises MeasureError, in one sentence, for points that are no such measure, and
    SegmentationError where the scan is archived.
    """
    # Whether there are millimetres must not change between reading it and storing them.
    lock_scan(scan.pk)
    scan.refresh_from_db()
    if scan.archived_at is not None:
        raise SegmentationError(ARCHIVED)
    points = _checked_points(scan, drawn)
    measure = HandMeasure(
        scan=scan,
        author=by,
        author_name=by.display_name,
        kind=drawn.kind,
        plane=drawn.plane,
        points=[[round(float(value), 4) for value in point] for point in points],
        note=drawn.note.strip(),
    )
    _name_the_lesion(measure, drawn)
    _work_out(measure)
    _check_shape(measure)
    if drawn.replaces is not None:
        _take_the_place(drawn.replaces, measure)
    measure.save()
    _log(by, "measure.add", measure)
    return measure


@transaction.atomic
def remove_hand_measure(*, measure: HandMeasure, by: Membership) -> HandMeasure:
    """Takes a measure off the scan; the row stays, with who removed it and when.

    Raises MeasureError where somebody else did so first, SegmentationError where the scan is
    archived.
    """
    if measure.scan.archived_at is not None:
        raise SegmentationError(ARCHIVED)
    if not _mark_removed(measure, by):
        raise MeasureError("Somebody has removed this measure already.")
    _log(by, "measure.remove", measure)
    return measure


def work_out_again(scan: Scan) -> None:
    """Gives every measure of a scan, removed ones too, the sizes that its spacing now allows.

    Without a reliable size millimetres vanish, and degrees in a volume with them; pixels take
    their place.
    """
    for measure in HandMeasure.objects.filter(scan=scan):
        # The object at hand knows what is being corrected; the row may not have it yet.
        measure.scan = scan
        _work_out(measure)
        measure.save()


def _checked_points(scan: Scan, drawn: Drawn) -> Points:
    needed = POINTS[drawn.kind]
    if len(drawn.points) != needed or any(len(point) != 3 for point in drawn.points):
        raise MeasureError(
            f"{drawn.kind.label} needs {needed} points, each with the voxel's three indices."
        )
    points = np.array(drawn.points, dtype=np.float64)
    shape = np.array(grid_shape(scan))
    if not ((points >= -EDGE) & (points <= shape - 1 + EDGE)).all():
        raise MeasureError("A point lies outside the scan. Please set it on the picture.")
    axis = slice_axis(str(drawn.plane), _affine(scan))
    if np.ptp(points[:, axis]) > ONE_SLICE:
        raise MeasureError(
            f"The points lie on different {drawn.plane.value} slices. Please set them on one."
        )
    return points


def grid_shape(scan: Scan) -> tuple[int, int, int]:
    """How many voxels there are along [i, j, k]: columns, rows and one of a picture."""
    if scan.kind == ImageKind.PICTURE:
        rows, columns = scan.shape
        return columns, rows, 1
    first, second, third = scan.shape
    return first, second, third


def _affine(scan: Scan) -> Points | None:
    return None if scan.affine is None else np.array(scan.affine, dtype=np.float64)


def _name_the_lesion(measure: HandMeasure, drawn: Drawn) -> None:
    """Says whose automatic line was edited; raises MeasureError where there is no such lesion."""
    if drawn.segmentation is None and drawn.lesion_number is None:
        return
    lesions = Lesion.objects.filter(
        segmentation=drawn.segmentation,
        segmentation__scan=measure.scan,
        number=drawn.lesion_number or 0,
    )
    if drawn.kind != MeasureKind.DIAMETERS or not lesions.exists():
        raise MeasureError("These are not the diameters of a lesion that was found on this scan.")
    measure.segmentation_id = drawn.segmentation
    measure.lesion_number = drawn.lesion_number


def _work_out(measure: HandMeasure) -> None:
    """Lengths in millimetres, or in pixels where the scan gives no reliable size."""
    scan, points = measure.scan, np.array(measure.points, dtype=np.float64)
    sized = scan.has_physical_size
    steps = file_steps(_affine(scan), tuple(scan.spacing_mm or ())) if sized else np.eye(3)
    longest = perpendicular = angle = None
    if measure.kind == MeasureKind.DISTANCE:
        longest = length_of(points, steps)
    elif measure.kind == MeasureKind.DIAMETERS:
        # The longer one comes first, whichever was drawn first.
        lines = sorted((points[:2], points[2:]), key=lambda line: -length_of(line, steps))
        measure.points = np.concatenate(lines).tolist()
        longest, perpendicular = (round(length_of(line, steps), 2) for line in lines)
    elif sized or scan.kind == ImageKind.PICTURE:
        # A picture's pixels are taken as squares; a volume's voxels of unknown size are not.
        angle = angle_of(points, steps)
    measure.longest_mm, measure.longest_pixels = _by_unit(longest, sized)
    measure.perpendicular_mm, measure.perpendicular_pixels = _by_unit(perpendicular, sized)
    measure.angle_degrees = None if angle is None else round(angle, 2)


def _by_unit(length: float | None, sized: bool) -> tuple[float | None, float | None]:
    rounded = None if length is None else round(length, 2)
    return (rounded, None) if sized else (None, rounded)


def _check_shape(measure: HandMeasure) -> None:
    """Raises MeasureError for lines without length and for diameters that are not square."""
    scan, points = measure.scan, np.array(measure.points, dtype=np.float64)
    if measure.kind == MeasureKind.ANGLE:
        if np.allclose(points[0], points[1]) or np.allclose(points[1], points[2]):
            raise MeasureError("An angle needs three different points, its corner in the middle.")
        if measure.angle_degrees is None:
            raise MeasureError(
                "The scan gives no reliable voxel size, so an angle cannot be measured on it."
            )
        return
    if any(np.allclose(points[n], points[n + 1]) for n in range(0, len(points), 2)):
        raise MeasureError("The two ends of a line are the same point. Please draw it longer.")
    if measure.kind == MeasureKind.DIAMETERS:
        sized = scan.has_physical_size
        steps = file_steps(_affine(scan), tuple(scan.spacing_mm or ())) if sized else np.eye(3)
        if 90.0 - degrees_between(points[:2], points[2:], steps) > SQUARE_WITHIN_DEGREES:
            raise MeasureError(
                "The two diameters are not at a right angle to each other. "
                f"Please draw them within {SQUARE_WITHIN_DEGREES:.0f} degrees of it."
            )


def _take_the_place(replaced: uuid.UUID, measure: HandMeasure) -> None:
    former = HandMeasure.objects.filter(pk=replaced, scan=measure.scan).first()
    if former is None or measure.author is None or not _mark_removed(former, measure.author):
        raise MeasureError("The measure that was changed has been removed. Please draw it again.")
    if former.kind != measure.kind:
        raise MeasureError("A measure can only be replaced by one of the same kind.")


def _mark_removed(measure: HandMeasure, by: Membership) -> bool:
    """Whether it was still there: of two who remove one measure, only the first does."""
    measure.removed_at, measure.removed_by = timezone.now(), by
    present = HandMeasure.objects.filter(pk=measure.pk, removed_at=None)
    return bool(present.update(removed_at=measure.removed_at, removed_by=by))


def _log(by: Membership, action: str, measure: HandMeasure) -> None:
    record_access(
        member=by,
        action=action,
        subject=measure.scan,
        patient_id=measure.scan.study.patient_id,
        detail=measure.get_kind_display(),
    )
