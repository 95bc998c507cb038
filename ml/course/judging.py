"""Which category a change of size is, given what the clinician says of the same day."""

from __future__ import annotations

from dataclasses import dataclass

from ml.course.criteria import Category, Criterion
from ml.course.observations import Clinical, Observation
from ml.course.series import Change

NO_OTHER_CAUSE = "the deterioration has no other cause"


@dataclass(frozen=True)
class Judgement:
    """A category, why, and what the rule asks beside it that nobody has recorded."""

    category: Category
    reason: str
    conditions: tuple[str, ...] = ()


def judge(
    current: Observation, since_baseline: Change, since_nadir: Change, criterion: Criterion
) -> Judgement:
    """The category on the day itself, before anything confirms it."""
    progression = _progression(current, since_nadir, criterion)
    if progression is not None:
        return progression
    conditions = _not_recorded(current, since_baseline.since)
    shrunk = _response(current, since_baseline, criterion)
    size = f"The {criterion.name} is {_words(since_baseline)} the baseline"
    if shrunk is None:
        growth = f"{size} and {_words(since_nadir)} the smallest since"
        return Judgement(
            Category.STABLE, f"{growth}: neither response nor progression.", conditions
        )
    if _rose(since_baseline.since, current):
        note = "but the steroid dose is higher than at the baseline, so it is no response."
        return Judgement(Category.STABLE, f"{size}, {note}", conditions)
    if shrunk is Category.COMPLETE and current.steroid_mg:
        note = "but steroids are still given, so the response is partial."
        return Judgement(Category.PARTIAL, f"Nothing is left, {note}", conditions)
    if shrunk is Category.COMPLETE:
        return Judgement(
            shrunk, "Nothing is left of what was measured at the baseline.", conditions
        )
    return Judgement(shrunk, f"{size}.", conditions)


def _progression(
    current: Observation, since_nadir: Change, criterion: Criterion
) -> Judgement | None:
    """With everything that speaks for it; what it depends on is left out where one ground does not.

    What growth alone says, where nothing else is a ground.
    """
    growth = _growth(current, since_nadir, criterion)
    grounds: list[Judgement] = []
    if current.new_lesions:
        one = current.new_lesions == 1
        count = "is a new lesion" if one else f"are {current.new_lesions} new lesions"
        words = f"There {count} that no earlier scan shows."
        grounds.append(Judgement(Category.PROGRESSION, words))
    if growth is not None and growth.category is Category.PROGRESSION:
        grounds.append(growth)
    if current.clinical is Clinical.WORSE:
        words = "The patient is clinically worse."
        grounds.append(Judgement(Category.PROGRESSION, words, (NO_OTHER_CAUSE,)))
    if not grounds:
        return growth
    conditions = min((ground.conditions for ground in grounds), key=len)
    return Judgement(Category.PROGRESSION, " ".join(one.reason for one in grounds), conditions)


def _growth(current: Observation, since_nadir: Change, criterion: Criterion) -> Judgement | None:
    """What growth of the size says by itself; None where it is below the rule's limit."""
    if not _grew(since_nadir, criterion):
        return None
    size = f"The {criterion.name} is {_words(since_nadir)} the smallest since the baseline"
    if _rose(current, since_nadir.since):
        return Judgement(
            Category.NOT_EVALUABLE,
            f"{size}, but the steroid dose was reduced since, and growth counts only on a stable "
            "or higher dose.",
        )
    known = current.steroid_mg is not None and since_nadir.since.steroid_mg is not None
    conditions = () if known else ("the steroid dose was not reduced since",)
    return Judgement(Category.PROGRESSION, f"{size}.", conditions)


def _grew(change: Change, criterion: Criterion) -> bool:
    if change.percent is None:
        return change.after > 0
    return change.percent >= criterion.progression


def _response(current: Observation, change: Change, criterion: Criterion) -> Category | None:
    """How far it shrank, by size alone; from nothing there is nothing to respond."""
    if change.percent is None:
        return None
    if change.after == 0:
        return Category.COMPLETE
    if change.percent <= criterion.partial:
        return Category.PARTIAL
    if change.percent <= criterion.minor and not current.is_enhancing:
        return Category.MINOR
    return None


def _rose(before: Observation, after: Observation) -> bool:
    """Whether the steroid dose did, as far as both are known."""
    if before.steroid_mg is None or after.steroid_mg is None:
        return False
    return after.steroid_mg > before.steroid_mg


def _not_recorded(current: Observation, baseline: Observation) -> tuple[str, ...]:
    conditions = []
    if current.small_new_lesions:
        # What is small can be equivocal: a follow-up or a person tells (RANO-BM and -LGG say so).
        conditions.append(_small_ones(current.small_new_lesions))
    if current.new_lesions is None:
        conditions.append("there is no new lesion")
    if current.steroid_mg is None or baseline.steroid_mg is None:
        conditions.append("the steroid dose is no higher than at the baseline")
    if current.clinical is Clinical.UNKNOWN:
        conditions.append("the patient is not clinically worse")
    return tuple(conditions)


def _small_ones(count: int) -> str:
    noun = "new lesion is" if count == 1 else "new lesions are"
    return f"the {count} {noun} too small to be measurable and not taken for tumour"


def _words(change: Change) -> str:
    """Such as "31 % above"."""
    if change.percent is None:
        return "as small as" if change.after == 0 else "above the zero of"
    if round(change.percent) == 0:
        return "within 1 % of"
    return f"{abs(change.percent):.0f} % {'above' if change.percent > 0 else 'below'}"
