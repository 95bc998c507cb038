"""Treatments as bands behind the lines, their names in lanes above."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from patients.models import Treatment, TreatmentKind
from segmentation.course_chart.frame import LANE, TOP, WIDTH, Days
from segmentation.course_chart.records import Band
from segmentation.scales import CHARACTER, lanes
from segmentation.selectors.course import Entry

# Treatments that began longer before the first examination are cut off at the chart's edge.
BEFORE = timedelta(days=90)


def span_days(entries: Sequence[Entry], treatments: Sequence[Treatment]) -> Days:
    """From the first to the last day that the chart shows."""
    first, last = entries[0].day, entries[-1].day
    begun = [t.started_on for t in treatments if first - BEFORE <= t.started_on < first]
    return Days(min([first, *begun]), last)


def place_bands(treatments: Sequence[Treatment], days: Days) -> list[Band]:
    """The treatments of those days, each in the highest lane that is free."""
    spans = []
    for one in (treatment for treatment in treatments if _overlaps(treatment, days)):
        start = days.x(max(one.started_on, days.first))
        end = days.x(min(_end(one) or days.last, days.last))
        text = _words(one)
        room = CHARACTER * len(text) + 10
        # A name that would leave the chart stands left of its band's end.
        is_late = start + room > WIDTH
        span = (min(start, max(start, end) - room), end) if is_late else (start, start + room)
        spans.append((one, start, end, text, is_late, (span[0], max(span[1], end + 4))))
    chosen = lanes([span for *_, span in spans])
    return [
        Band(
            x=start,
            width=round(max(end - start, 0.0), 1),
            lane_y=TOP + LANE * lane,
            kind=one.kind,
            label=text,
            text_x=(end if is_late else start) + (-4 if is_late else 4),
            anchor="end" if is_late else "start",
            is_moment=end - start < 3,
        )
        for (one, start, end, text, is_late, _), lane in zip(spans, chosen, strict=True)
    ]


def count_rows(bands: Sequence[Band]) -> int:
    """How many lanes they take."""
    return 1 + max((round((band.lane_y - TOP) / LANE) for band in bands), default=-1)


def _end(treatment: Treatment) -> date | None:
    if treatment.kind == TreatmentKind.SURGERY and treatment.ended_on is None:
        return treatment.started_on
    return treatment.ended_on


def _overlaps(treatment: Treatment, days: Days) -> bool:
    end = _end(treatment)
    return treatment.started_on <= days.last and (end is None or end >= days.first)


def _words(treatment: Treatment) -> str:
    words = str(treatment.get_kind_display())
    if treatment.description:
        words += f": {treatment.description}"
    return words if len(words) <= 42 else f"{words[:41].rstrip()}…"
