"""Studies and scans: one visit to the scanner, and one series or image of it."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from clinic.models import Clinic, Membership
from patients.models.patient import Patient


class Sequence(models.TextChoices):
    FLAIR = "FLAIR", "FLAIR"
    T1 = "T1", "T1"
    T1CE = "T1ce", "T1 with contrast (T1ce)"
    T2 = "T2", "T2"
    COMPOSITE = "COMPOSITE", "Composite (T1, FLAIR, T1ce)"


class PictureConvention(models.TextChoices):
    UNKNOWN = "unknown", "Not known"
    RADIOLOGICAL = "radiological", "Radiological: patient's left on the right edge"
    NEUROLOGICAL = "neurological", "Neurological: patient's left on the left edge"


class ClinicalChange(models.TextChoices):
    """How the patient is, against the visit before; the values are those of ``ml.course``."""

    BETTER = "better", "Better"
    STABLE = "stable", "Stable"
    WORSE = "worse", "Worse"
    UNKNOWN = "unknown", "Not recorded"


class Study(models.Model):
    """One visit to the scanner, with what a clinician says of the patient on that day.

    ``steroid_mg`` is the daily dose as dexamethasone (mg), ``karnofsky`` the performance status
    (0 to 100 in tens); both are empty where nobody has recorded them. ``is_baseline`` is a
    clinician's choice, which goes before the one of the response rule.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="studies")
    performed_on = models.DateField()
    created_at = models.DateTimeField(auto_now_add=True)
    steroid_mg = models.FloatField("dexamethasone, mg a day", null=True, blank=True)
    karnofsky = models.PositiveSmallIntegerField("Karnofsky, %", null=True, blank=True)
    clinical_change = models.CharField(
        "patient since the visit before",
        max_length=7,
        choices=ClinicalChange,
        default=ClinicalChange.UNKNOWN,
    )
    is_baseline = models.BooleanField("baseline", default=False)
    condition_by = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    condition_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-performed_on",)
        verbose_name_plural = "studies"
        constraints = [
            models.UniqueConstraint(
                fields=("patient", "performed_on"), name="one_study_for_each_patient_and_day"
            ),
            models.CheckConstraint(
                condition=models.Q(steroid_mg=None) | models.Q(steroid_mg__range=(0, 100)),
                name="steroid_dose_is_possible",
                violation_error_message="The dose is in mg of dexamethasone a day, from 0 to 100.",
            ),
            models.CheckConstraint(
                condition=models.Q(karnofsky=None)
                | models.Q(karnofsky__in=tuple(range(0, 101, 10))),
                name="karnofsky_is_in_tens",
                violation_error_message="The Karnofsky status is from 0 to 100, in tens.",
            ),
            models.CheckConstraint(
                condition=models.Q(clinical_change__in=ClinicalChange.values),
                name="clinical_change_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"Study of {self.performed_on:%Y-%m-%d}"

    @property
    def has_condition(self) -> bool:
        """Whether anybody has recorded how the patient was."""
        return self.condition_at is not None


class ScanQuerySet(models.QuerySet["Scan"]):
    def of(self, clinic: Clinic) -> Self:
        return self.filter(study__patient__clinic=clinic)

    def present(self) -> Self:
        return self.filter(archived_at=None)


def scan_path(scan: Scan, suffix: str) -> str:
    """Where a scan's file is kept: our own identifier and a suffix that fits its content."""
    return f"scans/{scan.pk}/image{suffix}"


class Scan(models.Model):
    """One uploaded file with the grid that its header describes.

    ``shape`` is (X, Y, Z) for a volume and (H, W) for a picture, ``spacing_mm`` one number an
    axis; ``affine`` is 4 x 4 and maps voxel indices to RAS+ millimetres. Both are empty where
    the file states none. ``doubts`` are plain sentences about what does not look right; while
    there are some and nobody has confirmed the scan, it is not segmented. ``template_fit`` is how
    the scan lies on the brain template and whether that is to be trusted (docs/measures.md); the
    worker finds it, and until then it is null.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="scans")
    sequence = models.CharField(max_length=10, choices=Sequence)
    file = models.FileField(upload_to=scan_path, max_length=200)
    original_name = models.CharField(max_length=200)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=8)
    file_format = models.CharField(max_length=8)
    shape = ArrayField(models.PositiveIntegerField())
    channels = models.PositiveSmallIntegerField(default=1)
    data_type = models.CharField(max_length=16)
    spacing_mm = ArrayField(models.FloatField(), null=True, blank=True)
    affine = models.JSONField(null=True, blank=True)
    orientation = models.CharField(max_length=3, blank=True)
    slice_count = models.PositiveIntegerField()
    spacing_is_reliable = models.BooleanField(default=True)
    convention = models.CharField(
        max_length=12, choices=PictureConvention, default=PictureConvention.UNKNOWN
    )
    template_fit = models.JSONField(null=True, blank=True)
    doubts = models.JSONField(default=list, blank=True)
    doubts_confirmed_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    uploaded_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="uploads"
    )
    uploaded_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ScanQuerySet.as_manager()

    class Meta:
        ordering = ("-study__performed_on", "sequence", "uploaded_at")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sequence__in=Sequence.values), name="scan_sequence_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} of {self.study.performed_on:%-d %b %Y}"

    @property
    def patient(self) -> Patient:
        return self.study.patient

    @property
    def has_physical_size(self) -> bool:
        """Whether millimetres and millilitres may be spoken of."""
        return self.spacing_mm is not None and self.spacing_is_reliable

    @property
    def is_held_back(self) -> bool:
        """Whether doubts keep the scan from being segmented until a person confirms it."""
        return bool(self.doubts) and self.doubts_confirmed_by_id is None


class ScanCorrection(models.Model):
    """That a scan's patient, date, sequence or reading was corrected: by whom, and why."""

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="corrections")
    field = models.CharField(max_length=30)
    before = models.CharField(max_length=200)
    after = models.CharField(max_length=200)
    reason = models.CharField(max_length=300)
    corrected_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    corrected_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-corrected_at", "-pk")

    def __str__(self) -> str:
        return f"{self.field}: {self.before} -> {self.after}"
