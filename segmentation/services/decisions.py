"""A clinician confirms the category of the response rule, or puts another beside it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from clinic.models import Membership
from clinic.services.log import record_access
from patients.models import Scan
from segmentation.errors import DecisionError
from segmentation.models import CriterionName, ResponseCategory, ResponseDecision
from segmentation.selectors.course import Assessed, Entry, patient_course
from segmentation.selectors.course_figures import rests_on
from segmentation.selectors.timeline import patient_timeline
from segmentation.services.locks import lock_scan

CHANGED = (
    "The figures behind this category have changed since the page was loaded. "
    "Please look at it again and decide then."
)
NO_REASON = "Please say why the category differs from the rule's."
NOTHING = "This scan has no result that counts, so there is no category to decide on."


@transaction.atomic
def decide_response(
    *,
    scan: Scan,
    criterion: CriterionName,
    category: ResponseCategory,
    is_preliminary: bool,
    by: Membership,
    seen: str,
    reason: str = "",
) -> ResponseDecision:
    """A new decision; older ones stay. ``seen`` names the figures that the person had before them.

    Raises DecisionError where these have changed meanwhile, where no result counts, and without a
    reason where the decision differs from the rule's category.
    """
    lock_scan(scan.pk)
    entry = _entry(scan)
    assessed = entry.assessed[criterion]
    if assessed.seen != seen:
        raise DecisionError(CHANGED)
    row = _row(entry, assessed, by)
    row.category, row.is_preliminary, row.reason = category, is_preliminary, reason.strip()
    if not row.follows_the_rule and not row.reason:
        raise DecisionError(NO_REASON)
    try:
        row.full_clean(exclude=["scan", "segmentation", "by"])
    except ValidationError as error:
        raise DecisionError(" ".join(error.messages)) from error
    row.save()
    record_access(
        member=by,
        action="response.decide",
        subject=scan,
        patient_id=entry.study.patient_id,
        detail=f"by {row.get_criterion_display().lower()}: {row.category}",
    )
    return row


def _entry(scan: Scan) -> Entry:
    patient = scan.study.patient
    course = patient_course(patient=patient, rows=patient_timeline(patient=patient))
    entry = course.of(scan.pk)
    if entry is None:
        raise DecisionError(NOTHING)
    return entry


def _row(entry: Entry, assessed: Assessed, by: Membership) -> ResponseDecision:
    response = assessed.response
    return ResponseDecision(
        scan=entry.scan,
        segmentation=entry.result,
        criterion=assessed.name,
        rule_category=str(response.category),
        rule_is_preliminary=response.is_preliminary,
        figures=rests_on(entry.observation, response),
        by=by,
        by_name=by.display_name,
    )
