"""Drawings that are not saved yet, and saving them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from segmentation.models import Edit, Segmentation
from segmentation.selectors.edits import OtherDrawing


class EditSerializer(serializers.ModelSerializer[Edit]):
    """The caller's own drawing; ``base`` is the version that it was begun from."""

    base_version = serializers.IntegerField(source="base.version", default=None, read_only=True)

    class Meta:
        model = Edit
        fields = ("revision", "base", "base_version", "created_at", "updated_at")
        read_only_fields = fields


class OtherDrawingSerializer(serializers.Serializer[OtherDrawing]):
    """That somebody else has an unsaved drawing on the scan."""

    name = serializers.CharField()
    changed_at = serializers.DateTimeField()


class NewerVersionSerializer(serializers.ModelSerializer[Segmentation]):
    """A version in a line."""

    class Meta:
        model = Segmentation
        fields = ("id", "version", "source", "review", "is_current", "finished_at")
        read_only_fields = fields


class DrawingStateSerializer(serializers.Serializer[Any]):
    """How things stand on a scan for who draws on it.

    ``newer`` is what the drawing's base does not know of, ``next_version`` the number that saving
    now would give.
    """

    edit = EditSerializer(allow_null=True)
    others = OtherDrawingSerializer(many=True)
    newer = NewerVersionSerializer(allow_null=True)
    next_version = serializers.IntegerField()


class BaseQuery(serializers.Serializer[Any]):
    """What is being drawn on."""

    base = serializers.UUIDField(
        required=False, help_text="The version that it was begun from, where there was one."
    )


class KeepQuery(BaseQuery):
    """What is kept, beside the labels in the body."""

    revision = serializers.IntegerField(
        min_value=0, help_text="The revision that this one was made from; 0 for a new drawing."
    )


class SaveEditSerializer(serializers.Serializer[Any]):
    revision = serializers.IntegerField(
        min_value=1, help_text="The revision that is kept and is to be saved."
    )
    remark = serializers.CharField(max_length=300, allow_blank=True, default="")
    even_though_newer = serializers.BooleanField(
        default=False, help_text="Save it as one more version though there is a newer one."
    )


class StaleDrawingSerializer(serializers.Serializer[Any]):
    """Refused: another revision is kept (0: none)."""

    detail = serializers.CharField()
    revision = serializers.IntegerField(required=False)


class SaveConflictSerializer(StaleDrawingSerializer):
    """Refused: another revision is kept, or there is a version that the drawing does not know."""

    newer = NewerVersionSerializer(required=False)
