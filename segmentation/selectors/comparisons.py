"""Reading comparisons, and what can be compared with what."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.db.models import F, Prefetch, QuerySet
from django.shortcuts import get_object_or_404

from clinic.models import Clinic
from patients.models import Patient, Scan
from patients.models.scan import ScanQuerySet
from segmentation.comparable import choose_alignment, why_not_aligned, why_not_compared
from segmentation.files import media_root
from segmentation.models import Alignment, Comparison, Segmentation

FILES = {
    "difference": "difference.nii.gz",
    "later": "later.nii.gz",
    "later-mask": "later_mask.nii.gz",
}


@dataclass(frozen=True)
class Side:
    """One scan to look at, with the result that is shown on it if there is one."""

    scan: Scan
    result: Segmentation | None

    @property
    def name(self) -> str:
        """What an address calls it by."""
        return str(self.scan.pk if self.result is None else self.result.pk)

    @property
    def day(self) -> date:
        return self.scan.study.performed_on


@dataclass(frozen=True)
class Pair:
    """Two results of a patient, the earlier one first, and what can be done with them."""

    earlier: Segmentation
    later: Segmentation

    @property
    def problem(self) -> str:
        """Why they have no map of differences; empty where they can have one."""
        return why_not_compared(self.earlier, self.later)

    @property
    def alignment_problem(self) -> str:
        """Why they cannot be registered; empty where they can be."""
        return why_not_aligned(self.earlier, self.later)

    @property
    def usual_alignment(self) -> Alignment:
        return choose_alignment(self.earlier, self.later)


def get_comparison(*, clinic: Clinic, pk: uuid.UUID) -> Comparison:
    """The clinic's comparison; Http404 for anybody else's."""
    return get_object_or_404(_comparisons().filter(pk=pk), earlier__study__patient__clinic=clinic)


def find_comparison(*, pair: Pair, alignment: Alignment) -> Comparison | None:
    """The comparison of the two in that alignment, in whatever state; None where none was asked."""
    rows = _comparisons().filter(earlier=pair.earlier, later=pair.later, alignment=alignment)
    return rows.first()


def patient_comparisons(*, patient: Patient) -> QuerySet[Comparison]:
    """The patient's comparisons, newest first."""
    return _comparisons().filter(earlier__study__patient=patient)


def _comparisons() -> QuerySet[Comparison]:
    """Without those of which one scan has been moved to another patient since."""
    return Comparison.objects.select_related(
        "earlier__scan__study__patient", "later__scan__study__patient"
    ).filter(earlier__study__patient=F("later__study__patient"))


def list_sides(*, patient: Patient) -> list[Side]:
    """Every present scan of the patient with its current result, newest first."""
    return [_side(scan) for scan in _scans(patient).present()]


def find_side(*, patient: Patient, pk: str) -> Side | None:
    """The patient's result or scan of that name; a scan stands there with its current result."""
    result = find_result(patient=patient, pk=pk)
    if result is not None:
        return Side(result.scan, result)
    try:
        scan = _scans(patient).filter(pk=uuid.UUID(pk)).first()
    except ValueError:
        return None
    return None if scan is None else _side(scan)


def find_result(*, patient: Patient, pk: str) -> Segmentation | None:
    """A result of the patient, of whatever version; None where there is none of that name."""
    try:
        name = uuid.UUID(pk)
    except ValueError:
        return None
    results = Segmentation.objects.filter(study__patient=patient).exclude(mask="")
    return results.select_related("scan__study__patient").filter(pk=name).first()


def _scans(patient: Patient) -> ScanQuerySet:
    current = Segmentation.objects.filter(is_current=True)
    scans = Scan.objects.filter(study__patient=patient).select_related("study__patient")
    return scans.prefetch_related(
        Prefetch("segmentations", queryset=current, to_attr="current_results")
    )


def _side(scan: Scan) -> Side:
    result: Segmentation | None = next(iter(scan.current_results), None)  # type: ignore[attr-defined]
    if result is not None:
        result.scan = scan
    return Side(scan, result)


def usual_sides(sides: list[Side]) -> tuple[Side, Side] | None:
    """The newest two of one sequence on two days, else the newest two; None below two."""
    for later in sides:
        for earlier in sides:
            alike = earlier.scan.sequence == later.scan.sequence
            if alike and earlier.day < later.day:
                return earlier, later
    return order_sides(sides[1], sides[0]) if len(sides) > 1 else None


def usual_partner(side: Side, sides: list[Side]) -> Side | None:
    """What ``side`` is compared with if nobody says: its sequence, the scan before it first."""
    others = [other for other in sides if other.scan.pk != side.scan.pk]

    def rank(other: Side) -> tuple[bool, bool, int]:
        days = (side.day - other.day).days
        return other.scan.sequence != side.scan.sequence, days <= 0, abs(days)

    return min(others, key=rank, default=None)


def order_sides(one: Side, other: Side) -> tuple[Side, Side]:
    """The two with the earlier one first: by day, then by age."""

    def age(side: Side) -> tuple[object, ...]:
        made = side.scan.uploaded_at if side.result is None else side.result.created_at
        return side.day, made, side.name

    first, second = sorted((one, other), key=age)
    return first, second


def pair_of(earlier: Side, later: Side) -> Pair | None:
    """The two results; None where one of the scans has none."""
    if earlier.result is None or later.result is None:
        return None
    return Pair(earlier.result, later.result)


def comparison_file(comparison: Comparison, name: str) -> Path:
    """One of ``FILES``; where nothing had to be moved, the later result's own file."""
    path = media_root() / comparison.files / FILES[name]
    if path.exists() or name == "difference":
        return path
    later = comparison.later
    return Path(later.scan.file.path if name == "later" else later.mask.path)
