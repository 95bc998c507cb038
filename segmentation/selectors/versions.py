"""A scan's versions and what people decided about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from clinic.models import Membership
from patients.models import Scan
from segmentation.models import Review, ReviewAction, ReviewState, Segmentation, State
from segmentation.selectors.timeline import ScanRow


def scan_versions(*, scan: Scan) -> QuerySet[Segmentation]:
    """The scan's results, newest first, with lesions and the steps of their reviews."""
    results = Segmentation.objects.filter(scan=scan, state=State.SUCCEEDED)
    results = results.select_related("scan", "study", "parent")
    return results.prefetch_related("lesions", "inputs", "reviews").order_by("-version")


def last_withdrawal(*, scan: Scan) -> Review | None:
    """The step that took the last signature away, while nothing has been signed since."""
    steps = Review.objects.filter(
        segmentation__scan=scan, action__in=(ReviewAction.SIGNED, ReviewAction.WITHDRAWN)
    )
    last = steps.select_related("segmentation").order_by("-at", "-pk").first()
    return last if last is not None and last.action == ReviewAction.WITHDRAWN else None


@dataclass(frozen=True)
class ReviewPanel:
    """What one member may do about one version now, and what was done before.

    ``holder`` is the version of the scan that somebody has in review, which may be another one;
    ``since`` says from when. ``steps`` are the version's own, the newest first.
    """

    result: Segmentation
    row: ScanRow
    member: Membership
    holder: Segmentation | None
    since: datetime | None
    steps: list[Review]

    @property
    def is_open(self) -> bool:
        return self.result.review in (ReviewState.DRAFT, ReviewState.IN_REVIEW)

    @property
    def is_mine(self) -> bool:
        """Whether the member has this very version in review."""
        return self.result.review == ReviewState.IN_REVIEW and self._is_held_by_member

    @property
    def _is_held_by_member(self) -> bool:
        return self.holder is not None and self.holder.reviewer_id == self.member.pk

    @property
    def is_with_another(self) -> bool:
        return self.holder is not None and not self._is_held_by_member

    @property
    def may_decide(self) -> bool:
        return self.member.can_edit and self.is_open and not self.is_with_another

    @property
    def outdated(self) -> str:
        """Why the version cannot count any more, so that nobody can sign it; else empty."""
        return self.row.outdated.get(self.result.pk, "") if self.is_open else ""

    @property
    def may_release(self) -> bool:
        in_review = self.result.review == ReviewState.IN_REVIEW
        return in_review and self.member.can_edit and (self.is_mine or self.member.can_administer)

    @property
    def amends(self) -> Segmentation | None:
        """The signed version that counts until this one is signed."""
        return self.row.current if self.row.amendment == self.result else None

    @property
    def decision(self) -> Review | None:
        """The step that signed or rejected it."""
        decided = (ReviewAction.SIGNED, ReviewAction.REJECTED)
        return next((step for step in self.steps if step.action in decided), None)

    @property
    def may_be_made_current(self) -> bool:
        return self.member.can_edit and may_be_made_current(self.row, self.result)


def may_be_made_current(row: ScanRow, result: Segmentation) -> bool:
    """Whether a person may choose this version; the service has the last word."""
    if result.is_current or result.review == ReviewState.REJECTED or result.pk in row.outdated:
        return False
    return result.is_signed or not any(version.is_signed for version in row.versions)


def review_panel(*, result: Segmentation, row: ScanRow, member: Membership) -> ReviewPanel:
    """The panel of one version of the row's scan."""
    held = (v for v in row.versions if v.review == ReviewState.IN_REVIEW)
    holder = next(held, None)
    since = None
    if holder is not None:
        taken = holder.reviews.filter(action=ReviewAction.STARTED).order_by("-at", "-pk")
        since = taken.values_list("at", flat=True).first()
    steps = list(result.reviews.order_by("-at", "-pk"))
    return ReviewPanel(result, row, member, holder, since, steps)
