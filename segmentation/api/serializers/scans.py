"""Studies and scans."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from patients.models import (
    ClinicalChange,
    Patient,
    PictureConvention,
    Scan,
    ScanCorrection,
    Sequence,
    Study,
)
from patients.services.studies import CONDITION
from segmentation.api.fields import PatientField
from segmentation.models import Segmentation
from segmentation.selectors.timeline import row_of
from segmentation.services.uploads import Accepted


class SegmentationStateSerializer(serializers.ModelSerializer[Segmentation]):
    """Enough to poll: ``segmentations/{id}/`` has the rest."""

    class Meta:
        model = Segmentation
        fields = ("id", "state")
        read_only_fields = fields


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """One stored file; ``segmentation`` is the newest attempt at it."""

    patient = serializers.UUIDField(source="study.patient_id", read_only=True)
    acquired_on = serializers.DateField(source="study.performed_on", read_only=True)
    shape = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    affine = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        read_only=True,
        allow_null=True,
    )
    doubts = serializers.ListField(child=serializers.CharField(), read_only=True)
    has_physical_size = serializers.BooleanField(read_only=True)
    is_held_back = serializers.BooleanField(read_only=True)
    segmentation = serializers.SerializerMethodField()
    current_result = serializers.SerializerMethodField()

    class Meta:
        model = Scan
        fields: tuple[str, ...] = (
            "id",
            "patient",
            "study",
            "acquired_on",
            "sequence",
            "original_name",
            "size_bytes",
            "sha256",
            "kind",
            "file_format",
            "shape",
            "channels",
            "data_type",
            "spacing_mm",
            "affine",
            "orientation",
            "slice_count",
            "spacing_is_reliable",
            "has_physical_size",
            "convention",
            "doubts",
            "is_held_back",
            "uploaded_at",
            "archived_at",
            "segmentation",
            "current_result",
        )
        read_only_fields = fields

    @extend_schema_field(SegmentationStateSerializer(allow_null=True))
    def get_segmentation(self, scan: Scan) -> dict[str, Any] | None:
        latest = row_of(scan).latest
        return None if latest is None else dict(SegmentationStateSerializer(latest).data)

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_current_result(self, scan: Scan) -> str | None:
        current = row_of(scan).current
        return None if current is None else str(current.pk)


class AcceptedSerializer(ScanSerializer):
    """A scan that was taken, with what its uploader should know about it."""

    notices = serializers.SerializerMethodField()
    read_with = serializers.SerializerMethodField()

    class Meta(ScanSerializer.Meta):
        fields = (*ScanSerializer.Meta.fields, "notices", "read_with")
        read_only_fields = fields

    def get_notices(self, _scan: Scan) -> list[str]:
        accepted: Accepted = self.context["accepted"]
        return accepted.notices

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_read_with(self, scan: Scan) -> str | None:
        """The segmentation of another scan of that visit in which this one is read too."""
        accepted: Accepted = self.context["accepted"]
        asked = accepted.segmentation
        return None if asked is None or asked.scan_id == scan.pk else str(asked.pk)


class UploadSerializer(serializers.Serializer[Any]):
    """A file and what is declared of it; the file itself is judged by the service."""

    file = serializers.FileField(
        allow_empty_file=True, help_text="NIfTI (.nii, .nii.gz), PNG, JPEG or TIFF."
    )
    sequence = serializers.ChoiceField(choices=Sequence.choices)
    acquired_on = serializers.DateField()
    spacing_is_reliable = serializers.BooleanField(default=True)
    convention = serializers.ChoiceField(
        choices=PictureConvention.choices, default=PictureConvention.UNKNOWN
    )


class CorrectionSerializer(serializers.Serializer[Any]):
    """What the scan is after all, and why; whatever is left out stays as it is."""

    patient = PatientField(queryset=Patient.objects.all(), required=False)
    acquired_on = serializers.DateField(required=False)
    sequence = serializers.ChoiceField(choices=Sequence.choices, required=False)
    spacing_is_reliable = serializers.BooleanField(required=False)
    convention = serializers.ChoiceField(choices=PictureConvention.choices, required=False)
    reason = serializers.CharField(max_length=300)


class ScanCorrectionSerializer(serializers.ModelSerializer[ScanCorrection]):
    class Meta:
        model = ScanCorrection
        fields = ("field", "before", "after", "reason", "corrected_by", "corrected_at")
        read_only_fields = fields


class ScanDetailSerializer(ScanSerializer):
    corrections = ScanCorrectionSerializer(many=True, read_only=True)

    class Meta(ScanSerializer.Meta):
        fields = (*ScanSerializer.Meta.fields, "corrections")
        read_only_fields = fields


class StudySerializer(serializers.ModelSerializer[Study]):
    class Meta:
        model = Study
        fields = ("id", "patient", "performed_on", "created_at", *CONDITION, "condition_at")
        read_only_fields = fields


class ConditionSerializer(serializers.ModelSerializer[Study]):
    """How the patient was on the day of a visit; whatever is left out stays as it is."""

    class Meta:
        model = Study
        fields = CONDITION


class StudyDetailSerializer(serializers.Serializer[Any]):
    """One visit to the scanner with its scans."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    performed_on = serializers.DateField()
    created_at = serializers.DateTimeField()
    steroid_mg = serializers.FloatField(allow_null=True)
    karnofsky = serializers.IntegerField(allow_null=True)
    clinical_change = serializers.ChoiceField(choices=ClinicalChange.choices)
    is_baseline = serializers.BooleanField()
    condition_at = serializers.DateTimeField(allow_null=True)
    scans = ScanSerializer(many=True)
