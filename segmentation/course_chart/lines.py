"""The totals and the main lesions as lines; what is joined may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ml.course import Category
from segmentation.course_chart.frame import Frame
from segmentation.course_chart.records import Line, Mark
from segmentation.models import CriterionName
from segmentation.palette import colour_index
from segmentation.scales import spread
from segmentation.selectors.course import CRITERIA, Course, Entry

LABEL_APART = 14.0
MOST_LESIONS = 7
TOTAL = "total"


@dataclass(frozen=True)
class _Draft:
    """A line before its name has a place; ``name`` is the lesion's, 0 the total's."""

    key: str
    label: str
    name: int
    marks: list[Mark]


class Lines:
    """The lines of one size over the examinations that have it."""

    def __init__(
        self, course: Course, criterion: CriterionName, measured: Sequence[Entry], frame: Frame
    ) -> None:
        self.course, self.criterion, self.measured = course, criterion, measured
        self.frame = frame
        self.size = CRITERIA[criterion].size
        self.names = self._main_lesions()

    @property
    def left_out(self) -> int:
        """How many lesions are in the total alone."""
        return len(self.course.names) - len(self.names)

    def draw(self) -> tuple[Line, ...]:
        drafts = [*self._totals(), *self._lesions()]
        places = self._places([draft.marks[-1] for draft in drafts])
        return tuple(
            Line(
                key=draft.key,
                label=draft.label,
                colour=0 if draft.name == 0 else colour_index(draft.name),
                dash=(draft.name - 1) % 4 if draft.name else 0,
                points=" ".join(f"{mark.x},{mark.y}" for mark in draft.marks),
                marks=tuple(draft.marks),
                label_x=round(draft.marks[-1].x + 10, 1),
                label_y=place,
            )
            for draft, place in zip(drafts, places, strict=True)
        )

    def _series(self) -> list[list[Entry]]:
        """The examinations that may be joined, in the order of their first one."""
        keys = list(dict.fromkeys(entry.series for entry in self.measured))
        return [[entry for entry in self.measured if entry.series == key] for key in keys]

    def _totals(self) -> list[_Draft]:
        roles, series = self._roles(), self._series()
        return [
            _Draft(
                key=f"{TOTAL}-{n}",
                label="Total" if len(series) == 1 else f"Total {n + 1}",
                name=0,
                marks=[self._total(entry, roles) for entry in entries],
            )
            for n, entries in enumerate(series)
        ]

    def _lesions(self) -> list[_Draft]:
        drafts = (
            _Draft(f"lesion-{name}-{n}", f"Lesion {name}", name, self._lesion(entries, name))
            for name in self.names
            for n, entries in enumerate(self._series())
        )
        return [draft for draft in drafts if draft.marks]

    def _places(self, ends: Sequence[Mark]) -> list[float]:
        """The height of each line's name beside its last mark; those of one date are kept apart."""
        low, high = self.frame.top + 4, self.frame.bottom - 4
        heights = [0.0] * len(ends)
        for x in {end.x for end in ends}:
            own = [n for n, end in enumerate(ends) if end.x == x]
            wanted = [ends[n].y for n in own]
            for n, place in zip(own, spread(wanted, LABEL_APART, low, high), strict=True):
                heights[n] = place
        return heights

    def _total(self, entry: Entry, roles: dict[str, str]) -> Mark:
        low, high = interval_of(entry, self.criterion)
        return replace(
            self._mark(entry, size_of(entry, self.criterion)),
            role=roles.get(entry.observation.key, ""),
            low_y=None if low is None else self.frame.y(low),
            high_y=None if high is None else self.frame.y(high),
        )

    def _mark(self, entry: Entry, value: float) -> Mark:
        return Mark(
            x=self.frame.days.x(entry.day),
            y=self.frame.y(value),
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
            found = entry.assessed[self.criterion].response
            if found.category is Category.BASELINE:
                roles.setdefault(entry.observation.key, []).append("baseline")
            for word, change in (("baseline", found.baseline), ("nadir", found.nadir)):
                if change is not None:
                    roles.setdefault(change.since.key, []).append(word)
        return {key: ", ".join(words) for key, words in roles.items()}


def size_of(entry: Entry, criterion: CriterionName) -> float:
    """What is drawn of an examination, in mL or mm²."""
    return entry.observation.size(CRITERIA[criterion].size) or 0.0


def interval_of(entry: Entry, criterion: CriterionName) -> tuple[float | None, float | None]:
    """The ends of the volume's interval in mL; a product of diameters has none."""
    known = entry.result.volume_interval
    if criterion != CriterionName.VOLUME or known is None:
        return None, None
    return known["low_ml"], known["high_ml"]
