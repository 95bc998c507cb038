"""Fields that several serializers use."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers

from clinic.models import Membership
from clinic.selectors import list_clinicians
from patients.models import Patient

EARLIEST_BIRTH = 1880


class ClinicianField(serializers.PrimaryKeyRelatedField[Membership]):
    """A clinician of the caller's clinic by the id of the membership."""

    def get_queryset(self) -> QuerySet[Membership]:
        return list_clinicians(clinic=self.context["clinic"])


class PatientField(serializers.PrimaryKeyRelatedField[Patient]):
    """A patient of the caller's clinic by id; another clinic's patient does not exist."""

    def get_queryset(self) -> QuerySet[Patient]:
        return Patient.objects.of(self.context["clinic"])


def voxel_points(**options: Any) -> serializers.ListField:
    """Points as voxel indices [i, j, k] of the scan's file; fractions are allowed."""
    numbers = serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3)
    return serializers.ListField(child=numbers, **options)


def check_birth_date(day: date) -> None:
    """Raises ValidationError for a birth after today or too long ago."""
    if day > timezone.localdate():
        raise serializers.ValidationError("The birth date lies in the future.")
    if day.year < EARLIEST_BIRTH:
        raise serializers.ValidationError("The birth date lies too far back.")
