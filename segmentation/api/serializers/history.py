"""Diagnoses and treatments."""

from __future__ import annotations

from rest_framework import serializers

from patients.models import Diagnosis, Treatment

KEPT_BY_US = ("id", "patient", "created_at", "updated_at")


class DiagnosisSerializer(serializers.ModelSerializer[Diagnosis]):
    class Meta:
        model = Diagnosis
        fields = (
            *KEPT_BY_US,
            "tumour_type",
            "site",
            "who_grade",
            "diagnosed_on",
            "histology",
            "biopsy_result",
            "idh",
            "codeletion_1p19q",
            "mgmt",
        )
        read_only_fields = KEPT_BY_US


class TreatmentSerializer(serializers.ModelSerializer[Treatment]):
    class Meta:
        model = Treatment
        fields = (*KEPT_BY_US, "kind", "description", "started_on", "ended_on", "response")
        read_only_fields = KEPT_BY_US
