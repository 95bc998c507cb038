"""Comparisons."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from segmentation.api.serializers.segmentations import NOTICE
from segmentation.comparable import cautions
from segmentation.models import Alignment, Comparison


class ComparisonRequest(serializers.Serializer[Any]):
    """Two results of the patient; without ``alignment`` the fitting one is taken."""

    earlier = serializers.UUIDField()
    later = serializers.UUIDField()
    alignment = serializers.ChoiceField(choices=Alignment.choices, required=False)


class ComparisonSerializer(serializers.ModelSerializer[Comparison]):
    """One comparison, on the grid of the earlier scan.

    ``matrix`` takes RAS+ millimetres of the earlier scan to those of the later one. Volumes in mL
    are null where one of the scans has no reliable voxel size.
    """

    patient = serializers.UUIDField(source="patient_id", read_only=True)
    matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        read_only=True,
        allow_null=True,
    )
    quality = serializers.DictField(child=serializers.FloatField(), read_only=True)
    stable_ml = serializers.FloatField(read_only=True, allow_null=True)
    grown_ml = serializers.FloatField(read_only=True, allow_null=True)
    gone_ml = serializers.FloatField(read_only=True, allow_null=True)
    cautions = serializers.SerializerMethodField()
    notice = serializers.SerializerMethodField()

    class Meta:
        model = Comparison
        fields = (
            "id",
            "patient",
            "earlier",
            "later",
            "alignment",
            "state",
            "step",
            "reason",
            "attempts",
            "matrix",
            "quality",
            "stable_voxels",
            "grown_voxels",
            "gone_voxels",
            "stable_ml",
            "grown_ml",
            "gone_ml",
            "cautions",
            "created_at",
            "finished_at",
            "notice",
        )
        read_only_fields = fields

    def get_cautions(self, comparison: Comparison) -> list[str]:
        return cautions(comparison.earlier, comparison.later)

    def get_notice(self, _comparison: Comparison) -> str:
        return NOTICE
