"""Results."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from segmentation.models import Lesion, Segmentation, State

NOTICE = "Research software, not for diagnosis."


class SegmentationQuery(serializers.Serializer[Any]):
    """What the list can be narrowed to."""

    state = serializers.ChoiceField(choices=State.choices, required=False)
    patient = serializers.UUIDField(required=False)
    scan = serializers.UUIDField(required=False)


class ModelSerializer(serializers.Serializer[Segmentation]):
    """The model that a segmentation is of."""

    name = serializers.CharField(source="model_name")
    version = serializers.CharField(source="model_version")
    sha256 = serializers.CharField(source="model_sha256")


class LesionSerializer(serializers.ModelSerializer[Lesion]):
    """One connected piece of the mask; slices count from 1 at the foot."""

    class Meta:
        model = Lesion
        fields = (
            "number",
            "voxels",
            "volume_ml",
            "longest_diameter_mm",
            "slices",
            "first_slice",
            "last_slice",
            "key_slice",
            "key_area_pixels",
            "key_area_percent",
            "centroid",
            "mean_probability",
            "side",
            "left_share",
            "place",
        )
        read_only_fields = fields


class SegmentationSerializer(serializers.ModelSerializer[Segmentation]):
    """One segmentation; sizes in mm and mL are null where the scan has no reliable spacing."""

    patient = serializers.UUIDField(source="study.patient_id", read_only=True)
    model = ModelSerializer(source="*", read_only=True)
    labels = serializers.DictField(child=serializers.CharField(), read_only=True)
    found_nothing = serializers.BooleanField(read_only=True)
    has_physical_size = serializers.BooleanField(source="scan.has_physical_size", read_only=True)
    lesions = LesionSerializer(many=True, read_only=True)
    notice = serializers.SerializerMethodField()

    class Meta:
        model = Segmentation
        fields = (
            "id",
            "scan",
            "study",
            "patient",
            "state",
            "step",
            "slices_done",
            "slices_total",
            "reason",
            "attempts",
            "model",
            "labels",
            "is_current",
            "found_nothing",
            "has_physical_size",
            "volume_ml",
            "voxels",
            "tumour_slices",
            "key_slice",
            "key_area_pixels",
            "key_area_percent",
            "mean_probability",
            "lesions",
            "created_at",
            "started_at",
            "finished_at",
            "notice",
        )
        read_only_fields = fields

    def get_notice(self, _segmentation: Segmentation) -> str:
        return NOTICE
