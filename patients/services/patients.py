"""Adding, changing and archiving patients."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image, ImageOps, UnidentifiedImageError

from clinic.models import Membership
from clinic.services.log import record_access
from patients.errors import RecordError, RecordNumberTakenError
from patients.models import Consent, Patient

PHOTO_SIDE = 480
PHOTO_BYTES = 10 * 1024 * 1024
PHOTO_PIXELS = 50_000_000

EDITABLE = frozenset(
    {
        "record_number",
        "full_name",
        "birth_date",
        "sex",
        "phone",
        "address",
        "emergency_contact",
        "insurance",
        "attending",
        "allergies",
        "family_history",
        "symptoms",
        "earlier_conditions",
        "current_medication",
        "research_consent",
    }
)


def add_patient(*, by: Membership, is_demo: bool = False, **values: Any) -> Patient:
    """A new patient of the member's clinic.

    Raises RecordNumberTakenError where the clinic already uses the record number.
    """
    patient = Patient(clinic=by.clinic, created_by=by, is_demo=is_demo)
    return _write(patient, values=values, by=by, action="patient.add")


def update_patient(*, patient: Patient, by: Membership, **values: Any) -> Patient:
    """Changes the named fields; raises as :func:`add_patient` does."""
    return _write(patient, values=values, by=by, action="patient.edit")


def _write(patient: Patient, *, values: dict[str, Any], by: Membership, action: str) -> Patient:
    unknown = set(values) - EDITABLE
    if unknown:
        raise TypeError(f"a patient has no such field: {', '.join(sorted(unknown))}")
    attending = values.get("attending")
    if attending is not None and attending.clinic_id != by.clinic_id:
        raise RecordError("The attending clinician must be a member of this clinic.")
    consent = values.pop("research_consent", patient.research_consent)
    for name, value in values.items():
        setattr(patient, name, value)
    patient.updated_by = by
    try:
        with transaction.atomic():
            patient.save()
            if consent != patient.research_consent:
                record_consent(patient=patient, by=by, consent=consent)
            record_access(
                member=by,
                action=action,
                subject=patient,
                patient_id=patient.pk,
                detail=", ".join(sorted(values)),
            )
    except IntegrityError as error:
        if "record_number_is_unique_in_the_clinic" in str(error):
            raise RecordNumberTakenError(
                f"The record number {patient.record_number} belongs to another patient. "
                "Please check it."
            ) from error
        raise
    return patient


@transaction.atomic
def record_consent(*, patient: Patient, by: Membership, consent: str) -> Patient:
    """What the patient said about research, with who wrote it down and when.

    What it was before stays in the access log. Raises RecordError for an unknown answer.
    """
    if consent not in Consent.values:
        raise RecordError("Please choose whether consent was given, refused or not asked for.")
    before = Consent(patient.research_consent).label.lower()
    patient.research_consent = consent
    patient.consent_recorded_by = by
    patient.consent_recorded_at = timezone.now()
    patient.save(update_fields=["research_consent", "consent_recorded_by", "consent_recorded_at"])
    record_access(
        member=by,
        action="patient.consent",
        subject=patient,
        patient_id=patient.pk,
        detail=f"{Consent(consent).label.lower()}, before: {before}",
    )
    return patient


@transaction.atomic
def archive_patient(*, patient: Patient, by: Membership) -> Patient:
    """Takes the patient off the list; nothing is deleted and it can be undone."""
    patient.archived_at = timezone.now()
    patient.updated_by = by
    patient.save(update_fields=["archived_at", "updated_by", "updated_at"])
    record_access(member=by, action="patient.archive", subject=patient, patient_id=patient.pk)
    return patient


@transaction.atomic
def restore_patient(*, patient: Patient, by: Membership) -> Patient:
    patient.archived_at = None
    patient.updated_by = by
    patient.save(update_fields=["archived_at", "updated_by", "updated_at"])
    record_access(member=by, action="patient.restore", subject=patient, patient_id=patient.pk)
    return patient


def set_photo(*, patient: Patient, by: Membership, upload: BinaryIO) -> Patient:
    """Stores a photo, decoded and encoded again so that nothing else comes in with it.

    Raises RecordError where the file is no usable picture.
    """
    content = ContentFile(_reencode(upload))
    former = patient.photo.name
    with transaction.atomic():
        patient.photo.save("photo.jpg", content, save=False)
        patient.updated_by = by
        patient.save(update_fields=["photo", "updated_by", "updated_at"])
        record_access(member=by, action="patient.photo", subject=patient, patient_id=patient.pk)
        if former:
            storage = patient.photo.storage
            transaction.on_commit(lambda: storage.delete(former))
    return patient


def _reencode(upload: BinaryIO) -> bytes:
    data = upload.read(PHOTO_BYTES + 1)
    if len(data) > PHOTO_BYTES:
        raise RecordError("The photo is larger than 10 MB. Please choose a smaller one.")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > PHOTO_PIXELS:
                raise RecordError("The photo has too many pixels. Please choose a smaller one.")
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise RecordError("The photo could not be read. Please choose a JPEG or PNG.") from error
    upright.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    stream = io.BytesIO()
    upright.save(stream, format="JPEG", quality=88)
    return stream.getvalue()
