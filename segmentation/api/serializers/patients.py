"""Patients."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from clinic.models import Membership
from patients.models import Patient
from patients.selectors import DEFAULT_SORT, SORTS
from segmentation.api.fields import ClinicianField, check_birth_date


class PatientQuery(serializers.Serializer[Any]):
    """What the list can be asked for."""

    search = serializers.CharField(
        required=False, allow_blank=True, help_text="Words of the name or the record number."
    )
    sort = serializers.ChoiceField(choices=list(SORTS), default=DEFAULT_SORT)
    archived = serializers.BooleanField(
        default=False, help_text="The archived patients in place of the others."
    )


class PatientSerializer(serializers.ModelSerializer[Patient]):
    """One patient with the history that is kept as free text."""

    age = serializers.IntegerField(read_only=True)
    attending = ClinicianField(
        queryset=Membership.objects.all(),
        allow_null=True,
        required=False,
        help_text="The id of a clinician's membership.",
    )
    attending_name = serializers.CharField(
        source="attending.display_name", read_only=True, default=None, allow_null=True
    )

    consent_recorded_by_name = serializers.CharField(
        source="consent_recorded_by.display_name", read_only=True, default=None, allow_null=True
    )

    class Meta:
        model = Patient
        fields = (
            "id",
            "record_number",
            "full_name",
            "birth_date",
            "age",
            "sex",
            "phone",
            "address",
            "emergency_contact",
            "insurance",
            "attending",
            "attending_name",
            "allergies",
            "family_history",
            "symptoms",
            "earlier_conditions",
            "current_medication",
            "research_consent",
            "consent_recorded_by_name",
            "consent_recorded_at",
            "is_demo",
            "created_at",
            "updated_at",
            "archived_at",
        )
        read_only_fields = (
            "id",
            "consent_recorded_at",
            "is_demo",
            "created_at",
            "updated_at",
            "archived_at",
        )
        extra_kwargs = {"birth_date": {"validators": [check_birth_date]}}


class PatientLineSerializer(serializers.ModelSerializer[Patient]):
    """One line of the list of patients."""

    age = serializers.IntegerField(read_only=True)
    last_scan_on = serializers.DateField(read_only=True, allow_null=True)
    diagnosis = serializers.CharField(source="diagnosis_name", read_only=True, allow_null=True)
    who_grade = serializers.IntegerField(source="diagnosis_grade", read_only=True, allow_null=True)

    class Meta:
        model = Patient
        fields = (
            "id",
            "record_number",
            "full_name",
            "birth_date",
            "age",
            "sex",
            "attending",
            "last_scan_on",
            "diagnosis",
            "who_grade",
            "archived_at",
        )
        read_only_fields = fields


class ErasureSerializer(serializers.Serializer[Any]):
    """The patient's record number, typed once more."""

    record_number = serializers.CharField()
