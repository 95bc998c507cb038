"""What one examination contributes to the course, and when two may be compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar


class Clinical(StrEnum):
    """How the patient is, against the examination before, as the clinician says."""

    BETTER = "better"
    STABLE = "stable"
    WORSE = "worse"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Therapy:
    """A treatment as far as the rule minds it; ``ended_on`` is None while it goes on."""

    kind: str
    started_on: date
    ended_on: date | None = None

    SURGERY: ClassVar[str] = "surgery"
    RADIOTHERAPY: ClassVar[str] = "radiotherapy"

    def end_before(self, day: date) -> date | None:
        """When it was over, if that was on ``day`` or before; an operation is over at once."""
        end = self.started_on if self.kind == self.SURGERY else self.ended_on
        return end if end is not None and end <= day else None


@dataclass(frozen=True)
class Observation:
    """One mask of one day, with what the response rule asks of the clinician.

    ``component`` is what the mask marks ("FLAIR abnormality", "enhancing tumour"), ``family`` the
    family of its sequence and ``method`` what drew it. ``product_mm2`` is the sum of the products
    of the two diameters over the measurable lesions, ``volume_ml`` the whole mask; either is None
    where the scan gives no millimetres, and the product where no lesion is measurable.
    ``new_lesions`` counts measurable lesions that no earlier examination shows, and
    ``small_new_lesions`` those too small to be measurable; None where that is not known.
    ``steroid_mg`` is the daily dose as dexamethasone (mg), ``karnofsky`` the performance status.
    """

    key: str
    day: date
    component: str
    family: str
    method: str
    is_enhancing: bool
    is_signed: bool
    found_nothing: bool
    volume_ml: float | None
    product_mm2: float | None
    new_lesions: int | None = None
    small_new_lesions: int | None = None
    steroid_mg: float | None = None
    karnofsky: int | None = None
    clinical: Clinical = Clinical.UNKNOWN
    is_baseline: bool = False

    def size(self, name: str) -> float | None:
        """``volume_ml`` or ``product_mm2``; an empty mask measures zero in both."""
        if self.found_nothing and self.volume_ml is not None:
            return 0.0
        value: float | None = getattr(self, name)
        return value


def not_comparable(earlier: Observation, later: Observation) -> str:
    """Why a change between the two would mean nothing, in a sentence; empty where it means one."""
    if earlier.component != later.component:
        return f"One mask marks {earlier.component}, the other {later.component}."
    if earlier.family != later.family:
        return f"One scan is {earlier.family}, the other {later.family}."
    if earlier.method != later.method:
        return f"The masks come from different methods ({earlier.method}; {later.method})."
    return ""
