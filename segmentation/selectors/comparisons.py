"""Reading comparisons, and what can be compared with what."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404

from clinic.models import Clinic
from patients.models import Patient
from segmentation.comparable import choose_alignment, why_not_aligned, why_not_compared
from segmentation.files import media_root
from segmentation.models import Alignment, Comparison, Segmentation

FILES = {
    "difference": "difference.nii.gz",
    "later": "later.nii.gz",
    "later-mask": "later_mask.nii.gz",
}


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


def comparable_results(*, patient: Patient) -> list[Segmentation]:
    """Everything that can stand on one side, newest first: the current results of present scans."""
    return list(
        _results(patient)
        .filter(is_current=True, scan__archived_at=None)
        .order_by("-study__performed_on", "scan__sequence", "-created_at")
    )


def find_result(*, patient: Patient, pk: str) -> Segmentation | None:
    """A result of the patient, of whatever version; None where there is none of that name."""
    try:
        name = uuid.UUID(pk)
    except ValueError:
        return None
    return _results(patient).filter(pk=name).first()


def _results(patient: Patient) -> QuerySet[Segmentation]:
    return (
        Segmentation.objects.filter(study__patient=patient)
        .exclude(mask="")
        .select_related("scan__study__patient")
    )


def newest_pair(results: list[Segmentation]) -> Pair | None:
    """The newest two results of one sequence on two days, else of any; None below two."""
    for later in results:
        for earlier in results:
            alike = earlier.scan.sequence == later.scan.sequence
            if alike and earlier.scan.study.performed_on < later.scan.study.performed_on:
                return Pair(earlier, later)
    return order_pair(results[1], results[0]) if len(results) > 1 else None


def usual_partner(result: Segmentation, results: list[Segmentation]) -> Segmentation | None:
    """What ``result`` is compared with if nobody says: its sequence, the scan before it first."""
    others = [other for other in results if other.pk != result.pk]

    def rank(other: Segmentation) -> tuple[bool, bool, float]:
        days = (result.scan.study.performed_on - other.scan.study.performed_on).days
        return other.scan.sequence != result.scan.sequence, days <= 0, abs(days)

    return min(others, key=rank, default=None)


def order_pair(one: Segmentation, other: Segmentation) -> Pair:
    """The two with the earlier one first: by day, then by version of one scan, then by age."""
    first, second = sorted((one, other), key=_age)
    return Pair(first, second)


def _age(result: Segmentation) -> tuple[object, ...]:
    return result.scan.study.performed_on, result.created_at, str(result.pk)


def comparison_file(comparison: Comparison, name: str) -> Path:
    """One of ``FILES``; where nothing had to be moved, the later result's own file."""
    path = media_root() / comparison.files / FILES[name]
    if path.exists() or name == "difference":
        return path
    later = comparison.later
    return Path(later.scan.file.path if name == "later" else later.mask.path)
