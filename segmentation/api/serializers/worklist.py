"""What waits for a person."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from segmentation.api.serializers.segmentations import SegmentationSerializer
from segmentation.selectors.worklist import FIRST_TAB, TABS, UNASSIGNED, WorklistRow


class WorklistQuery(serializers.Serializer[Any]):
    """Which part of the list."""

    tab = serializers.ChoiceField(choices=list(TABS.items()), default=FIRST_TAB)
    clinician = serializers.CharField(
        default="",
        help_text=(
            f'A member\'s id, or "{UNASSIGNED}": the patients whom this clinician attends, or whom '
            "nobody does."
        ),
    )
    page = serializers.IntegerField(min_value=1, default=1)

    def validate_clinician(self, value: str) -> str:
        if value not in ("", UNASSIGNED):
            serializers.UUIDField().run_validation(value)
        return value


class WaitingScanSerializer(serializers.Serializer[WorklistRow]):
    """The scan of a row, and whose it is."""

    id = serializers.UUIDField(source="scan.pk")
    patient = serializers.UUIDField(source="patient.pk")
    patient_name = serializers.CharField(source="patient.full_name")
    record_number = serializers.CharField(source="patient.record_number")
    sequence = serializers.CharField(source="scan.sequence")
    acquired_on = serializers.DateField(source="scan.study.performed_on")
    uploaded_at = serializers.DateTimeField(source="scan.uploaded_at")
    doubts = serializers.ListField(child=serializers.CharField(), source="scan.doubts")


class WorklistRowSerializer(serializers.Serializer[WorklistRow]):
    """``result`` is the attempt that the row is about; a scan that was held back has none.

    ``amends``: another version, signed before this one, counts until this one is signed.
    """

    scan = WaitingScanSerializer(source="*")
    result = SegmentationSerializer(allow_null=True)
    amends = serializers.BooleanField()


class WorklistSerializer(serializers.Serializer[Any]):
    """One page of one tab; ``counts`` are those of all tabs."""

    tab = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    page = serializers.IntegerField(source="page.number")
    pages = serializers.IntegerField(source="page.paginator.num_pages")
    rows = WorklistRowSerializer(many=True)
