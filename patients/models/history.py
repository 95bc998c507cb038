"""What is known of the tumour, and what was done about it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from clinic.models import Membership
from patients.models.patient import Patient


class WhoGrade(models.IntegerChoices):
    ONE = 1, "1"
    TWO = 2, "2"
    THREE = 3, "3"
    FOUR = 4, "4"


class IdhStatus(models.TextChoices):
    MUTANT = "mutant", "IDH-mutant"
    WILDTYPE = "wildtype", "IDH-wildtype"
    UNKNOWN = "unknown", "Not known"


class MarkerStatus(models.TextChoices):
    CODELETED = "codeleted", "Codeleted"
    INTACT = "intact", "Not codeleted"
    UNKNOWN = "unknown", "Not known"


class MgmtStatus(models.TextChoices):
    METHYLATED = "methylated", "Methylated"
    UNMETHYLATED = "unmethylated", "Unmethylated"
    UNKNOWN = "unknown", "Not known"


class RecordEntry(models.Model):
    """What every dated entry of a record has. Entries are archived, not deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Diagnosis(RecordEntry):
    """One diagnosis, as the clinic states it. Nothing here is filled in by a model."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="diagnoses")
    tumour_type = models.CharField(max_length=120)
    site = models.CharField(max_length=120, blank=True)
    who_grade = models.PositiveSmallIntegerField(choices=WhoGrade, null=True, blank=True)
    histology = models.CharField(max_length=200, blank=True)
    biopsy_result = models.TextField(max_length=2000, blank=True)
    idh = models.CharField("IDH", max_length=10, choices=IdhStatus, default=IdhStatus.UNKNOWN)
    codeletion_1p19q = models.CharField(
        "1p/19q", max_length=10, choices=MarkerStatus, default=MarkerStatus.UNKNOWN
    )
    mgmt = models.CharField(
        "MGMT promoter", max_length=12, choices=MgmtStatus, default=MgmtStatus.UNKNOWN
    )
    diagnosed_on = models.DateField()

    class Meta:
        ordering = ("-diagnosed_on", "-created_at")
        verbose_name_plural = "diagnoses"

    def __str__(self) -> str:
        grade = f", WHO grade {self.who_grade}" if self.who_grade else ""
        return f"{self.tumour_type}{grade}"


class TreatmentKind(models.TextChoices):
    SURGERY = "surgery", "Surgery"
    RADIOTHERAPY = "radiotherapy", "Radiotherapy"
    CHEMOTHERAPY = "chemotherapy", "Chemotherapy"
    TARGETED = "targeted", "Targeted therapy"
    STEROIDS = "steroids", "Steroids"
    OBSERVATION = "observation", "Observation"
    OTHER = "other", "Other"


class Treatment(RecordEntry):
    """One treatment with its dates; an end left open means that it goes on."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="treatments")
    kind = models.CharField(max_length=14, choices=TreatmentKind)
    description = models.CharField(max_length=200, blank=True)
    started_on = models.DateField()
    ended_on = models.DateField(null=True, blank=True)
    response = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-started_on", "-created_at")
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_on=None) | Q(ended_on__gte=F("started_on")),
                name="treatment_ends_after_it_starts",
                violation_error_message="The end lies before the start.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} from {self.started_on:%Y-%m-%d}"
