"""Results that rest on other scans too, and what becomes of them when one of those changes."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.utils import timezone

from clinic.models import Membership
from patients.models import Scan
from segmentation.basis import attempts_on, scans_behind
from segmentation.errors import SegmentationError
from segmentation.models import Segmentation, State, Step
from segmentation.services.locks import held_visit, ids_in_visit
from segmentation.services.queue import request_among
from segmentation.services.reviews import withdraw_signatures

REPLACED = "The scan was corrected while it was being segmented, so this run was ended."
PARTNER_REPLACED = (
    "A scan that was read with this one was corrected or erased meanwhile, so this run was ended."
)
READ_WITH = "A scan that it was read with was corrected or erased"


def scans_resting_on(scan: Scan) -> list[Scan]:
    """Other scans whose result that counts, or is under way, rests on this one too."""
    given = Segmentation.objects.filter(inputs=scan).exclude(scan=scan)
    near = Scan.objects.filter(pk__in=given.values("scan")).select_related("study")
    return [other for other in near if scan.pk in _behind_what_counts(other)]


def ids_concerned(scan: Scan) -> set[uuid.UUID]:
    """Whose results may change with a scan: its visit's and those of ``scans_resting_on``.

    Raises ScanErasedError where it is gone.
    """
    return ids_in_visit(scan.pk) | {other.pk for other in scans_resting_on(scan)}


def rests_on_others(scan: Scan) -> bool:
    """Whether the scan's result that counts, or is under way, rests on other scans too."""
    return bool(_behind_what_counts(scan))


def _behind_what_counts(scan: Scan) -> frozenset[uuid.UUID]:
    attempts = attempts_on(scan.pk)
    counting = (row for row in attempts if row.is_current or row.is_active)
    return frozenset().union(*(scans_behind(row, attempts) for row in counting))


def discount_results(
    *,
    scan: Scan,
    by: Membership,
    reason: str,
    because: str = "The scan was corrected",
    ended: str = REPLACED,
) -> None:
    """No result of the scan counts any more; what is under way on it ends, signatures go.

    For who holds the scan's lock.
    """
    # A worker that is on it loses its claim, since its row is no longer running.
    scan.segmentations.active().update(
        state=State.FAILED,
        reason=ended,
        token=None,
        step=Step.NONE,
        finished_at=timezone.now(),
    )
    withdraw_signatures(scan=scan, by=by, reason=reason, because=because)
    scan.segmentations.update(is_current=False)


def read_dependents_again(
    *, scans: list[Scan], held: Collection[uuid.UUID], by: Membership, reason: str
) -> None:
    """For ``scans`` whose results rest on one that is not what it was; ``held`` are the scans that
    the transaction holds, theirs among them."""
    for scan in scans:
        discount_results(scan=scan, by=by, reason=reason, because=READ_WITH, ended=PARTNER_REPLACED)
        try:
            request_among(visit=held_visit(scan.study_id, held), scan=scan, by=by)
        except SegmentationError:
            # No model reads it without the other, or it is archived: its page says so.
            continue
