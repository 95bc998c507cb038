"""The course of a patient's volume, laid out to scale; the template only draws it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from segmentation.selectors.timeline import CoursePoint

WIDTH, HEIGHT = 720.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 20.0, 14.0, 28.0
TICKS = 4


@dataclass(frozen=True)
class Mark:
    """A point of the chart in the drawing's own units."""

    x: float
    y: float
    point: CoursePoint


@dataclass(frozen=True)
class Tick:
    position: float
    label: str


@dataclass(frozen=True)
class CourseChart:
    """Everything that the drawing needs; the y axis starts at zero."""

    width: float
    height: float
    left: float
    right: float
    bottom: float
    marks: list[Mark]
    lines: list[str]
    y_ticks: list[Tick]
    x_ticks: list[Tick]


def draw_course(points: list[CoursePoint]) -> CourseChart | None:
    """A chart with dates to scale; None where there is nothing to draw.

    Only results of the same sequence are joined by a line, since others are not comparable.
    """
    if not points:
        return None
    first, last = points[0].day, points[-1].day
    days = max(1, (last - first).days)
    top_value, step = _scale(max(point.volume_ml for point in points))
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x_of(day: date) -> float:
        share = 0.5 if first == last else (day - first).days / days
        return round(LEFT + 16 + (inner_width - 32) * share, 1)

    def y_of(volume: float) -> float:
        return round(TOP + inner_height * (1 - volume / top_value), 1)

    marks = [Mark(x_of(point.day), y_of(point.volume_ml), point) for point in points]
    values = [step * n for n in range(round(top_value / step) + 1)]
    return CourseChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        marks=marks,
        lines=_lines(marks),
        y_ticks=[Tick(y_of(value), f"{value:g}") for value in values],
        x_ticks=_date_ticks(marks),
    )


def _scale(highest: float) -> tuple[float, float]:
    """The top of the axis and its step: 1, 2 or 5 times a power of ten."""
    raw = max(highest, 0.1) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if raw <= power * factor)
    return step * math.ceil(max(highest, 0.1) / step), step


def _lines(marks: list[Mark]) -> list[str]:
    by_sequence: dict[str, list[Mark]] = {}
    for mark in marks:
        by_sequence.setdefault(mark.point.sequence, []).append(mark)
    return [
        " ".join(f"{mark.x},{mark.y}" for mark in line)
        for line in by_sequence.values()
        if len(line) > 1
    ]


def _date_ticks(marks: list[Mark]) -> list[Tick]:
    """The dates of the results, left out where they would run into each other."""
    ticks: list[Tick] = []
    for mark in marks:
        if not ticks or mark.x - ticks[-1].position >= 84:
            ticks.append(Tick(mark.x, f"{mark.point.day:%-d %b %Y}"))
    return ticks
