"""The course of a patient: sizes over time, what changed, what the rule and people call it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ml.course import (
    BY_PRODUCT,
    BY_VOLUME,
    Change,
    Criterion,
    Growth,
    Observation,
    Response,
    Therapy,
    assess,
    change_since,
    comparable_with,
    growth_between,
)
from patients.models import Patient, Scan, Study, Treatment
from segmentation.models import CriterionName, Lesion, ResponseDecision, Segmentation
from segmentation.observing import BY_HAND, is_measurable, observe, product_of
from segmentation.selectors.course_figures import fingerprint, rests_on
from segmentation.selectors.lesion_names import (
    PatientNames,
    ResultNames,
    in_time,
    name_patient_lesions,
)
from segmentation.selectors.timeline import ScanRow

CRITERIA = {CriterionName.VOLUME: BY_VOLUME, CriterionName.PRODUCT: BY_PRODUCT}


@dataclass(frozen=True)
class Decided:
    """A person's decision; ``is_outdated`` where the figures behind the rule's category changed."""

    row: ResponseDecision
    is_outdated: bool


@dataclass(frozen=True)
class Assessed:
    """One examination by one criterion; ``decisions`` the newest first, which counts."""

    name: CriterionName
    response: Response
    value: float | None
    previous: Change | None
    decisions: tuple[Decided, ...]
    seen: str

    @property
    def decision(self) -> Decided | None:
        return self.decisions[0] if self.decisions else None

    @property
    def since_baseline(self) -> Change | None:
        return self.response.baseline

    @property
    def since_nadir(self) -> Change | None:
        return self.response.nadir


@dataclass(frozen=True)
class LesionFigures:
    """What carries one name on one examination: the sum over its parts, if it has split."""

    name: int
    volume_ml: float | None
    product_mm2: float | None
    parts: int
    is_new: bool

    def size(self, name: str) -> float | None:
        value: float | None = getattr(self, name)
        return value


@dataclass(frozen=True)
class Entry:
    """One examination: the result that counts of one scan."""

    result: Segmentation
    observation: Observation
    names: ResultNames
    assessed: dict[CriterionName, Assessed]
    growth: Growth | None
    lesions: tuple[LesionFigures, ...]

    @property
    def scan(self) -> Scan:
        return self.result.scan

    @property
    def study(self) -> Study:
        return self.result.scan.study

    @property
    def day(self) -> date:
        return self.observation.day

    @property
    def is_corrected(self) -> bool:
        """Whether a person has drawn over what the model of ``method`` said."""
        return self.result.is_by_a_person and self.observation.method != BY_HAND

    @property
    def series(self) -> tuple[str, str, str]:
        """What is comparable has the same component, family and method."""
        seen = self.observation
        return seen.component, seen.family, seen.method


@dataclass(frozen=True)
class Course:
    """``entries`` and ``studies`` oldest first; ``names`` are all lesions that were ever seen."""

    patient: Patient
    entries: tuple[Entry, ...]
    treatments: tuple[Treatment, ...]
    studies: tuple[Study, ...]
    names: tuple[int, ...]

    @property
    def is_matching(self) -> bool:
        """Whether comparisons are under way that will name lesions."""
        return any(entry.names.is_waiting for entry in self.entries)

    @property
    def can_be_matched(self) -> bool:
        """Whether lesions of some examination are not matched and nothing is under way."""
        unknown = any(entry.names.new is None for entry in self.entries)
        return unknown and not self.is_matching

    def of(self, scan_id: uuid.UUID) -> Entry | None:
        return next((entry for entry in self.entries if entry.scan.pk == scan_id), None)


def patient_course(*, patient: Patient, rows: Sequence[ScanRow]) -> Course:
    """A handful of queries, however many scans; ``rows`` are the timeline's of present scans."""
    current = [row for row in rows if row.current is not None]
    versions = {row.scan.pk: row.versions for row in current}
    results = []
    for row in current:
        assert row.current is not None
        row.current.scan = row.scan
        results.append(row.current)
    names = name_patient_lesions(results)
    treatments = tuple(
        patient.treatments.filter(archived_at=None).order_by("started_on", "created_at")
    )
    ordered = in_time(results)
    observed = [
        observe(result, versions[result.scan.pk], new=_new(result, names)) for result in ordered
    ]
    decisions = _decisions(results)
    therapies = [Therapy(t.kind, t.started_on, t.ended_on) for t in treatments]
    entries = tuple(
        _entry(result, one, observed, therapies, names, decisions)
        for result, one in zip(ordered, observed, strict=True)
    )
    return Course(
        patient=patient,
        entries=entries,
        treatments=treatments,
        studies=_studies(rows),
        names=tuple(sorted({figures.name for entry in entries for figures in entry.lesions})),
    )


def _new(result: Segmentation, names: PatientNames) -> list[Lesion] | None:
    named = names.results[result.pk]
    if named.new is None:
        return None
    return [x for x in result.lesions.all() if named.lesions[x.number].is_new]


def _studies(rows: Sequence[ScanRow]) -> tuple[Study, ...]:
    studies = {row.scan.study.pk: row.scan.study for row in rows}
    return tuple(sorted(studies.values(), key=lambda study: study.performed_on))


def _decisions(results: Sequence[Segmentation]) -> list[ResponseDecision]:
    scans = [result.scan_id for result in results]
    return list(ResponseDecision.objects.filter(scan__in=scans).select_related("segmentation"))


def _entry(
    result: Segmentation,
    one: Observation,
    observed: Sequence[Observation],
    therapies: Sequence[Therapy],
    names: PatientNames,
    decisions: Sequence[ResponseDecision],
) -> Entry:
    own = [row for row in decisions if row.scan_id == result.scan_id]
    before = comparable_with(one, observed)
    previous = before[-1] if before else None
    assessed = {
        name: _assess(name, criterion, one, previous, observed, therapies, own)
        for name, criterion in CRITERIA.items()
    }
    named = names.results[result.pk]
    return Entry(
        result=result,
        observation=one,
        names=named,
        assessed=assessed,
        growth=None if previous is None else growth_between(previous, one),
        lesions=_lesions(result, named),
    )


def _assess(
    name: CriterionName,
    criterion: Criterion,
    one: Observation,
    previous: Observation | None,
    observed: Sequence[Observation],
    therapies: Sequence[Therapy],
    decisions: Sequence[ResponseDecision],
) -> Assessed:
    response = assess(one, observed, therapies, criterion)
    figures = rests_on(one, response)
    return Assessed(
        name=name,
        response=response,
        value=one.size(criterion.size),
        previous=change_since(previous, one, criterion.size),
        decisions=tuple(
            Decided(row, row.figures != figures) for row in decisions if row.criterion == name
        ),
        seen=fingerprint(figures),
    )


def _lesions(result: Segmentation, names: ResultNames) -> tuple[LesionFigures, ...]:
    by_name: dict[int, list[Lesion]] = {}
    for lesion in result.lesions.all():
        by_name.setdefault(names.lesions[lesion.number].name, []).append(lesion)
    physical = result.scan.has_physical_size
    return tuple(
        LesionFigures(
            name=name,
            volume_ml=_sum([part.volume_ml for part in parts]) if physical else None,
            product_mm2=_products(parts) if physical else None,
            parts=len(parts),
            is_new=names.lesions[parts[0].number].is_new,
        )
        for name, parts in sorted(by_name.items())
    )


def _products(parts: Sequence[Lesion]) -> float | None:
    """Of the measurable parts, as in the total."""
    return _sum([product_of(part) for part in parts if is_measurable(part)])


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
