"""Measures by hand."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from segmentation.api.fields import voxel_points
from segmentation.models import HandMeasure, MeasureKind, Plane


class HandMeasureSerializer(serializers.ModelSerializer[HandMeasure]):
    """Points are voxel indices [i, j, k] of the scan's file, that of a picture with k = 0.

    A distance has two, an angle three with its corner in the middle, two diameters four, the
    longer line first. Millimetres are null where the scan has no reliable voxel size; pixels are
    given there instead. ``segmentation`` and ``lesion_number`` say which automatic diameters were
    edited, if any were.
    """

    points = voxel_points(read_only=True)

    class Meta:
        model = HandMeasure
        fields = (
            "id",
            "scan",
            "kind",
            "plane",
            "points",
            "longest_mm",
            "perpendicular_mm",
            "longest_pixels",
            "perpendicular_pixels",
            "angle_degrees",
            "segmentation",
            "lesion_number",
            "note",
            "author_name",
            "created_at",
        )
        read_only_fields = fields


class DrawnSerializer(serializers.Serializer[Any]):
    """What was drawn. ``replaces`` names the measure that this one takes the place of."""

    kind = serializers.ChoiceField(choices=MeasureKind.choices)
    plane = serializers.ChoiceField(choices=Plane.choices)
    points = voxel_points(min_length=2, max_length=4)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)
    segmentation = serializers.UUIDField(required=False, allow_null=True)
    lesion_number = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    replaces = serializers.UUIDField(required=False, allow_null=True)
