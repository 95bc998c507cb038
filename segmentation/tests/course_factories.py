"""Courses: results of one patient over the months, with lesions and the links between them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from patients.models import Patient
from patients.tests.factories import StudyFactory
from segmentation.models import Comparison, Segmentation
from segmentation.selectors.course import Course, patient_course
from segmentation.selectors.timeline import patient_timeline
from segmentation.tests.factories import LesionFactory, ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import ComparisonFactory

START = date(2024, 1, 10)


def examine(
    patient: Patient,
    month: float,
    *volumes: float,
    side_mm: float = 20.0,
    condition: dict[str, Any] | None = None,
    scan_of: dict[str, Any] | None = None,
    **of: Any,
) -> Segmentation:
    """The current result of a scan so many months after the first, with a lesion for each volume.

    A lesion's product is ``side_mm`` squared.
    """
    day = START + timedelta(days=round(30 * month))
    study = patient.studies.filter(performed_on=day).first() or StudyFactory(
        patient=patient, performed_on=day, **(condition or {})
    )
    voxels = 100 if volumes else 0
    result = SegmentationFactory(
        scan=ScanFactory(study=study, **(scan_of or {})),
        succeeded=True,
        **{"volume_ml": sum(volumes), "voxels": voxels, **of},
    )
    for number, volume in enumerate(volumes, start=1):
        LesionFactory(
            segmentation=result,
            number=number,
            volume_ml=volume,
            longest_diameter_mm=side_mm,
            perpendicular_diameter_mm=side_mm,
        )
    return result


def link(
    earlier: Segmentation, later: Segmentation, *pairs: tuple[int, int], **of: Any
) -> Comparison:
    """A finished comparison that says which lesion is which."""
    links = [[a, b, 10] for a, b in pairs]
    return ComparisonFactory(
        **{"earlier": earlier, "later": later, "succeeded": True, "links": links, **of}
    )


def link_first_lesions(results: Iterable[Segmentation]) -> None:
    """Each with the one before: lesion 1 is the same one throughout."""
    ordered = list(results)
    for earlier, later in pairwise(ordered):
        link(earlier, later, (1, 1))


def course_of(patient: Patient) -> Course:
    return patient_course(patient=patient, rows=patient_timeline(patient=patient))
