"""Scales of charts: round steps, dates to scale, and labels that do not run into each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

# The width of a character of the charts' small print, in their own units.
CHARACTER = 6.3


@dataclass(frozen=True)
class Tick:
    position: float
    label: str


def nice_steps(highest: float, count: int = 4) -> list[float]:
    """Values from zero to at least ``highest`` in steps of 1, 2 or 5 times a power of ten."""
    raw = max(highest, 0.1) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if raw <= power * factor * (1 + 1e-9))
    steps = math.ceil(max(highest, 0.1) / step - 1e-9)
    return [step * n for n in range(steps + 1)]


def date_ticks(days: Iterable[tuple[float, date]], apart: float = 84) -> list[Tick]:
    """The dates at their places; left out where they would run into each other, the last kept."""
    places = sorted(set(days))
    ticks: list[tuple[float, date]] = []
    for place in reversed(places):
        if not ticks or ticks[-1][0] - place[0] >= apart:
            ticks.append(place)
    return [Tick(x, f"{day:%-d %b %Y}") for x, day in reversed(ticks)]


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """``wanted`` places moved as little as it takes to lie ``apart``, within the bounds."""
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    placed = [0.0] * len(wanted)
    floor = low
    for n in order:
        placed[n] = max(wanted[n], floor)
        floor = placed[n] + apart
    ceiling = high
    for n in reversed(order):
        placed[n] = min(placed[n], ceiling)
        ceiling = placed[n] - apart
    return [round(place, 1) for place in placed]


def lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """The first lane, from 0, in which each span does not overlap one before it."""
    ends: list[float] = []
    chosen = []
    for start, end in spans:
        lane = next((n for n, taken in enumerate(ends) if start >= taken), len(ends))
        if lane == len(ends):
            ends.append(end)
        ends[lane] = end
        chosen.append(lane)
    return chosen
