"""A visit's scans are read together on one of them, and read again when another one arrives.

What is planned is planned behind the locks of the whole visit: nobody moves, corrects or erases
one of its scans between that and storing what was planned.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from clinic.models import Membership
from ml.errors import NoModelError
from patients.models import Scan
from segmentation.basis import is_as_read
from segmentation.errors import SegmentationError
from segmentation.models import Edit, ReviewState, Segmentation, State
from segmentation.plans import Plan, find_host, plan_reading
from segmentation.services.locks import lock_study, lock_visit
from segmentation.services.queue import ask, request_among, take_plan

TOGETHER = "It is read together with the {} of that day, where the result is."
KEPT = (
    "Nothing was read anew, since somebody has decided on the result of the {} of that day, has it "
    "in review or draws on it. To read them together, please choose “Read again” on the page of "
    "that scan, or “Segment it” on this one’s."
)


@dataclass(frozen=True)
class Asked:
    """What came of a new scan; ``notice`` says it where there is no result of its own."""

    segmentation: Segmentation | None
    notice: str = ""


@transaction.atomic
def read_new_scan(*, scan: Scan, by: Membership) -> Asked:
    """Asks for what a new scan is read for: alone, or with its visit on one of the scans there.

    Nothing is read anew that somebody has looked at: its page offers that. Raises
    SegmentationError, in words, where no model reads it, and ScanErasedError where it is gone.
    """
    return read_among(visit=lock_visit(scan.pk), scan=scan, by=by)


def read_among(*, visit: list[Scan], scan: Scan, by: Membership) -> Asked:
    """As ``read_new_scan``, for who holds the locks of ``visit``, the scan's.

    It goes to another scan only where that one is read with it, which the older of two of one
    sequence is not.
    """
    fresh = next(one for one in visit if one.pk == scan.pk)
    try:
        plan = plan_reading(fresh, visit)
    except NoModelError as error:
        raise SegmentationError(str(error)) from error
    host = find_host(visit) if plan.is_together else None
    if host is None or fresh not in host.scans[1:]:
        return Asked(under_way(fresh) or request_among(visit=visit, scan=fresh, by=by))
    asked = catch_up_among(visit=visit, by=by)
    there = host.scans[0]
    is_read = asked is not None or under_way(there) is not None or _counts_with(there, host)
    return Asked(asked, (TOGETHER if is_read else KEPT).format(there.sequence))


@transaction.atomic
def catch_up(*, study_id: uuid.UUID, by: Membership | None) -> Segmentation | None:
    """Has a visit read again with all its scans where nobody has touched the result of fewer.

    The segmentation that was asked for or is still waiting; None where there is nothing to do, or
    where one is running, whose end comes here again.
    """
    return catch_up_among(visit=lock_study(study_id), by=by)


def catch_up_after(*, segmentation_id: uuid.UUID) -> Segmentation | None:
    """Once a segmentation has ended, however it did: what arrived meanwhile is read."""
    rows = Segmentation.objects.filter(pk=segmentation_id)
    study_id = rows.values_list("study_id", flat=True).first()
    return None if study_id is None else catch_up(study_id=study_id, by=None)


def catch_up_among(*, visit: list[Scan], by: Membership | None) -> Segmentation | None:
    """As ``catch_up``, for who holds the locks of ``visit``."""
    plan = find_host(visit)
    if plan is None:
        return None
    scan = plan.scans[0]
    latest = scan.segmentations.order_by("-created_at").first()
    if latest is None:
        return ask(plan=plan, by=by)
    if latest.state == State.QUEUED:
        return take_plan(segmentation=latest, plan=plan)
    if latest.state == State.RUNNING or _is_to_be_kept(scan, latest, plan):
        return None
    return ask(plan=plan, by=by or latest.requested_by)


def under_way(scan: Scan) -> Segmentation | None:
    """What is queued or running on the scan."""
    return scan.segmentations.active().first()


def _is_to_be_kept(scan: Scan, latest: Segmentation, plan: Plan) -> bool:
    """Whether a person has the say here, or the plan has been carried out, or tried in vain."""
    if Edit.objects.filter(scan=scan).exists():
        return True
    if latest.state == State.FAILED and _was_given(latest, plan) and is_as_read(latest):
        return True
    result = _current(scan)
    if result is None:
        # A correction took it out of the count, which leaves the scan unread; a person's
        # rejection is an answer.
        newest = scan.segmentations.filter(state=State.SUCCEEDED).order_by("-version").first()
        return newest is not None and newest.review == ReviewState.REJECTED
    is_untouched = not result.is_by_a_person and result.review == ReviewState.DRAFT
    return not is_untouched or _was_given(result, plan)


def _counts_with(scan: Scan, plan: Plan) -> bool:
    """Whether what counts on the scan was read from all that is planned."""
    result = _current(scan)
    return result is not None and _was_given(result, plan)


def _current(scan: Scan) -> Segmentation | None:
    return scan.segmentations.filter(is_current=True).first()


def _was_given(attempt: Segmentation, plan: Plan) -> bool:
    return {scan.pk for scan in plan.scans} == set(attempt.inputs.values_list("pk", flat=True))
