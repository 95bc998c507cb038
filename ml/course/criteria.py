"""The thresholds of the response categories, by product of diameters and by volume."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

SOURCE = (
    "RANO: Wen et al., J Clin Oncol 2010;28:1963 (high-grade), van den Bent et al., Lancet Oncol "
    "2011;12:583 (low-grade), Wen et al., J Clin Oncol 2023;41:5187 (RANO 2.0, volumes)"
)
# A response has to last so long, and progression soon after radiotherapy to be seen again after it.
CONFIRMED_AFTER = timedelta(weeks=4)
SOON_AFTER_RADIOTHERAPY = timedelta(weeks=12)


class Category(StrEnum):
    COMPLETE = "complete response"
    PARTIAL = "partial response"
    MINOR = "minor response"
    STABLE = "stable disease"
    PROGRESSION = "progression"
    BASELINE = "baseline"
    NOT_EVALUABLE = "not evaluable"

    @property
    def is_response(self) -> bool:
        return self in RESPONSES


RESPONSES = (Category.COMPLETE, Category.PARTIAL, Category.MINOR)


@dataclass(frozen=True)
class Criterion:
    """Changes in per cent of one size: ``partial`` and ``minor`` against the baseline (minor for
    tumour that does not enhance), ``progression`` against the smallest since.
    """

    name: str
    size: str
    partial: float
    minor: float
    progression: float

    @property
    def rule(self) -> str:
        """The rule in a sentence, as it is shown beside the category."""
        return (
            f"By {self.name}: complete response when nothing is left, partial at "
            f"{-self.partial:.0f} % or more below the baseline, minor (non-enhancing tumour) from "
            f"{-self.minor:.0f} % below it, progression at {self.progression:.0f} % or more above "
            "the smallest since the baseline, or a new lesion, or clinical deterioration."
        )


BY_PRODUCT = Criterion("product of diameters", "product_mm2", -50.0, -25.0, 25.0)
BY_VOLUME = Criterion("volume", "volume_ml", -65.0, -40.0, 40.0)
CRITERIA = (BY_PRODUCT, BY_VOLUME)
