"""Results that rest on other scans too, and what becomes of them when one of those changes."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from clinic.models import Membership
from patients.models import Scan
from segmentation.errors import SegmentationError
from segmentation.models import ACTIVE, Segmentation, State, Step
from segmentation.services.queue import request_segmentation
from segmentation.services.reviews import withdraw_signatures

REPLACED = "The scan was corrected while it was being segmented, so this run was ended."
READ_WITH = "A scan that it was read with was corrected or erased"


def scans_resting_on(scan: Scan) -> list[Scan]:
    """Other scans whose result that counts, or is under way, was read from this one too.

    A person's mask counts as well where it was made from such a result, whose parts it has.
    """
    rests = Q(inputs=scan) | Q(parent__inputs=scan)
    counts = Q(is_current=True) | Q(state__in=ACTIVE)
    results = Segmentation.objects.filter(rests, counts).exclude(scan=scan)
    return list(Scan.objects.filter(pk__in=results.values("scan")).select_related("study"))


def rests_on_others(scan: Scan) -> bool:
    """Whether a result of the scan was read from other scans too."""
    results = Segmentation.objects.filter(scan=scan)
    return Scan.objects.filter(read_by__in=results).exclude(pk=scan.pk).exists()


def discount_results(
    *, scan: Scan, by: Membership, reason: str, because: str = "The scan was corrected"
) -> None:
    """No result of the scan counts any more; what is under way on it ends, signatures go.

    For who holds the scan's lock.
    """
    # A worker that is on it loses its claim, since its row is no longer running.
    scan.segmentations.active().update(
        state=State.FAILED,
        reason=REPLACED,
        token=None,
        step=Step.NONE,
        finished_at=timezone.now(),
    )
    withdraw_signatures(scan=scan, by=by, reason=reason, because=because)
    scan.segmentations.update(is_current=False)


def read_dependents_again(*, scans: list[Scan], by: Membership, reason: str) -> None:
    """For who holds the locks of ``scans``, whose results rest on one that is not what it was."""
    for scan in scans:
        discount_results(scan=scan, by=by, reason=reason, because=READ_WITH)
        try:
            request_segmentation(scan=scan, by=by)
        except SegmentationError:
            # No model reads it without the other, or it is archived: its page says so.
            continue
