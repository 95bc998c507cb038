"""Reviews and versions."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from segmentation.api.serializers.segmentations import SegmentationSerializer
from segmentation.models import Review


class StartSerializer(serializers.Serializer[Any]):
    take_over = serializers.BooleanField(
        default=False, help_text="End another member's review of this scan and begin one's own."
    )


class SignatureSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(
        trim_whitespace=False,
        write_only=True,
        max_length=4096,
        style={"input_type": "password"},
        help_text="The caller's own, asked again.",
    )
    comment = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class RejectionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=1000)


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """One step of a review; ``by`` is the name at the time."""

    by = serializers.CharField(source="by_name", read_only=True)

    class Meta:
        model = Review
        fields = ("action", "by", "at", "comment")
        read_only_fields = fields


class VersionSerializer(SegmentationSerializer):
    """One version of a scan's result with the steps of its review, oldest first."""

    steps = ReviewSerializer(source="reviews", many=True, read_only=True)

    class Meta(SegmentationSerializer.Meta):
        fields = (*SegmentationSerializer.Meta.fields, "steps")
        read_only_fields = fields
