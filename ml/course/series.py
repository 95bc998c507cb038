"""One course of comparable examinations: its baseline, its nadir, and the change against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ml.course.observations import Observation, Therapy, not_comparable

BEGIN_ANEW = (Therapy.SURGERY, Therapy.RADIOTHERAPY)
SIZES = ("volume_ml", "product_mm2")


class Reference(StrEnum):
    BASELINE = "baseline"
    NADIR = "nadir"
    PREVIOUS = "previous"


@dataclass(frozen=True)
class Change:
    """What changed since ``since``; ``percent`` is None where that was zero."""

    since: Observation
    before: float
    after: float

    @property
    def absolute(self) -> float:
        return self.after - self.before

    @property
    def percent(self) -> float | None:
        return None if self.before == 0 else 100.0 * (self.after - self.before) / self.before


def comparable_with(current: Observation, observations: Iterable[Observation]) -> list[Observation]:
    """Those of earlier days that ``current`` may be compared with, oldest first."""
    alike = (
        one for one in observations if one.day < current.day and not not_comparable(one, current)
    )
    return sorted(alike, key=lambda one: one.day)


def choose_baseline(
    current: Observation, earlier: Sequence[Observation], therapies: Iterable[Therapy]
) -> Observation | None:
    """What responses are judged against; None where ``current`` itself is the first of its course.

    The newest examination that a clinician has marked as baseline. Else the first one after the
    newest operation or radiotherapy was over: what those took away is no response, and after
    radiotherapy the course begins anew (RANO 2.0, Wen et al., J Clin Oncol 2023;41:5187). Else
    the first.
    """
    if current.is_baseline:
        return None
    marked = [one for one in earlier if one.is_baseline]
    if marked:
        return marked[-1]
    ends = (one.end_before(current.day) for one in therapies if one.kind in BEGIN_ANEW)
    begun = max((end for end in ends if end is not None), default=None)
    since = [one for one in earlier if begun is None or one.day >= begun]
    return since[0] if since else None


def nadir(baseline: Observation, earlier: Sequence[Observation], size: str) -> Observation | None:
    """The smallest since ``baseline``, itself included; the latest of equals."""
    since = [one for one in earlier if one.day >= baseline.day and one.size(size) is not None]
    return min(reversed(since), key=lambda one: one.size(size) or 0.0, default=None)


def change_since(before: Observation | None, after: Observation, size: str) -> Change | None:
    """The change of one of ``SIZES``; None where either examination has no such size."""
    if before is None:
        return None
    first, second = before.size(size), after.size(size)
    if first is None or second is None:
        return None
    return Change(before, first, second)
