"""Intervals by resampling patients.

Slices of one patient resemble each other, and so do all its voxels: what was drawn at random is
the patient. So at every level it is whole patients that are drawn again, with replacement
(the bootstrap of Efron, Annals of Statistics 1979; of clusters, Davison and Hinkley 1997,
chapter 3), and an interval runs between the percentiles of what the resamples give. A resample is
a row of weights: how often each patient was drawn. Every figure is a function of such weights, so
that the estimate itself is the figure at weights of one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
# Rows of weights that are worked on at a time, so that memory does not grow with the resamples.
CHUNK = 250

FloatArray64 = NDArray[np.float64]
IntArray = NDArray[np.int64]
Interval = tuple[float, float]
Statistic = Callable[[FloatArray64], FloatArray64]
"""From weights (B, patients) to one figure for each row (B,); NaN where it is undefined."""


def draw_patients(patients: int, *, seed: int, resamples: int = RESAMPLES) -> FloatArray64:
    """The weights (resamples, patients): each row sums to the number of patients."""
    draws = np.random.default_rng(seed).multinomial(
        patients, np.full(patients, 1 / patients), size=resamples
    )
    return draws.astype(np.float64)


def estimate(statistic: Statistic, weights: FloatArray64) -> tuple[float, Interval | None]:
    """The figure over all patients, and its 95 % percentile interval.

    The interval is None for fewer than two patients. Resamples in which the figure is undefined
    are left out.
    """
    patients = weights.shape[1]
    value = float(statistic(np.ones((1, patients)))[0])
    if patients < 2 or np.isnan(value):
        return value, None
    starts = range(0, len(weights), CHUNK)
    figures = np.concatenate([statistic(weights[start : start + CHUNK]) for start in starts])
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.nanpercentile(figures, [tail, 100 - tail])
    return value, (float(low), float(high))


def mean_statistic(
    values: FloatArray64, owners: IntArray, patients: int, counts: IntArray | None = None
) -> Statistic:
    """The mean of ``values`` (N,), each occurring ``counts`` times (once by default).

    Value ``i`` belongs to the patient ``owners[i]``, a number below ``patients``.
    """
    times = np.ones(len(values)) if counts is None else counts.astype(np.float64)
    sums = np.bincount(owners, weights=values * times, minlength=patients)
    numbers = np.bincount(owners, weights=times, minlength=patients)

    def mean(weights: FloatArray64) -> FloatArray64:
        held = weights @ numbers
        result: FloatArray64 = np.where(held > 0, weights @ sums, np.nan) / np.maximum(held, 1)
        return result

    return mean


def quantile_statistic(
    values: FloatArray64,
    owners: IntArray,
    patients: int,
    share: float,
    counts: IntArray | None = None,
) -> Statistic:
    """The quantile of ``values`` (N,), each occurring ``counts`` times, interpolated linearly."""
    steps, place = np.unique(values, return_inverse=True)
    table = np.zeros((patients, len(steps)))
    np.add.at(table, (owners, place), 1 if counts is None else counts)
    below = table.cumsum(axis=1)

    def quantile(weights: FloatArray64) -> FloatArray64:
        if not len(steps):
            return np.full(len(weights), np.nan)
        held = weights @ below
        total = held[:, -1]
        position = share * np.maximum(total - 1, 0)
        lower = _at(steps, held, np.floor(position))
        upper = _at(steps, held, np.ceil(position))
        found = lower + (upper - lower) * (position - np.floor(position))
        return np.where(total > 0, found, np.nan)

    return quantile


def _at(steps: FloatArray64, held: FloatArray64, index: FloatArray64) -> FloatArray64:
    """For each row, the value at ``index`` (from 0) of its sorted values."""
    found: FloatArray64 = steps[(held > index[:, None]).argmax(axis=1)]
    return found
