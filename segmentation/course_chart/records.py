"""What the chart of a course consists of, in the drawing's units."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from segmentation.models import CriterionName
from segmentation.scales import Tick


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
