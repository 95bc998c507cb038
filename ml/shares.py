"""A share of a count, and how far it may be from the true one."""

from __future__ import annotations

from scipy.stats import binomtest

CONFIDENCE = 0.95


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of ``hits`` in ``count`` (Clopper and Pearson, Biometrika 1934;26:404)."""
    found = binomtest(hits, count).proportion_ci(CONFIDENCE, method="exact")
    return float(found.low), float(found.high)
