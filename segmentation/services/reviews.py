"""Who has read a result, and what they decided: taken into review, signed or rejected.

Each step locks the scan, is a ``Review`` row that is never changed, and a line of the access log.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from clinic.models import Membership
from clinic.services.log import record_access
from clinic.services.passwords import confirm_password
from patients.models import Scan
from segmentation.basis import why_outdated
from segmentation.errors import ReviewError
from segmentation.models import Review, ReviewAction, ReviewState, Segmentation, State
from segmentation.services.drafts import Draft, compare_with_draft
from segmentation.services.lesion_links import match_on_commit
from segmentation.services.locks import lock_scan

LOG_WORDS = {
    ReviewAction.STARTED: "review.start",
    ReviewAction.RELEASED: "review.release",
    ReviewAction.SIGNED: "review.sign",
    ReviewAction.REJECTED: "review.reject",
    ReviewAction.WITHDRAWN: "review.withdraw",
    ReviewAction.MADE_CURRENT: "review.make_current",
}
REVIEW_FIELDS = ("review", "reviewer", "reviewer_name", "reviewed_at", "draft", "draft_dice")


@transaction.atomic
def start_review(*, result: Segmentation, by: Membership, take_over: bool = False) -> Segmentation:
    """Takes a draft into review, so that others see who is reading it.

    Raises ReviewError where it is decided already, or where another member has it or another
    version of the scan; with ``take_over`` theirs ends, which is recorded.
    """
    locked = _lock(result)
    _refuse_decided(locked)
    held = Segmentation.objects.filter(scan=locked.scan_id, review=ReviewState.IN_REVIEW).first()
    if held is not None and held.reviewer_id == by.pk and held.pk == locked.pk:
        return locked
    comment = ""
    if held is not None:
        if held.reviewer_id != by.pk and not take_over:
            raise ReviewError(who_has_it(held))
        if held.reviewer_id != by.pk:
            comment = f"Taken over from {held.reviewer_name}."
        if held.pk != locked.pk:
            _set_draft(held)
            _record(held, by, ReviewAction.RELEASED, comment or f"Now at version {locked.version}.")
    locked.review = ReviewState.IN_REVIEW
    locked.reviewer, locked.reviewer_name = by, by.display_name
    locked.save(update_fields=["review", "reviewer", "reviewer_name"])
    _record(locked, by, ReviewAction.STARTED, comment)
    return locked


@transaction.atomic
def release_review(*, result: Segmentation, by: Membership) -> Segmentation:
    """Gives a review back: one's own, or as an administrator anybody's.

    Raises ReviewError for anybody else, and where it is not in review.
    """
    locked = _lock(result)
    if locked.review != ReviewState.IN_REVIEW:
        raise ReviewError("Nobody has this version in review.")
    if locked.reviewer_id != by.pk and not by.can_administer:
        raise ReviewError(who_has_it(locked))
    comment = "" if locked.reviewer_id == by.pk else f"It was with {locked.reviewer_name}."
    _set_draft(locked)
    _record(locked, by, ReviewAction.RELEASED, comment)
    return locked


def sign_result(
    *, result: Segmentation, by: Membership, password: str, request: HttpRequest, comment: str = ""
) -> Segmentation:
    """Makes a draft, or what one has in review, a signed result: locked, and the current one.

    The password is asked before anything else and outside the transaction, so that a wrong one
    is counted whatever comes of the rest. Raises PasswordError, or ReviewError where the result
    is decided already, no longer fits its scan or what it was read with, is older than what is
    signed, or is with someone else.
    """
    confirm_password(member=by, password=password, request=request)
    # Masks of results never change, so they are read before anything is locked.
    return _sign(result, by, comment.strip(), compare_with_draft(result))


@transaction.atomic
def _sign(result: Segmentation, by: Membership, comment: str, draft: Draft) -> Segmentation:
    locked = _lock(result)
    _refuse_decided(locked)
    _refuse_while_with_another(locked, by)
    _refuse_outdated(locked)
    _refuse_older_than_signed(locked)
    _end_own_reviews(locked, by)
    Segmentation.objects.filter(scan=locked.scan_id, is_current=True).update(is_current=False)
    locked.is_current = True
    locked.draft, locked.draft_dice = draft.model_result, draft.dice
    _decide(locked, by, ReviewState.SIGNED)
    _record(locked, by, ReviewAction.SIGNED, comment)
    match_on_commit(locked.study.patient_id)
    return locked


@transaction.atomic
def reject_result(*, result: Segmentation, by: Membership, reason: str) -> Segmentation:
    """Says that a draft must not count, and why.

    Where it was the current one, no result counts for the scan until a person chooses another
    version or makes one: an earlier one is not put in its place unseen. Raises ReviewError
    without a reason, where the result is decided already, or where it is with someone else.
    """
    reason = reason.strip()
    if not reason:
        raise ReviewError("Please say why this result is rejected.")
    locked = _lock(result)
    _refuse_decided(locked)
    _refuse_while_with_another(locked, by)
    locked.is_current = False
    _decide(locked, by, ReviewState.REJECTED)
    _record(locked, by, ReviewAction.REJECTED, reason)
    match_on_commit(locked.study.patient_id)
    return locked


@transaction.atomic
def make_current(*, result: Segmentation, by: Membership) -> Segmentation:
    """Makes a version the one that counts.

    Raises ReviewError for a rejected one, for one that no longer fits its scan or what it was read
    with, and for an unsigned one while another is signed.
    """
    locked = _lock(result)
    if locked.is_current:
        return locked
    if locked.review == ReviewState.REJECTED:
        raise ReviewError(f"Version {locked.version} was rejected, so it cannot count.")
    _refuse_outdated(locked)
    versions = Segmentation.objects.filter(scan=locked.scan_id)
    signed = versions.filter(review=ReviewState.SIGNED).first()
    if signed is not None and not locked.is_signed:
        raise ReviewError(
            f"Version {signed.version} is signed and counts until another version is signed."
        )
    versions.filter(is_current=True).update(is_current=False)
    locked.is_current = True
    locked.save(update_fields=["is_current"])
    _record(locked, by, ReviewAction.MADE_CURRENT)
    match_on_commit(locked.study.patient_id)
    return locked


def withdraw_signatures(
    *, scan: Scan, by: Membership, reason: str, because: str = "The scan was corrected"
) -> int:
    """Makes a scan's signed results drafts again, and ends reviews; how many were signed.

    For who holds the scan's lock, in the transaction that changes how the scan is read.
    """
    touched = Segmentation.objects.filter(
        scan=scan, review__in=(ReviewState.SIGNED, ReviewState.IN_REVIEW)
    )
    withdrawn = 0
    for result in touched.select_related("study"):
        was_signed = result.is_signed
        withdrawn += was_signed
        _set_draft(result)
        action = ReviewAction.WITHDRAWN if was_signed else ReviewAction.RELEASED
        _record(result, by, action, f"{because}: {reason}")
    return withdrawn


def who_has_it(result: Segmentation) -> str:
    """Who has a result in review, and since when, in a sentence."""
    since = review_since(result)
    when = f" since {timezone.localtime(since):%-d %b %Y, %H:%M}" if since else ""
    return (
        f"{result.reviewer_name} has version {result.version} of this scan in review{when}. "
        "Take it over if it should be yours."
    )


def review_since(result: Segmentation) -> datetime | None:
    """When the review under way began; None where it is not in review."""
    if result.review != ReviewState.IN_REVIEW:
        return None
    steps = result.reviews.filter(action=ReviewAction.STARTED).order_by("-at", "-pk")
    return steps.values_list("at", flat=True).first()


def _lock(result: Segmentation) -> Segmentation:
    """The result read afresh, for who then holds its scan. Raises ReviewError without a mask."""
    lock_scan(result.scan_id)
    fresh = Segmentation.objects.select_related("study", "scan").get(pk=result.pk)
    if fresh.state != State.SUCCEEDED:
        raise ReviewError("There is no result to review: the segmentation has not succeeded.")
    if fresh.scan.archived_at is not None:
        raise ReviewError("The scan is archived. Please restore it first.")
    return fresh


def _refuse_decided(result: Segmentation) -> None:
    if result.is_signed:
        raise ReviewError(
            f"Version {result.version} was signed by {result.reviewer_name} and is locked. "
            "To change it, save a corrected version and sign that."
        )
    if result.review == ReviewState.REJECTED:
        raise ReviewError(
            f"Version {result.version} was rejected by {result.reviewer_name}. "
            "Save a corrected version, or choose another one."
        )


def _refuse_while_with_another(result: Segmentation, by: Membership) -> None:
    held = Segmentation.objects.filter(scan=result.scan_id, review=ReviewState.IN_REVIEW)
    other = held.exclude(reviewer=by).first()
    if other is not None:
        raise ReviewError(who_has_it(other))


def _refuse_outdated(result: Segmentation) -> None:
    reason = why_outdated(result)
    if reason:
        raise ReviewError(f"{reason} Run the model again, or save a corrected version.")


def _refuse_older_than_signed(result: Segmentation) -> None:
    newer = Segmentation.objects.filter(
        scan=result.scan_id, review=ReviewState.SIGNED, version__gt=result.version or 0
    ).first()
    if newer is not None:
        raise ReviewError(
            f"Version {newer.version} is newer and was signed by {newer.reviewer_name}. "
            "To go back to this one, save it as a new version and sign that."
        )


def _end_own_reviews(result: Segmentation, by: Membership) -> None:
    """What the signer had in review of the same scan is given back."""
    for other in Segmentation.objects.filter(
        scan=result.scan_id, review=ReviewState.IN_REVIEW
    ).exclude(pk=result.pk):
        _set_draft(other)
        _record(other, by, ReviewAction.RELEASED, f"Version {result.version} was signed.")


def _set_draft(result: Segmentation) -> None:
    result.review = ReviewState.DRAFT
    result.reviewer, result.reviewer_name, result.reviewed_at = None, "", None
    result.draft, result.draft_dice = None, None
    result.save(update_fields=REVIEW_FIELDS)


def _decide(result: Segmentation, by: Membership, decision: ReviewState) -> None:
    result.review = decision
    result.reviewer, result.reviewer_name = by, by.display_name
    result.reviewed_at = timezone.now()
    result.save(update_fields=["is_current", *REVIEW_FIELDS])


def _record(
    result: Segmentation, by: Membership, action: ReviewAction, comment: str = ""
) -> Review:
    patient_id: uuid.UUID = result.study.patient_id
    record_access(
        member=by,
        action=LOG_WORDS[action],
        subject=result,
        patient_id=patient_id,
        detail=f"version {result.version}",
    )
    return Review.objects.create(
        segmentation=result,
        action=action,
        by=by,
        by_name=by.display_name,
        comment=comment[:1000],
    )
