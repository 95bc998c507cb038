"""The course in the report: what changed up to this study, and what the rule and people call it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils import timezone
from django.utils.formats import date_format

from ml.course import Change
from segmentation.report.chart import print_chart
from segmentation.report.record import CoursePart
from segmentation.selectors.course import Assessed, Course, Entry
from segmentation.templatetags.results import change

LEGEND = (
    "In the chart, filled points are signed and hollow ones drafts; a bar is where a reader's "
    "volume would lie in most patients. Rule after"
)
UNITS = {"volume_ml": "mL", "product_mm2": "mm²"}


def describe_course(course: Course, entries: Sequence[Entry]) -> CoursePart | None:
    """What is said of the study's ``entries``; None for a patient with one examination."""
    if len({entry.day for entry in course.entries}) < 2 or not entries:
        return None
    lines = [line for entry in entries for line in _lines(entry)]
    source = next(iter(entries[0].assessed.values())).response.source
    chart = print_chart(course, until=entries[0].day)
    return CoursePart(chart=chart, lines=tuple(lines), source=f"{LEGEND} {source}.")


def _lines(entry: Entry) -> Iterable[tuple[str, str]]:
    for assessed in entry.assessed.values():
        name = assessed.response.criterion.name
        yield f"{entry.scan.sequence}, by {name}", " ".join(_sentences(assessed))
    if entry.growth is not None:
        yield f"{entry.scan.sequence}, growth", _growth(entry)


def _sentences(assessed: Assessed) -> Iterable[str]:
    """The category, what it rests on, and a person's word on it."""
    response = assessed.response
    category = str(response.category)
    if response.is_preliminary:
        category += " (preliminary)"
    yield f"{category[0].upper()}{category[1:]}. {response.reason}"
    references: list[tuple[str, Change | None]] = [
        ("baseline", assessed.since_baseline),
        ("nadir", assessed.since_nadir),
        ("previous", assessed.previous),
    ]
    said = [f"{name} {_change(one, assessed)}" for name, one in references if one is not None]
    if said:
        yield f"Change since {'; '.join(said)}."
    if response.conditions:
        yield f"Provided that {', '.join(response.conditions)}."
    if response.uses_drafts:
        yield "It rests on masks that nobody has signed."
    yield _decision(assessed)


def _change(one: Change, assessed: Assessed) -> str:
    size = assessed.response.criterion.size
    unit = UNITS[size]
    digits = 1 if size == "volume_ml" else 0
    values = f"{one.before:,.{digits}f} to {one.after:,.{digits}f} {unit}"
    return f"of {date_format(one.since.day)}: {change(one.percent)} ({values})"


def _decision(assessed: Assessed) -> str:
    decided = assessed.decision
    if decided is None:
        return "Nobody has confirmed it."
    row = decided.row
    when = date_format(timezone.localtime(row.at), "j M Y")
    words = f"{row.by_name} decided on {when}: {row.category}"
    if row.reason:
        words += f" ({row.reason})"
    return words + (", on other figures than these." if decided.is_outdated else ".")


def _growth(entry: Entry) -> str:
    growth = entry.growth
    assert growth is not None
    rate = f"{growth.rate_percent_a_month:+.1f} % a month".replace("-", "−")
    if growth.doubling_days is not None:
        rate += f", doubling in {growth.doubling_days:,.0f} days"
    return f"{rate}, since the examination {growth.days} days before."
