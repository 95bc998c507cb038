"""A scan's versions and what people decided about them."""

from __future__ import annotations

from django.db.models import QuerySet

from patients.models import Scan
from segmentation.models import Segmentation, State


def scan_versions(*, scan: Scan) -> QuerySet[Segmentation]:
    """The scan's results, newest first, with lesions and the steps of their reviews."""
    results = Segmentation.objects.filter(scan=scan, state=State.SUCCEEDED)
    results = results.select_related("scan", "study", "parent")
    return results.prefetch_related("lesions", "reviews").order_by("-version")
