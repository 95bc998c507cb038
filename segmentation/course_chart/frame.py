"""Where days and values lie in the drawing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

WIDTH, PLOT_HEIGHT = 960.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 84.0, 10.0, 26.0
LANE = 18.0


@dataclass(frozen=True)
class Days:
    """The days from the ``first`` to the ``last``, to scale; others lie at the edges."""

    first: date
    last: date

    def x(self, day: date) -> float:
        days = (self.last - self.first).days
        share = 0.5 if days == 0 else (day - self.first).days / days
        inner = WIDTH - LEFT - RIGHT - 40
        return round(LEFT + 20 + inner * min(1.0, max(0.0, share)), 1)


@dataclass(frozen=True)
class Frame:
    """The plot below ``rows`` of treatments, from zero to the last of ``steps``."""

    days: Days
    rows: int
    steps: list[float]

    @property
    def top(self) -> float:
        return TOP + LANE * self.rows + 12

    @property
    def bottom(self) -> float:
        return self.top + PLOT_HEIGHT

    def y(self, value: float) -> float:
        return round(self.top + PLOT_HEIGHT * (1 - value / self.steps[-1]), 1)
