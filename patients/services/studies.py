"""Studies, and corrections of what was said about a scan when it was uploaded."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from clinic.models import Membership
from clinic.services.log import record_access
from patients.errors import RecordError
from patients.models import Patient, Scan, ScanCorrection, Study


def study_on(*, patient: Patient, day: date) -> Study:
    """The patient's study of that day, made if there is none.

    Raises RecordError for a day before birth or after today.
    """
    if day > timezone.localdate():
        raise RecordError("The examination date lies in the future. Please check it.")
    if day < patient.birth_date:
        raise RecordError("The examination date lies before the patient's birth. Please check it.")
    study, _ = Study.objects.get_or_create(patient=patient, performed_on=day)
    return study


@transaction.atomic
def record_correction(
    *, scan: Scan, by: Membership, field: str, before: str, after: str, reason: str
) -> ScanCorrection | None:
    """Keeps what changed and why; nothing where nothing changed. Raises without a reason."""
    if before == after:
        return None
    if not reason.strip():
        raise RecordError("Please give a reason for the correction.")
    record_access(
        member=by,
        action="scan.correct",
        subject=scan,
        patient_id=scan.study.patient_id,
        detail=f"{field}: {before} -> {after}",
    )
    return ScanCorrection.objects.create(
        scan=scan,
        field=field,
        before=before[:200],
        after=after[:200],
        reason=reason.strip()[:300],
        corrected_by=by,
    )


@transaction.atomic
def archive_scan(*, scan: Scan, by: Membership) -> Scan:
    """Takes the scan out of the patient's course; its file and results are kept."""
    scan.archived_at = timezone.now()
    scan.save(update_fields=["archived_at"])
    record_access(member=by, action="scan.archive", subject=scan, patient_id=scan.study.patient_id)
    return scan


@transaction.atomic
def restore_scan(*, scan: Scan, by: Membership) -> Scan:
    scan.archived_at = None
    scan.save(update_fields=["archived_at"])
    record_access(member=by, action="scan.restore", subject=scan, patient_id=scan.study.patient_id)
    return scan


def remove_empty_study(*, study: Study) -> None:
    """A study that has lost its last scan to a correction is no visit any more."""
    if not study.scans.exists():
        study.delete()
