"""What the list of patients shows of results, without this app knowing about results.

The app above registers a provider when Django starts; the list asks it for the patients of one
page. So the arrows of the house keep pointing one way.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from patients.sparkline import sparkline


@dataclass(frozen=True)
class ResultSummary:
    """One patient's results in a line: the newest volume, its course, and what is going on."""

    latest_volume_ml: float | None = None
    latest_is_none_found: bool = False
    course_ml: list[float] = field(default_factory=list)
    running: int = 0
    failed: int = 0
    done: int = 0
    signed: int = 0

    @property
    def drafts(self) -> int:
        """Results that count although nobody has signed them."""
        return self.done - self.signed

    @property
    def line(self) -> str:
        """The course as the points of a small line."""
        return sparkline(self.course_ml)


Provider = Callable[[Iterable[uuid.UUID]], dict[uuid.UUID, ResultSummary]]

_providers: list[Provider] = []


def register_provider(provider: Provider) -> None:
    """Names the one function that summarises results; a later one takes the earlier's place."""
    _providers[:] = [provider]


def summarise(patients: Iterable[uuid.UUID]) -> dict[uuid.UUID, ResultSummary]:
    """A summary for each patient of whom there is something to say."""
    return _providers[0](patients) if _providers else {}
