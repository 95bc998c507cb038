"""Studies, and corrections of what was said about a scan when it was uploaded."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
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


CONDITION = ("steroid_mg", "karnofsky", "clinical_change", "is_baseline")


@transaction.atomic
def record_condition(*, study: Study, by: Membership, **values: Any) -> Study:
    """Writes how the patient was on the day of ``study``: any of ``CONDITION``.

    Raises RecordError for what cannot be; nothing is written and logged where nothing changes.
    """
    locked = Study.objects.select_for_update().select_related("patient").get(pk=study.pk)
    changed = {name: new for name, new in values.items() if getattr(locked, name) != new}
    if not changed:
        return locked
    before = {name: _condition_words(locked, name) for name in changed}
    for name, value in changed.items():
        setattr(locked, name, value)
    locked.condition_by, locked.condition_at = by, timezone.now()
    try:
        locked.full_clean(exclude=["patient", "condition_by"])
    except ValidationError as error:
        raise RecordError(" ".join(error.messages)) from error
    locked.save(update_fields=[*changed, "condition_by", "condition_at"])
    record_access(
        member=by,
        action="study.condition",
        subject=locked,
        patient_id=locked.patient_id,
        detail=f"{locked.performed_on:%-d %b %Y}: {_changes(before, locked)}",
    )
    return locked


def _changes(before: dict[str, str], study: Study) -> str:
    changes = (f"{_condition_words(study, name)} (before: {was})" for name, was in before.items())
    return "; ".join(changes)


def _condition_words(study: Study, name: str) -> str:
    """One of ``CONDITION`` as the log says it."""
    value = getattr(study, name)
    if name == "clinical_change":
        return f"clinically {study.get_clinical_change_display().lower()}"
    if name == "is_baseline":
        return "baseline" if value else "baseline by the rule"
    if value is None:
        return "not recorded"
    return f"dexamethasone {value:g} mg a day" if name == "steroid_mg" else f"Karnofsky {value} %"


def remove_empty_study(*, study: Study) -> None:
    """A study that has lost its last scan to a correction is no visit any more.

    One with a recorded condition stays, since a person wrote that down.
    """
    if not study.scans.exists() and not study.has_condition:
        study.delete()
