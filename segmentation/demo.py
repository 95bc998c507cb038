"""Demo patients, grown by code: no person, and no file from elsewhere.

Their scans go the way that every upload goes, so the masks on their pages are what the real
pipeline found, misses included.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from clinic.models import Membership
from ml.phantom import Phantom, PhantomLesion, grow_phantom, write_phantom
from patients.models import Patient, Sequence
from patients.services.history import add_diagnosis, add_treatment
from patients.services.patients import add_patient
from patients.services.studies import record_condition
from segmentation.services.uploads import Declaration, accept_upload

SPACING_MM = (1.0, 1.0, 3.0)


@dataclass(frozen=True)
class DemoVisit:
    """A scan so many days before today, with the lesions that it is grown with."""

    days_ago: int
    lesions: tuple[PhantomLesion, ...]


def _frontal(scale: float) -> PhantomLesion:
    return PhantomLesion(
        centre_mm=(-33.0, 18.0, 26.0), radii_mm=(15.0 * scale, 20.0 * scale, 14.0 * scale)
    )


NEW_LESION = PhantomLesion(centre_mm=(36.0, -26.0, 20.0), radii_mm=(10.0, 12.0, 10.0))
# Before the operation, after it, after radiotherapy, on chemotherapy, and the relapse.
COURSE = (
    DemoVisit(420, (_frontal(1.15),)),
    DemoVisit(330, (_frontal(0.95),)),
    DemoVisit(210, (_frontal(0.88),)),
    DemoVisit(110, (_frontal(0.7),)),
    DemoVisit(14, (_frontal(0.92), NEW_LESION)),
)
# Begin and end in days before today.
TREATMENTS = (
    ("surgery", "partial resection (demo)", 385, 385),
    ("radiotherapy", "54 Gy (demo)", 300, 258),
    ("chemotherapy", "temozolomide (demo)", 240, 60),
)
CONDITIONS: dict[int, dict[str, Any]] = {
    420: {"steroid_mg": 4.0, "karnofsky": 90},
    330: {"steroid_mg": 2.0, "karnofsky": 80, "clinical_change": "stable"},
    210: {"steroid_mg": 0.0, "karnofsky": 90, "clinical_change": "better"},
    110: {"steroid_mg": 0.0, "karnofsky": 90, "clinical_change": "stable"},
    14: {"steroid_mg": 0.0, "karnofsky": 80},
}
MULTIFOCAL = (
    DemoVisit(
        45,
        (
            PhantomLesion(centre_mm=(38.0, -28.0, 18.0), radii_mm=(14.0, 17.0, 13.0)),
            PhantomLesion(centre_mm=(26.0, 30.0, 30.0), radii_mm=(9.0, 10.0, 9.0)),
        ),
    ),
)
WITHOUT = (DemoVisit(10, ()),)


def add_demo_patients(*, by: Membership) -> list[Patient]:
    """Three patients: one with a course over five scans, one with two lesions, one with none."""
    return [
        _with_course(by),
        _add(by, "Demo Patient Two", "DEMO-002", "M", date(1968, 9, 14), MULTIFOCAL, seed=22),
        _add(by, "Demo Patient Three", "DEMO-003", "F", date(1990, 1, 30), WITHOUT, seed=33),
    ]


def _with_course(by: Membership) -> Patient:
    patient = _add(by, "Demo Patient One", "DEMO-001", "F", date(1979, 5, 3), COURSE, seed=25)
    today = timezone.localdate()
    add_diagnosis(
        patient=patient,
        by=by,
        tumour_type="Astrocytoma (demo)",
        site="left frontal",
        who_grade=2,
        idh="mutant",
        diagnosed_on=today - timedelta(days=415),
    )
    for kind, description, begin, end in TREATMENTS:
        add_treatment(
            patient=patient,
            by=by,
            kind=kind,
            description=description,
            started_on=today - timedelta(days=begin),
            ended_on=today - timedelta(days=end),
        )
    for study in patient.studies.all():
        days_ago = (today - study.performed_on).days
        record_condition(study=study, by=by, **CONDITIONS[days_ago])
    return patient


def _add(
    by: Membership,
    full_name: str,
    record_number: str,
    sex: str,
    birth_date: date,
    visits: tuple[DemoVisit, ...],
    *,
    seed: int,
) -> Patient:
    patient = add_patient(
        by=by,
        is_demo=True,
        full_name=full_name,
        record_number=record_number,
        sex=sex,
        birth_date=birth_date,
        attending=by,
    )
    for number, visit in enumerate(visits):
        phantom = grow_visit(visit, seed=seed, number=number)
        _upload(patient, by, phantom, timezone.localdate() - timedelta(days=visit.days_ago))
    return patient


def grow_visit(visit: DemoVisit, *, seed: int, number: int) -> Phantom:
    """The head of a visit: the same patient for the same seed, placed anew each time."""
    return grow_phantom(lesions=visit.lesions, seed=seed, visit=number, spacing_mm=SPACING_MM)


def _upload(patient: Patient, by: Membership, phantom: Phantom, day: date) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"demo_flair_{day:%Y%m%d}.nii.gz"
        write_phantom(phantom, path)
        accept_upload(
            patient=patient,
            by=by,
            upload=SimpleUploadedFile(path.name, path.read_bytes()),
            declaration=Declaration(sequence=Sequence.FLAIR, acquired_on=day),
        )
