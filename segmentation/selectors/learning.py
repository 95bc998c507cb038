"""How far the models' drafts were from what people signed, and what may be exported to learn."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Aggregate, Avg, Count, F, FloatField, Min, Q, QuerySet
from django.db.models.functions import TruncMonth

from clinic.models import Clinic
from patients.models import Consent
from segmentation.models import Review, ReviewAction, ReviewState, Segmentation, State

WORST = 10
LATEST_REJECTIONS = 20
# Version numbers are texts; a model whose name or version nobody wrote down is none.
MODEL = ("draft__model_name", "draft__model_version")


class Median(Aggregate):
    """PostgreSQL's median: the mean of the two in the middle where their number is even."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Agreement:
    """Dice between the drafts and the masks that were signed; None where none was signed.

    ``unchanged`` counts those that were signed as they were drawn, ``rejected`` the drafts that a
    person refused.
    """

    signed: int = 0
    unchanged: int = 0
    mean: float | None = None
    median: float | None = None
    lowest: float | None = None
    rejected: int = 0


@dataclass(frozen=True)
class Month:
    first_day: date
    agreement: Agreement


@dataclass(frozen=True)
class ModelRecord:
    """What became of one model version's drafts: by the month of the decision, and in all."""

    name: str
    version: str
    total: Agreement
    months: list[Month] = field(default_factory=list)


@dataclass(frozen=True)
class Correction:
    """A signed mask that differs from its draft."""

    segmentation_id: uuid.UUID
    scan_id: uuid.UUID
    sequence: str
    performed_on: date
    model: str
    dice: float


@dataclass(frozen=True)
class Rejection:
    segmentation_id: uuid.UUID
    scan_id: uuid.UUID
    sequence: str
    performed_on: date
    model: str
    on: date
    by_name: str
    reason: str


Key = tuple[str, str]


def model_records(*, clinic: Clinic) -> list[ModelRecord]:
    """Each model version whose drafts were signed or rejected, by name; four queries.

    Only signed results count as agreement: what is a draft or in review may still change. An
    amendment counts beside the signed version that it amends.
    """
    signed = _signed_from_a_draft(clinic)
    rejected = Segmentation.objects.of(clinic).filter(review=ReviewState.REJECTED, author_name="")
    totals: dict[Key, dict[str, Any]] = defaultdict(dict)
    months: dict[Key, dict[date, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for row in _agreement(signed.values(*MODEL)):
        totals[_key(row)].update(_figures(row))
    for row in _agreement(_by_month(signed).values("month", *MODEL)):
        months[_key(row)][row["month"].date()].update(_figures(row))
    names = {"draft__model_name": F("model_name"), "draft__model_version": F("model_version")}
    for row in _by_month(rejected).values(**names).annotate(n=Count("pk")).order_by():
        totals[_key(row)]["rejected"] = row["n"]
    for row in _by_month(rejected).values("month", **names).annotate(n=Count("pk")).order_by():
        months[_key(row)][row["month"].date()]["rejected"] = row["n"]
    return [
        ModelRecord(
            *key,
            total=Agreement(**totals[key]),
            months=[Month(day, Agreement(**values)) for day, values in sorted(months[key].items())],
        )
        for key in sorted(totals)
    ]


def _signed_from_a_draft(clinic: Clinic) -> QuerySet[Segmentation]:
    return Segmentation.objects.of(clinic).filter(
        review=ReviewState.SIGNED, draft__isnull=False, draft_dice__isnull=False
    )


def _by_month(results: QuerySet[Segmentation]) -> Any:
    return results.annotate(month=TruncMonth("reviewed_at"))


def _agreement(groups: Any) -> Any:
    return groups.annotate(
        signed=Count("pk"),
        unchanged=Count("pk", filter=Q(draft_dice=1)),
        mean=Avg("draft_dice"),
        median=Median("draft_dice"),
        lowest=Min("draft_dice"),
    ).order_by()


def _key(row: Mapping[str, Any]) -> Key:
    return row["draft__model_name"], row["draft__model_version"]


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("signed", "unchanged", "mean", "median", "lowest")}


def worst_corrections(*, clinic: Clinic, limit: int = WORST) -> list[Correction]:
    """The signed masks that are furthest from their drafts, the furthest first."""
    corrected = _signed_from_a_draft(clinic).filter(draft_dice__lt=1)
    rows = corrected.select_related("scan__study", "draft").order_by("draft_dice", "-reviewed_at")
    return [
        Correction(
            segmentation_id=row.pk,
            scan_id=row.scan_id,
            sequence=row.scan.sequence,
            performed_on=row.scan.study.performed_on,
            model=row.draft.source if row.draft else "",
            dice=row.draft_dice or 0.0,
        )
        for row in rows[:limit]
    ]


def latest_rejections(*, clinic: Clinic, limit: int = LATEST_REJECTIONS) -> list[Rejection]:
    """The models' drafts that were rejected last, with the reasons given."""
    steps = Review.objects.filter(
        action=ReviewAction.REJECTED,
        segmentation__study__patient__clinic=clinic,
        segmentation__review=ReviewState.REJECTED,
        segmentation__author_name="",
    )
    rows = steps.select_related("segmentation__scan__study").order_by("-at", "-pk")
    return [
        Rejection(
            segmentation_id=row.segmentation_id,
            scan_id=row.segmentation.scan_id,
            sequence=row.segmentation.scan.sequence,
            performed_on=row.segmentation.scan.study.performed_on,
            model=row.segmentation.source,
            on=row.at.date(),
            by_name=row.by_name,
            reason=row.comment,
        )
        for row in rows[:limit]
    ]


def exportable_results(*, clinic: Clinic) -> QuerySet[Segmentation]:
    """The signed results that count, of patients who have consented; nothing that is archived."""
    return Segmentation.objects.of(clinic).filter(
        review=ReviewState.SIGNED,
        state=State.SUCCEEDED,
        is_current=True,
        scan__archived_at=None,
        study__patient__archived_at=None,
        study__patient__research_consent=Consent.GIVEN,
    )


@dataclass(frozen=True)
class Exportable:
    """How much an export would hold, and how many signed results it leaves out for consent."""

    volumes: int
    pictures: int
    patients: int
    without_consent: int


def count_exportable(*, clinic: Clinic) -> Exportable:
    """Two queries."""
    counts = exportable_results(clinic=clinic).aggregate(
        volumes=Count("pk", filter=Q(scan__kind="volume")),
        pictures=Count("pk", filter=Q(scan__kind="picture")),
        patients=Count("study__patient", distinct=True),
    )
    silent = Segmentation.objects.of(clinic).filter(review=ReviewState.SIGNED, is_current=True)
    without = silent.exclude(study__patient__research_consent=Consent.GIVEN).count()
    return Exportable(**counts, without_consent=without)
