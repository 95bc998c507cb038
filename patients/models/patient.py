"""The person whose scans these are."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Self

from django.db import models
from django.utils import timezone

from clinic.models import Clinic, Membership


class Sex(models.TextChoices):
    FEMALE = "F", "Female"
    MALE = "M", "Male"
    OTHER = "X", "Other"


class Consent(models.TextChoices):
    """What the patient has said about using de-identified images to train models."""

    UNKNOWN = "unknown", "Not asked"
    GIVEN = "given", "Given"
    REFUSED = "refused", "Refused"


class PatientQuerySet(models.QuerySet["Patient"]):
    def of(self, clinic: Clinic) -> Self:
        return self.filter(clinic=clinic)

    def present(self) -> Self:
        return self.filter(archived_at=None)


def photo_path(patient: Patient, _name: str) -> str:
    """A path made of our own identifiers: a name from outside never becomes a path."""
    return f"photos/{patient.pk}/{uuid.uuid4()}.jpg"


class Patient(models.Model):
    """One patient of one clinic, with the history that is kept as free text."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="patients")
    record_number = models.CharField(max_length=40)
    full_name = models.CharField(max_length=160)
    birth_date = models.DateField()
    sex = models.CharField(max_length=1, choices=Sex)
    phone = models.CharField(max_length=40, blank=True)
    address = models.TextField(max_length=400, blank=True)
    emergency_contact = models.CharField(max_length=200, blank=True)
    insurance = models.CharField(max_length=200, blank=True)
    attending = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="patients"
    )
    photo = models.FileField(upload_to=photo_path, blank=True)
    allergies = models.TextField(max_length=2000, blank=True)
    family_history = models.TextField(max_length=4000, blank=True)
    symptoms = models.TextField(max_length=4000, blank=True)
    earlier_conditions = models.TextField(max_length=4000, blank=True)
    current_medication = models.TextField(max_length=4000, blank=True)
    research_consent = models.CharField(max_length=7, choices=Consent, default=Consent.UNKNOWN)
    consent_recorded_by = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    consent_recorded_at = models.DateTimeField(null=True, blank=True)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        ordering = ("full_name", "record_number")
        constraints = [
            models.UniqueConstraint(
                fields=("clinic", "record_number"), name="record_number_is_unique_in_the_clinic"
            ),
            models.CheckConstraint(
                condition=models.Q(sex__in=Sex.values), name="patient_sex_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(research_consent__in=Consent.values), name="consent_is_known"
            ),
        ]
        indexes = [models.Index(fields=("clinic", "full_name"))]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.record_number})"

    @property
    def age(self) -> int:
        return self.age_on(timezone.localdate())

    def age_on(self, day: date) -> int:
        """Whole years from birth to ``day``."""
        before_birthday = (day.month, day.day) < (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - before_birthday

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None
