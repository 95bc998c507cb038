"""Reading measures by hand; those that were removed are kept but not shown."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from clinic.models import Clinic
from patients.models import Scan
from segmentation.models import HandMeasure


def list_hand_measures(*, scan: Scan) -> QuerySet[HandMeasure]:
    """What stands on the scan, oldest first."""
    return HandMeasure.objects.filter(scan=scan, removed_at=None).order_by("created_at", "pk")


def get_hand_measure(*, clinic: Clinic, pk: uuid.UUID) -> HandMeasure:
    """The clinic's measure; Http404 for anybody else's and for one that was removed."""
    measures = HandMeasure.objects.filter(scan__study__patient__clinic=clinic, removed_at=None)
    return get_object_or_404(measures.select_related("scan__study"), pk=pk)
