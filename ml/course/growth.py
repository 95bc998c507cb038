"""How fast a tumour grows or shrinks.

Growth is taken as exponential over the time looked at: V(t) = V0 exp(r t), the specific growth
rate r and the doubling time ln 2 / r (Mehrara et al., Cancer Res 2007;67:3970, who show why the
rate should be compared and not the doubling time). For diffuse low-grade glioma the velocity of
diametric expansion is what is spoken of: the diameter is that of a sphere, or by custom the cube
root of twice the volume, and grows linearly (Mandonnet et al., Ann Neurol 2003;53:524).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ml.course.observations import Observation

DAYS_A_MONTH = 365.25 / 12
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Growth:
    """``rate_percent_a_month`` is 100 r; ``doubling_days`` is None unless it grows and
    ``halving_days`` unless it shrinks; ``expansion_mm_a_year`` is of the mean diameter (2V)^(1/3).
    ``examinations`` is how many it was worked out from, over ``days``.
    """

    rate_percent_a_month: float
    doubling_days: float | None
    halving_days: float | None
    expansion_mm_a_year: float
    examinations: int
    days: int


def growth_between(earlier: Observation, later: Observation) -> Growth | None:
    """The growth from one examination to another; None without two volumes above zero."""
    return growth_over([earlier, later])


def growth_over(observations: Sequence[Observation]) -> Growth | None:
    """The least-squares growth over several; None without two days with a volume above zero."""
    known = [(one.day, one.volume_ml) for one in observations if one.volume_ml]
    if not known:
        return None
    start = min(day for day, _ in known)
    days = [float((day - start).days) for day, _ in known]
    if max(days) == 0:
        return None
    rate = _slope(days, [math.log(volume) for _, volume in known])
    diameters = [(2000.0 * volume) ** (1 / 3) for _, volume in known]
    return Growth(
        rate_percent_a_month=100.0 * rate * DAYS_A_MONTH,
        doubling_days=math.log(2) / rate if rate > 0 else None,
        halving_days=-math.log(2) / rate if rate < 0 else None,
        expansion_mm_a_year=_slope(days, diameters) * DAYS_A_YEAR,
        examinations=len(known),
        days=round(max(days)),
    )


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of the least-squares line; ``x`` has at least two different values."""
    x_mean, y_mean = sum(x) / len(x), sum(y) / len(y)
    across = sum((a - x_mean) ** 2 for a in x)
    return sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True)) / across
