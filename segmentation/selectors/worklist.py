"""What needs a person: results to review, scans to check, runs under way, failed or signed."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from clinic.models import Clinic
from patients.models import Patient, Scan
from segmentation.models import Lesion, ReviewState, Segmentation, State
from segmentation.models.segmentation import SegmentationQuerySet

PAGE_SIZE = 50
UNASSIGNED = "none"
TABS = {
    "review": "To review",
    "check": "To check",
    "running": "Running",
    "failed": "Failed",
    "signed": "Signed today",
}
FIRST_TAB = "review"

R = TypeVar("R", Segmentation, Scan)


@dataclass(frozen=True)
class WorklistRow:
    """One scan that needs a person, or that a person has just signed.

    ``result`` is the attempt that the row is about; a scan that was held back has none.
    """

    scan: Scan
    result: Segmentation | None

    @property
    def key(self) -> uuid.UUID:
        return self.scan.pk if self.result is None else self.result.pk

    @property
    def patient(self) -> Patient:
        return self.scan.study.patient

    @property
    def lesion(self) -> Lesion | None:
        """The largest one."""
        lesions = [] if self.result is None else list(self.result.lesions.all())
        return lesions[0] if lesions else None

    @property
    def amends(self) -> bool:
        """Whether another version, signed before it, counts until this one is signed."""
        result = self.result
        return (
            result is not None
            and not result.is_current
            and result.review in (ReviewState.DRAFT, ReviewState.IN_REVIEW)
        )

    @property
    def stamp(self) -> tuple[object, ...]:
        """What a reader sees of the row that can change."""
        row = self.result
        facts: tuple[object, ...] = () if row is None else (
            row.state, row.step, row.slices_done, row.slices_total, row.review,
            row.reviewer_name, row.is_current,
        )  # fmt: skip
        return (self.key, self.scan.sequence, self.patient.full_name, *facts)


@dataclass(frozen=True)
class Worklist:
    """One tab of the list, a page at a time, with the counts of all tabs."""

    tab: str
    counts: dict[str, int]
    page: Page[Any]
    rows: list[WorklistRow]

    @property
    def tabs(self) -> list[tuple[str, str, int]]:
        return [(name, label, self.counts[name]) for name, label in TABS.items()]

    @property
    def digest(self) -> str:
        """Changes with anything that the list shows, so that nothing is sent twice."""
        seen = (self.tab, tuple(self.counts.items()), [row.stamp for row in self.rows])
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def worklist(*, clinic: Clinic, tab: str, clinician: str = "", page: str | int = 1) -> Worklist:
    """A tab of the clinic's list; ``clinician`` is a membership's id, or "none" for patients
    without an attending clinician. The number of queries does not grow with the list.
    """
    tab = tab if tab in TABS else FIRST_TAB
    results = {
        "review": to_review(clinic),
        "running": _present(clinic).active().order_by("created_at"),
        "failed": _failed(clinic),
        "signed": _signed_today(clinic),
    }
    chosen = {name: _of_clinician(rows, clinician) for name, rows in results.items()}
    scans = _of_clinician(to_check(clinic), clinician)
    counts = {name: (scans if name == "check" else chosen[name]).count() for name in TABS}
    shown: Page[Any]
    if tab == "check":
        shown = Paginator(_with_rejected(scans), PAGE_SIZE).get_page(page)
        rows = [WorklistRow(scan, _rejected(scan)) for scan in shown]
    else:
        shown = Paginator(_with_patients(chosen[tab]), PAGE_SIZE).get_page(page)
        rows = [WorklistRow(result.scan, result) for result in shown]
    return Worklist(tab=tab, counts=counts, page=shown, rows=rows)


def count_new(*, clinic: Clinic) -> int:
    """How many results wait that nobody has taken into review, and scans that wait for a look."""
    drafts = to_review(clinic).filter(review=ReviewState.DRAFT)
    return drafts.count() + to_check(clinic).count()


def to_review(clinic: Clinic) -> QuerySet[Segmentation]:
    """Drafts that count, amendments of what is signed, and all that is in review; oldest first."""
    same_scan = Segmentation.objects.filter(scan=OuterRef("scan"))
    amended = same_scan.filter(
        is_current=True, review=ReviewState.SIGNED, version__lt=OuterRef("version")
    )
    newer = same_scan.filter(state=State.SUCCEEDED, version__gt=OuterRef("version"))
    waits = Q(Exists(amended), ~Exists(newer.exclude(review=ReviewState.REJECTED)))
    undecided = Q(review=ReviewState.DRAFT) & (Q(is_current=True) | waits)
    rows = _present(clinic).filter(state=State.SUCCEEDED)
    return rows.filter(undecided | Q(review=ReviewState.IN_REVIEW)).order_by("finished_at", "pk")


def to_check(clinic: Clinic) -> QuerySet[Scan]:
    """Scans held back for doubts, and those with results of which none counts.

    They were rejected, or the scan was corrected to what no model reads.
    """
    attempts = Segmentation.objects.filter(scan=OuterRef("pk"))
    without_result = Q(
        Exists(attempts.filter(state=State.SUCCEEDED)),
        ~Exists(attempts.filter(Q(is_current=True) | Q(state__in=(State.QUEUED, State.RUNNING)))),
    )
    held_back = ~Q(doubts=[]) & Q(doubts_confirmed_by=None)
    scans = Scan.objects.of(clinic).present().filter(study__patient__archived_at=None)
    return scans.filter(held_back | without_result).order_by("uploaded_at", "pk")


def _present(clinic: Clinic) -> SegmentationQuerySet:
    return Segmentation.objects.of(clinic).filter(
        scan__archived_at=None, study__patient__archived_at=None
    )


def _failed(clinic: Clinic) -> QuerySet[Segmentation]:
    """The newest attempt at its scan, and it failed; newest first."""
    later = Segmentation.objects.filter(
        scan=OuterRef("scan"), created_at__gt=OuterRef("created_at")
    )
    rows = _present(clinic).filter(~Exists(later), state=State.FAILED)
    return rows.order_by(F("finished_at").desc(nulls_last=True), "pk")


def _signed_today(clinic: Clinic) -> QuerySet[Segmentation]:
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
    rows = _present(clinic).filter(review=ReviewState.SIGNED, reviewed_at__gte=midnight)
    return rows.order_by("-reviewed_at", "pk")


def _of_clinician(rows: QuerySet[R], clinician: str) -> QuerySet[R]:
    """The rows of the patients whom one clinician attends; all of them for "" or nonsense."""
    if clinician == UNASSIGNED:
        return rows.filter(study__patient__attending=None)
    try:
        return rows.filter(study__patient__attending=uuid.UUID(clinician))
    except ValueError:
        return rows


def _with_patients(rows: QuerySet[Segmentation]) -> QuerySet[Segmentation]:
    related = rows.select_related("study", "scan__study__patient__attending__user")
    return related.prefetch_related("lesions", "inputs")


def _with_rejected(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    rejected = (
        Segmentation.objects.filter(review=ReviewState.REJECTED)
        .select_related("study", "scan")
        .order_by("-version")
    )
    return scans.select_related("study__patient__attending__user").prefetch_related(
        Prefetch("segmentations", queryset=rejected.prefetch_related("lesions", "inputs"))
    )


def _rejected(scan: Scan) -> Segmentation | None:
    """The newest rejected result, where the scan is not held back."""
    return None if scan.is_held_back else next(iter(scan.segmentations.all()), None)
