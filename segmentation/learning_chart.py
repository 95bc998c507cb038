"""Dice between drafts and signed masks, month by month, laid out; the template only draws it."""

from __future__ import annotations

from dataclasses import dataclass

from segmentation.selectors.learning import Month

WIDTH, HEIGHT = 720.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 16.0, 14.0, 28.0
STEP = 0.25
LABEL_WIDTH = 62.0


@dataclass(frozen=True)
class MonthMark:
    """A month in the drawing's own units: a line from the lowest to one, the median, the mean."""

    x: float
    lowest_y: float
    median_y: float
    mean_y: float
    month: Month


@dataclass(frozen=True)
class AxisTick:
    position: float
    label: str


@dataclass(frozen=True)
class AgreementChart:
    width: float
    height: float
    left: float
    right: float
    top: float
    marks: list[MonthMark]
    line: str
    y_ticks: list[AxisTick]
    x_ticks: list[AxisTick]


def draw_agreement(months: list[Month]) -> AgreementChart | None:
    """Months to scale along x, Dice from 0 to 1 along y; None where none has a signed result."""
    signed = [month for month in months if month.agreement.signed]
    if not signed:
        return None
    marks = [_mark(month, _x_of(month, signed)) for month in signed]
    values = [STEP * n for n in range(round(1 / STEP) + 1)]
    return AgreementChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        marks=marks,
        line=" ".join(f"{mark.x},{mark.mean_y}" for mark in marks) if len(marks) > 1 else "",
        y_ticks=[AxisTick(_y_of(value), f"{value:g}") for value in values],
        x_ticks=_month_ticks(marks),
    )


def _x_of(month: Month, months: list[Month]) -> float:
    """In the middle where there is but one month."""
    first, last = _number(months[0]), _number(months[-1])
    share = 0.5 if first == last else (_number(month) - first) / (last - first)
    return round(LEFT + 40 + (WIDTH - LEFT - RIGHT - 80) * share, 1)


def _number(month: Month) -> int:
    return 12 * month.first_day.year + month.first_day.month


def _y_of(dice: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - dice), 1)


def _mark(month: Month, x: float) -> MonthMark:
    figures = month.agreement
    return MonthMark(
        x=x,
        lowest_y=_y_of(figures.lowest or 0.0),
        median_y=_y_of(figures.median or 0.0),
        mean_y=_y_of(figures.mean or 0.0),
        month=month,
    )


def _month_ticks(marks: list[MonthMark]) -> list[AxisTick]:
    """The months, left out where they would run into each other."""
    ticks: list[AxisTick] = []
    for mark in marks:
        if not ticks or mark.x - ticks[-1].position >= LABEL_WIDTH:
            ticks.append(AxisTick(mark.x, f"{mark.month.first_day:%b %Y}"))
    return ticks
