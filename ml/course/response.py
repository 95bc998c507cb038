"""The response category of one examination, with what it rests on.

The rule of ``ml.course.criteria.SOURCE``, as far as it follows from masks of one component and
from what the clinician has recorded. What it would also ask and nobody recorded is named as a
condition and left to the person who confirms the category; so is the other component (FLAIR beside
contrast enhancement), which a mask of one component cannot show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ml.course.criteria import (
    CONFIRMED_AFTER,
    RESPONSES,
    SOON_AFTER_RADIOTHERAPY,
    SOURCE,
    Category,
    Criterion,
)
from ml.course.judging import judge
from ml.course.observations import Observation, Therapy, not_comparable
from ml.course.series import Change, change_since, choose_baseline, comparable_with, nadir

FIRST = "Later examinations are judged against this one."


@dataclass(frozen=True)
class Response:
    """``reason`` says why in a sentence; ``conditions`` is what the rule asks and nobody recorded.

    ``is_preliminary``: a response that has not lasted four weeks yet, or progression soon after
    radiotherapy that was not seen again. ``uses_drafts``: a mask that it rests on is not signed.
    """

    category: Category
    criterion: Criterion
    reason: str
    baseline: Change | None = None
    nadir: Change | None = None
    conditions: tuple[str, ...] = ()
    is_preliminary: bool = False
    uses_drafts: bool = False
    source: str = SOURCE


def assess(
    current: Observation,
    observations: Sequence[Observation],
    therapies: Sequence[Therapy],
    criterion: Criterion,
) -> Response:
    """The category of ``current`` among all ``observations`` of the patient.

    Later ones count too: a response is confirmed by itself lasting four weeks, before this day or
    after it, and so is progression within twelve weeks of radiotherapy (pseudoprogression).
    """
    found = _on_its_day(current, observations, therapies, criterion)
    if not _needs_confirming(found.category, current, therapies):
        return found
    run = _run_of(found.category, current, observations, therapies, criterion)
    lasted = run[-1].day - run[0].day
    return replace(found, is_preliminary=lasted < CONFIRMED_AFTER)


def _on_its_day(
    current: Observation,
    observations: Sequence[Observation],
    therapies: Sequence[Therapy],
    criterion: Criterion,
) -> Response:
    earlier = comparable_with(current, observations)
    baseline = choose_baseline(current, earlier, therapies)
    if baseline is None:
        return _without_baseline(current, observations, criterion)
    lowest = nadir(baseline, earlier, criterion.size) or baseline
    since_baseline = change_since(baseline, current, criterion.size)
    since_nadir = change_since(lowest, current, criterion.size)
    if since_baseline is None or since_nadir is None:
        reason = _no_size(current, baseline, criterion)
        return Response(Category.NOT_EVALUABLE, criterion, reason)
    judged = judge(current, since_baseline, since_nadir, criterion)
    return Response(
        category=judged.category,
        criterion=criterion,
        reason=judged.reason,
        baseline=since_baseline,
        nadir=since_nadir,
        conditions=judged.conditions,
        uses_drafts=not all(one.is_signed for one in (current, baseline, lowest)),
    )


def _without_baseline(
    current: Observation, observations: Sequence[Observation], criterion: Criterion
) -> Response:
    """The first of its course, or one whose forerunners are all of another kind."""
    before = [one for one in observations if one.day < current.day]
    if current.is_baseline or not before or comparable_with(current, before):
        return Response(Category.BASELINE, criterion, FIRST, uses_drafts=not current.is_signed)
    why = not_comparable(max(before, key=lambda one: one.day), current)
    return Response(
        Category.NOT_EVALUABLE, criterion, f"No earlier examination can be compared. {why}"
    )


def _no_size(current: Observation, baseline: Observation, criterion: Criterion) -> str:
    is_current = current.size(criterion.size) is None
    missing, name = (current, "This examination") if is_current else (baseline, "The baseline")
    if missing.volume_ml is None:
        return f"{name} has no {criterion.name}: the size of its voxels is not known."
    return f"{name} has no {criterion.name}: no lesion is large enough to be measurable."


def _needs_confirming(
    category: Category, current: Observation, therapies: Sequence[Therapy]
) -> bool:
    if category in RESPONSES:
        return True
    return category is Category.PROGRESSION and _is_soon_after_radiotherapy(current, therapies)


def _is_soon_after_radiotherapy(current: Observation, therapies: Sequence[Therapy]) -> bool:
    """During radiotherapy counts as soon after it."""
    for one in therapies:
        if one.kind != Therapy.RADIOTHERAPY or one.started_on > current.day:
            continue
        if one.ended_on is None or current.day - one.ended_on < SOON_AFTER_RADIOTHERAPY:
            return True
    return False


def _run_of(
    category: Category,
    current: Observation,
    observations: Sequence[Observation],
    therapies: Sequence[Therapy],
    criterion: Criterion,
) -> list[Observation]:
    """The unbroken run of comparable examinations around ``current`` that say at least as much."""
    alike = [one for one in observations if not not_comparable(one, current)]
    days = sorted({one.day: one for one in [*alike, current]}.values(), key=lambda one: one.day)
    at = next(n for n, one in enumerate(days) if one.day == current.day)
    days[at] = current

    def holds(one: Observation) -> bool:
        found = _on_its_day(one, observations, therapies, criterion).category
        return found in _at_least(category)

    first = last = at
    while first > 0 and holds(days[first - 1]):
        first -= 1
    while last + 1 < len(days) and holds(days[last + 1]):
        last += 1
    return days[first : last + 1]


def _at_least(category: Category) -> tuple[Category, ...]:
    """The categories that confirm ``category``: itself, and of responses the better ones."""
    if category not in RESPONSES:
        return (category,)
    return RESPONSES[: RESPONSES.index(category) + 1]
