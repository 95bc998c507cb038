"""Timing the same slices in batches of several sizes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Batched:
    """Seconds for all slices with the quickest batch size."""

    batch: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best_batch(read: Callable[[int], object], batches: tuple[int, ...]) -> int:
    """The size of ``batches`` at which ``read(size)`` takes least for each slice.

    Each is warmed up once and then timed over as many slices as the largest batch has.
    """
    largest = max(batches)
    costs: dict[int, float] = {}
    for size in batches:
        read(size)
        turns = -(-largest // size)
        costs[size] = sum(seconds_of(lambda: read(size)) for _ in range(turns)) / (turns * size)  # noqa: B023
    return min(costs, key=lambda size: costs[size])


def time_best_batch(
    read: Callable[[int], object], *, slices: int, batches: tuple[int, ...]
) -> Batched:
    """All ``slices`` once, with the batch size that a few of them have shown to be the best."""
    batch = best_batch(read, batches)
    starts = range(0, slices, batch)
    seconds = sum(
        seconds_of(lambda: read(min(batch, slices - start)))  # noqa: B023
        for start in starts
    )
    return Batched(batch, seconds)
