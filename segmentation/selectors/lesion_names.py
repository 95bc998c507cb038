"""Which lesion of one examination is which of another: lasting names and colours."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ml.course import Link, Named, Shown, name_lesions
from segmentation.comparable import choose_alignment, why_not_matched
from segmentation.models import Comparison, Segmentation, State
from segmentation.observing import component_of, family_of
from segmentation.palette import LESION_COLOURS, colour_index

Pair = tuple[str, str]
NOT_COMPARED = "It has not been compared with the examination of {day} yet."
UNDER_WAY = "It is being compared with the examination of {day}."
FAILED = "It could not be compared with the examination of {day}. {reason}"


@dataclass(frozen=True)
class LesionName:
    """A lesion's lasting name; ``label`` tells the parts of one that split apart ("2a")."""

    name: int
    label: str
    is_new: bool

    @property
    def colour_index(self) -> int:
        return colour_index(self.name)

    @property
    def colour(self) -> str:
        return LESION_COLOURS[self.colour_index - 1]


@dataclass(frozen=True)
class ResultNames:
    """``lesions`` by their number in the result; ``new`` are names, None where that is not known,
    and then ``why_not_known`` says why. ``is_waiting`` while a comparison is under way.
    """

    lesions: dict[int, LesionName] = field(default_factory=dict)
    new: tuple[int, ...] | None = ()
    why_not_known: str = ""
    is_waiting: bool = False


@dataclass(frozen=True)
class PatientNames:
    """The names in each result, by its id, with what was compared to find them.

    ``missing`` has, for each later result, the earlier ones that it was not compared with although
    that would tell; the newest first.
    """

    results: dict[uuid.UUID, ResultNames]
    missing: dict[Segmentation, list[Segmentation]]
    comparisons: dict[Pair, list[Comparison]]

    def of(self, result: Segmentation) -> ResultNames | None:
        """None for a version that does not count: only those that do were matched."""
        return self.results.get(result.pk)


def current_results(patient_id: uuid.UUID) -> list[Segmentation]:
    """The results that count of the patient's present scans, with scan, study and lesions."""
    rows = Segmentation.objects.filter(
        study__patient=patient_id, is_current=True, scan__archived_at=None
    )
    return list(rows.select_related("scan__study").prefetch_related("lesions"))


def lesion_names_of(result: Segmentation) -> dict[int, LesionName]:
    """The names of one result's lesions by their numbers; empty for one that does not count."""
    results = current_results(result.scan.study.patient_id)
    named = name_patient_lesions(results).results.get(result.pk)
    return {} if named is None else named.lesions


def in_time(results: Iterable[Segmentation]) -> list[Segmentation]:
    """Oldest first; of one day in the order of upload."""
    return sorted(results, key=lambda r: (r.scan.study.performed_on, r.scan.uploaded_at, r.pk))


def name_patient_lesions(results: Sequence[Segmentation]) -> PatientNames:
    """One query. ``results`` are those that count, with scan, study and lesions loaded."""
    ordered = in_time(results)
    by_key = {str(result.pk): result for result in ordered}
    comparisons = _comparisons(ordered)
    links = {
        pair: found
        for pair, rows in comparisons.items()
        if (found := _links(by_key[pair[0]], by_key[pair[1]], rows)) is not None
    }
    named = name_lesions([_shown(result) for result in ordered], links)
    return PatientNames(
        results={
            by_key[key].pk: _names(by_key[key], one, by_key, comparisons)
            for key, one in named.items()
        },
        missing={
            by_key[key]: [by_key[other] for other in one.missing] for key, one in named.items()
        },
        comparisons=comparisons,
    )


def _shown(result: Segmentation) -> Shown:
    return Shown(
        key=str(result.pk),
        day=result.scan.study.performed_on,
        family=family_of(result.scan, component_of(result)),
        lesions=tuple(lesion.number for lesion in result.lesions.all()),
    )


def _comparisons(results: Sequence[Segmentation]) -> dict[Pair, list[Comparison]]:
    rows = Comparison.objects.filter(earlier__in=results, later__in=results)
    found: dict[Pair, list[Comparison]] = {}
    for row in rows.defer("quality", "matrix"):
        found.setdefault((str(row.earlier_id), str(row.later_id)), []).append(row)
    return found


def _links(
    earlier: Segmentation, later: Segmentation, rows: Sequence[Comparison]
) -> list[Link] | None:
    """Those of the usual alignment, else of any other; None without a finished comparison."""
    usual = choose_alignment(earlier, later)
    done = [row for row in rows if row.state == State.SUCCEEDED and row.links is not None]
    best = min(done, key=lambda row: row.alignment != usual, default=None)
    return None if best is None else [Link(*link) for link in best.links or []]


def _names(
    result: Segmentation,
    named: Named,
    by_key: dict[str, Segmentation],
    comparisons: dict[Pair, list[Comparison]],
) -> ResultNames:
    new = set(named.new or ())
    lesions = {
        number: LesionName(name, _label(number, name, named.names), name in new)
        for number, name in named.names.items()
    }
    if named.new is not None:
        return ResultNames(lesions, named.new)
    waits = [(by_key[key], comparisons.get((key, str(result.pk)), [])) for key in named.missing]
    why = _why(waits[0][0], result, waits[0][1]) if waits else "Another scan of the day is open."
    is_waiting = any(row.is_active for _, rows in waits for row in rows)
    return ResultNames(lesions, None, why, is_waiting)


def _label(number: int, name: int, names: dict[int, int]) -> str:
    parts = sorted(other for other, its in names.items() if its == name)
    return str(name) if len(parts) == 1 else f"{name}{_letters(parts.index(number))}"


def _letters(index: int) -> str:
    """a, b, ... z, then aa, ab ..."""
    last = chr(ord("a") + index % 26)
    return last if index < 26 else _letters(index // 26 - 1) + last


def _why(earlier: Segmentation, later: Segmentation, rows: Sequence[Comparison]) -> str:
    """Why the two have no links, in a sentence."""
    day = f"{earlier.scan.study.performed_on:%-d %b %Y}"
    if any(row.is_active for row in rows):
        return UNDER_WAY.format(day=day)
    if problem := why_not_matched(earlier, later):
        return FAILED.format(day=day, reason=problem)
    failed = next((row for row in rows if row.state == State.FAILED), None)
    if failed is not None:
        return FAILED.format(day=day, reason=failed.reason)
    return NOT_COMPARED.format(day=day)
