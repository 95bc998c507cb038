"""The chart of a patient's course, laid out to scale; the template only draws it.

Everything that it says can be read without a script, in print and in greyscale: lines are named at
their ends and dashed differently, signed results are filled and drafts hollow. A bar through a
model's volume goes from the low to the high end of its interval.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ml.course import Category
from patients.models import Treatment, TreatmentKind
from segmentation.models import CriterionName
from segmentation.palette import colour_index
from segmentation.scales import CHARACTER, Tick, date_ticks, lanes, nice_steps, spread
from segmentation.selectors.course import CRITERIA, Course, Entry

WIDTH, PLOT_HEIGHT = 960.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 84.0, 10.0, 26.0
LANE = 18.0
LABEL_APART = 14.0
MOST_LESIONS = 7
# Treatments that began longer before the first examination are cut off at the chart's edge.
BEFORE = timedelta(days=90)
TOTAL = "total"


@dataclass(frozen=True)
class Mark:
    """One value of one line in the drawing's units; ``index`` counts the examinations.

    ``low_y`` and ``high_y`` are the ends of the value's interval, where it has one.
    """

    x: float
    y: float
    index: int
    scan_id: uuid.UUID
    day: date
    value: float
    is_signed: bool
    is_new: bool = False
    role: str = ""
    low_y: float | None = None
    high_y: float | None = None

    @property
    def role_y(self) -> float:
        """Where its role is written: above the mark and its bar."""
        return self.y - 11 if self.high_y is None else min(self.y - 11, self.high_y - 6)


@dataclass(frozen=True)
class Line:
    """What is joined may be compared. ``colour`` is the lesion's, 0 the total's."""

    key: str
    label: str
    colour: int
    dash: int
    points: str
    marks: tuple[Mark, ...]
    label_x: float
    label_y: float

    @property
    def is_total(self) -> bool:
        return self.colour == 0


@dataclass(frozen=True)
class Band:
    """A treatment: from ``x`` over ``width``, its name in a lane at the top."""

    x: float
    width: float
    lane_y: float
    kind: str
    label: str
    text_x: float
    anchor: str
    is_moment: bool


@dataclass(frozen=True)
class Column:
    """One day on which something was measured, for pointing."""

    x: float
    index: int


@dataclass(frozen=True)
class Chart:
    name: CriterionName
    unit: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    lines: tuple[Line, ...]
    bands: tuple[Band, ...]
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    left_out: int

    @property
    def has_new(self) -> bool:
        return any(mark.is_new for line in self.lines for mark in line.marks)

    @property
    def has_intervals(self) -> bool:
        return any(mark.low_y is not None for line in self.lines for mark in line.marks)


def draw_course(course: Course, name: CriterionName) -> Chart | None:
    """The chart by one size; None where no examination has it."""
    size = CRITERIA[name].size
    measured = [entry for entry in course.entries if entry.observation.size(size) is not None]
    if not measured:
        return None
    return _Layout(course, name, measured).draw()


class _Layout:
    def __init__(self, course: Course, name: CriterionName, measured: Sequence[Entry]) -> None:
        self.course, self.name, self.measured = course, name, measured
        self.size = CRITERIA[name].size
        self.first, self.last = _span(measured, course.treatments)
        shown = [t for t in course.treatments if _overlaps(t, self.first, self.last)]
        self.bands = self._bands(shown)
        rows = 1 + max((round((band.lane_y - TOP) / LANE) for band in self.bands), default=-1)
        self.top = TOP + LANE * rows + 12
        self.bottom = self.top + PLOT_HEIGHT
        highest = (self._interval(entry)[1] or self._size(entry) for entry in measured)
        self.steps = nice_steps(max(highest))

    def draw(self) -> Chart:
        lines, left_out = self._lines()
        places = [(self._x(entry.day), entry.day) for entry in self.measured]
        return Chart(
            name=self.name,
            unit="mL" if self.name == CriterionName.VOLUME else "mm²",
            width=WIDTH,
            height=self.bottom + BOTTOM,
            left=LEFT,
            right=WIDTH - RIGHT,
            top=self.top,
            bottom=self.bottom,
            lines=tuple(lines),
            bands=tuple(self.bands),
            y_ticks=[Tick(self._y(value), f"{value:g}") for value in self.steps],
            x_ticks=date_ticks(places),
            left_out=left_out,
        )

    def _size(self, entry: Entry) -> float:
        return entry.observation.size(self.size) or 0.0

    def _interval(self, entry: Entry) -> tuple[float | None, float | None]:
        """The ends of the volume's interval in mL; a product of diameters has none."""
        known = entry.result.volume_interval
        if self.name != CriterionName.VOLUME or known is None:
            return None, None
        return known["low_ml"], known["high_ml"]

    def _x(self, day: date) -> float:
        days = (self.last - self.first).days
        share = 0.5 if days == 0 else (day - self.first).days / days
        inner = WIDTH - LEFT - RIGHT - 40
        return round(LEFT + 20 + inner * min(1.0, max(0.0, share)), 1)

    def _y(self, value: float) -> float:
        return round(self.top + PLOT_HEIGHT * (1 - value / self.steps[-1]), 1)

    def _bands(self, treatments: Sequence[Treatment]) -> list[Band]:
        spans = []
        for one in treatments:
            start = self._x(max(one.started_on, self.first))
            end = self._x(min(_end(one) or self.last, self.last))
            text = _treatment_words(one)
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

    def _lines(self) -> tuple[list[Line], int]:
        roles = self._roles()
        drafts: list[tuple[str, str, int, list[Mark]]] = []
        series = list(dict.fromkeys(entry.series for entry in self.measured))
        for n, one in enumerate(series):
            own = [entry for entry in self.measured if entry.series == one]
            label = "Total" if len(series) == 1 else f"Total {n + 1}"
            marks = [self._total(e, roles) for e in own]
            drafts.append((f"{TOTAL}-{n}", label, 0, marks))
        names = self._main_lesions()
        for name in names:
            for n, one in enumerate(series):
                marks = self._lesion([e for e in self.measured if e.series == one], name)
                if marks:
                    drafts.append((f"lesion-{name}-{n}", f"Lesion {name}", name, marks))
        places = self._places([marks[-1] for *_, marks in drafts])
        lines = [
            Line(
                key=key,
                label=label,
                colour=0 if name == 0 else colour_index(name),
                dash=(name - 1) % 4 if name else 0,
                points=" ".join(f"{mark.x},{mark.y}" for mark in marks),
                marks=tuple(marks),
                label_x=round(marks[-1].x + 10, 1),
                label_y=place,
            )
            for (key, label, name, marks), place in zip(drafts, places, strict=True)
        ]
        return lines, len(self.course.names) - len(names)

    def _places(self, ends: Sequence[Mark]) -> list[float]:
        """The height of each line's name beside its last mark; those of one date are kept apart."""
        heights = [0.0] * len(ends)
        for x in {end.x for end in ends}:
            own = [n for n, end in enumerate(ends) if end.x == x]
            wanted = [ends[n].y for n in own]
            for n, place in zip(
                own, spread(wanted, LABEL_APART, self.top + 4, self.bottom - 4), strict=True
            ):
                heights[n] = place
        return heights

    def _total(self, entry: Entry, roles: dict[str, str]) -> Mark:
        low, high = self._interval(entry)
        return replace(
            self._mark(entry, self._size(entry)),
            role=roles.get(entry.observation.key, ""),
            low_y=None if low is None else self._y(low),
            high_y=None if high is None else self._y(high),
        )

    def _mark(self, entry: Entry, value: float) -> Mark:
        return Mark(
            x=self._x(entry.day),
            y=self._y(value),
            index=self.course.entries.index(entry),
            scan_id=entry.scan.pk,
            day=entry.day,
            value=value,
            is_signed=entry.observation.is_signed,
        )

    def _lesion(self, entries: Sequence[Entry], name: int) -> list[Mark]:
        """Its values; a zero where a matched examination is the first or last without it."""
        marks: list[Mark] = []
        for entry in entries:
            found = next((one for one in entry.lesions if one.name == name), None)
            value = None if found is None else found.size(self.size)
            if found is None and marks and entry.names.new is not None:
                value = 0.0
            if value is None:
                continue
            mark = self._mark(entry, value)
            marks.append(replace(mark, is_new=found is not None and found.is_new))
        return [
            mark
            for n, mark in enumerate(marks)
            if any(other.value > 0 for other in marks[max(0, n - 1) : n + 2])
        ]

    def _main_lesions(self) -> list[int]:
        """The names of the largest ones; the others are in the total alone."""
        largest: dict[int, float] = {}
        for entry in self.measured:
            for one in entry.lesions:
                value = one.size(self.size)
                if value:
                    largest[one.name] = max(value, largest.get(one.name, 0.0))
        kept = sorted(largest, key=lambda name: -largest[name])[:MOST_LESIONS]
        return sorted(kept)

    def _roles(self) -> dict[str, str]:
        """Which examinations are baseline and nadir for the newest one of each series."""
        newest = {entry.series: entry for entry in self.measured}
        roles: dict[str, list[str]] = {}
        for entry in newest.values():
            found = entry.assessed[self.name].response
            if found.category is Category.BASELINE:
                roles.setdefault(entry.observation.key, []).append("baseline")
            for word, change in (("baseline", found.baseline), ("nadir", found.nadir)):
                if change is not None:
                    roles.setdefault(change.since.key, []).append(word)
        return {key: ", ".join(words) for key, words in roles.items()}


def _end(treatment: Treatment) -> date | None:
    if treatment.kind == TreatmentKind.SURGERY and treatment.ended_on is None:
        return treatment.started_on
    return treatment.ended_on


def _span(entries: Sequence[Entry], treatments: Sequence[Treatment]) -> tuple[date, date]:
    """From the first to the last day that the chart shows."""
    first, last = entries[0].day, entries[-1].day
    begun = [t.started_on for t in treatments if first - BEFORE <= t.started_on < first]
    return min([first, *begun]), last


def _overlaps(treatment: Treatment, first: date, last: date) -> bool:
    end = _end(treatment)
    return treatment.started_on <= last and (end is None or end >= first)


def _treatment_words(treatment: Treatment) -> str:
    words = str(treatment.get_kind_display())
    if treatment.description:
        words += f": {treatment.description}"
    return words if len(words) <= 42 else f"{words[:41].rstrip()}…"
