"""A visit's scans are read together on one of them, and read again when another one arrives."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from clinic.models import Membership
from ml.errors import NoModelError
from patients.models import Scan
from segmentation.errors import ScanErasedError, SegmentationError
from segmentation.models import Edit, ReviewState, Segmentation, State
from segmentation.plans import Plan, find_host, plan_reading, visit_of
from segmentation.services.locks import lock_scan
from segmentation.services.queue import ask, request_segmentation, take_plan


@dataclass(frozen=True)
class Asked:
    """What came of a new scan; ``notice`` says it where there is no result of its own."""

    segmentation: Segmentation | None
    notice: str = ""


def read_new_scan(*, scan: Scan, by: Membership) -> Asked:
    """Asks for what a new scan is read for: alone, or with its visit on one of the scans there.

    Nothing is read anew that somebody has looked at: its page offers that. Raises
    SegmentationError, in words, where no model reads it.
    """
    visit = visit_of(scan.study_id)
    try:
        plan = plan_reading(scan, visit)
    except NoModelError as error:
        raise SegmentationError(str(error)) from error
    host = find_host(visit) if plan.is_together else None
    if host is None:
        return Asked(under_way(scan) or request_segmentation(scan=scan, by=by))
    asked = catch_up(study_id=scan.study_id, by=by)
    if host.scans[0].pk == scan.pk:
        return Asked(asked or under_way(scan))
    return Asked(
        asked,
        f"It is read together with the {host.scans[0].sequence} of that day, where the result is.",
    )


@transaction.atomic
def catch_up(*, study_id: uuid.UUID, by: Membership | None) -> Segmentation | None:
    """Has a visit read again with all its scans where nobody has touched the result of fewer.

    The segmentation that was asked for or is still waiting; None where there is nothing to do, or
    where one is running, whose end comes here again.
    """
    plan = find_host(visit_of(study_id))
    if plan is None:
        return None
    scan = plan.scans[0]
    try:
        lock_scan(scan.pk)
    except ScanErasedError:
        return None
    latest = scan.segmentations.order_by("-created_at").first()
    if latest is None or latest.state == State.FAILED:
        return ask(plan=plan, by=by)
    if latest.state == State.QUEUED:
        return take_plan(segmentation=latest, plan=plan)
    if latest.state == State.RUNNING or not _is_untouched(latest) or _has_read(latest, plan):
        return None
    return ask(plan=plan, by=by or latest.requested_by)


def under_way(scan: Scan) -> Segmentation | None:
    """What is queued or running on the scan."""
    return scan.segmentations.active().first()


def _has_read(result: Segmentation, plan: Plan) -> bool:
    return {scan.pk for scan in plan.scans} == set(result.inputs.values_list("pk", flat=True))


def _is_untouched(result: Segmentation) -> bool:
    """Whether it is a model's, counts, and nobody reviews it or draws on it."""
    return (
        result.is_current
        and not result.is_by_a_person
        and result.review == ReviewState.DRAFT
        and not Edit.objects.filter(scan=result.scan_id).exists()
    )
