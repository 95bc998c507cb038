"""The figures of the course's chart as tables, one panel for each size."""

from __future__ import annotations

from dataclasses import dataclass

from ml.course import Criterion
from segmentation.course_chart import Chart, draw_course
from segmentation.models import CriterionName
from segmentation.palette import colour_index
from segmentation.selectors.course import CRITERIA, Assessed, Course, Entry

TITLES = {CriterionName.VOLUME: "Volume", CriterionName.PRODUCT: "Product of diameters"}
UNITS = {CriterionName.VOLUME: "mL", CriterionName.PRODUCT: "mm²"}


@dataclass(frozen=True)
class Row:
    """One examination by one size; ``index`` is its place in the course."""

    index: int
    entry: Entry
    assessed: Assessed


@dataclass(frozen=True)
class Cell:
    """One lesion on one examination; without a value where it is not there or not measured."""

    value: float | None
    is_there: bool
    is_new: bool
    parts: int


@dataclass(frozen=True)
class LesionRow:
    name: int
    colour: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Panel:
    """``rows`` newest first, as the list of scans; ``lesions`` over the columns ``entries``."""

    name: CriterionName
    title: str
    unit: str
    places: int
    criterion: Criterion
    chart: Chart | None
    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]
    lesions: tuple[LesionRow, ...]

    @property
    def is_by_volume(self) -> bool:
        return self.name == CriterionName.VOLUME

    @property
    def source(self) -> str:
        return self.rows[0].assessed.response.source


def course_panels(course: Course) -> list[Panel]:
    """By volume and by product; empty without an examination."""
    return [_panel(course, name) for name in CRITERIA] if course.entries else []


def _panel(course: Course, name: CriterionName) -> Panel:
    rows = [Row(n, entry, entry.assessed[name]) for n, entry in enumerate(course.entries)]
    return Panel(
        name=name,
        title=TITLES[name],
        unit=UNITS[name],
        places=2 if name == CriterionName.VOLUME else 0,
        criterion=CRITERIA[name],
        chart=draw_course(course, name),
        rows=tuple(reversed(rows)),
        entries=course.entries,
        lesions=tuple(_lesion_row(course, lesion, name) for lesion in course.names),
    )


def _lesion_row(course: Course, lesion: int, name: CriterionName) -> LesionRow:
    size = CRITERIA[name].size
    cells = []
    for entry in course.entries:
        found = next((one for one in entry.lesions if one.name == lesion), None)
        cells.append(
            Cell(None, False, False, 0)
            if found is None
            else Cell(found.size(size), True, found.is_new, found.parts)
        )
    return LesionRow(lesion, colour_index(lesion), tuple(cells))
