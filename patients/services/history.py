"""Entries of the record: diagnoses and treatments."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from clinic.models import Membership
from clinic.services.log import record_access
from patients.errors import RecordError
from patients.models import Diagnosis, Patient, Treatment

Entry = TypeVar("Entry", Diagnosis, Treatment)


def add_diagnosis(*, patient: Patient, by: Membership, **values: Any) -> Diagnosis:
    return save_entry(entry=Diagnosis(patient=patient), by=by, **values)


def add_treatment(*, patient: Patient, by: Membership, **values: Any) -> Treatment:
    return save_entry(entry=Treatment(patient=patient), by=by, **values)


@transaction.atomic
def save_entry(*, entry: Entry, by: Membership, **values: Any) -> Entry:
    """Writes a new or changed entry; raises RecordError where it contradicts itself."""
    for name, value in values.items():
        setattr(entry, name, value)
    entry.updated_by = by
    try:
        entry.full_clean(exclude=["patient", "updated_by"])
    except ValidationError as error:
        raise RecordError(" ".join(error.messages)) from error
    entry.save()
    _log(entry, by, "edit")
    return entry


@transaction.atomic
def archive_entry(*, entry: Diagnosis | Treatment, by: Membership) -> None:
    entry.archived_at = timezone.now()
    entry.updated_by = by
    entry.save(update_fields=["archived_at", "updated_by", "updated_at"])
    _log(entry, by, "archive")


def _log(entry: Diagnosis | Treatment, by: Membership, verb: str) -> None:
    kind = type(entry).__name__.lower()
    record_access(member=by, action=f"{kind}.{verb}", subject=entry, patient_id=entry.patient_id)
