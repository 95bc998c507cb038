"""Figures by patient, by slice and pooled, each with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.evaluation.bootstrap import (
    FloatArray64,
    IntArray,
    draw_patients,
    estimate,
    mean_statistic,
    quantile_statistic,
)
from ml.evaluation.pooling import pool
from ml.evaluation.scale import Units, common_units
from ml.evaluation.scoring import (
    ALL_METRICS,
    IN_VOLUME_UNITS,
    SURFACE_METRICS,
    CaseScore,
    case_values,
    empty_units,
    slice_values,
)

TUMOUR_SLICES = "dice_tumour_slices"


class Cohort:
    """The scores of a data set with its patients in order, and their resamples."""

    def __init__(self, scores: list[CaseScore], *, seed: int) -> None:
        """Raises ValueError where nobody was evaluated."""
        self.units = common_units(score.scale.units for score in scores)
        self.scores = scores
        self.patients = sorted({score.patient for score in scores})
        self.owners = np.array([self.patients.index(score.patient) for score in scores])
        self.weights = draw_patients(len(self.patients), seed=seed)


def summarise(scores: list[CaseScore], *, seed: int = 0) -> dict[str, Any]:
    """``by_patient``, ``by_slice`` and ``pooled`` as they stand in the report.

    Raises ValueError where nobody was evaluated.
    """
    cohort = Cohort(scores, seed=seed)
    return {
        "by_patient": _by_patient(cohort),
        "by_slice": _by_slice(cohort),
        "pooled": {
            name: {**figure, **_units(name, cohort.units, per="scan")}
            for name, figure in pool(
                cohort.scores, cohort.owners, cohort.weights, cohort.units
            ).items()
        },
    }


def describe(values: FloatArray64, owners: IntArray, weights: FloatArray64) -> dict[str, Any]:
    """Mean, median and deviation of ``values`` (N,), the first two with their intervals.

    ``owners`` (N,) says whose each value is and ``weights`` (B, patients) are the resamples. What
    is NaN is left out; where nothing is left, every figure is None.
    """
    defined = ~np.isnan(values)
    values, owners = values[defined], owners[defined]
    patients = weights.shape[1]
    mean, interval = estimate(mean_statistic(values, owners, patients), weights)
    median, median_interval = estimate(quantile_statistic(values, owners, patients, 0.5), weights)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return {
        "mean": plain(mean),
        "median": plain(median),
        "deviation": deviation if len(values) else None,
        "interval": None if interval is None else list(interval),
        "median_interval": None if median_interval is None else list(median_interval),
    }


def plain(value: float) -> float | None:
    """``value`` for JSON, which has no NaN."""
    return None if np.isnan(value) else float(value)


def _by_patient(cohort: Cohort) -> dict[str, Any]:
    """Every patient counts once: one with several cases with the mean of those with a value."""
    everyone = np.arange(len(cohort.patients))
    cases = [case_values(score, cohort.units) for score in cohort.scores]
    summary: dict[str, Any] = {}
    for name in ALL_METRICS:
        values = np.array([case[name] for case in cases])
        defined = ~np.isnan(values)
        own = mean_statistic(values[defined], cohort.owners[defined], len(everyone))
        by_patient = own(np.eye(len(everyone)))
        summary[name] = {
            **describe(by_patient, everyone, cohort.weights),
            "patients": {
                patient: plain(value)
                for patient, value in zip(cohort.patients, by_patient, strict=True)
            },
            "undefined": int(np.isnan(by_patient).sum()),
            "undefined_cases": int((~defined).sum()),
            **_units(name, cohort.units, per="scan"),
        }
        if name in SURFACE_METRICS:
            summary[name] |= surface_exclusions(cohort.scores)
    return summary


def surface_exclusions(scores: list[CaseScore]) -> dict[str, int]:
    """How many cases and slices have no distance because a mask is empty."""
    return {
        "both_empty_cases": sum(score.both_empty for score in scores),
        "excluded_slices": sum(score.surface.excluded_slices for score in scores),
    }


def _by_slice(cohort: Cohort) -> dict[str, Any]:
    """Every scored slice counts once."""
    cases = [slice_values(score, cohort.units) for score in cohort.scores]
    owners = np.repeat(cohort.owners, [len(score.counts) for score in cohort.scores])
    empty = np.concatenate([empty_units(score.counts) for score in cohort.scores])
    tumour = np.concatenate([score.tumour_slices for score in cohort.scores])
    summary: dict[str, Any] = {}
    for name in ALL_METRICS:
        values = np.concatenate([case[name] for case in cases])
        missing = np.isnan(values)
        summary[name] = {
            **describe(values, owners, cohort.weights),
            "slices": int((~missing).sum()),
            "undefined": int(missing.sum()),
            **_units(name, cohort.units, per="slice"),
        }
        if name in SURFACE_METRICS:
            summary[name]["both_empty"] = int((missing & empty).sum())
        if name == "dice":
            summary[TUMOUR_SLICES] = {
                **describe(values[tumour], owners[tumour], cohort.weights),
                "slices": int(tumour.sum()),
                "undefined": 0,
            }
    return summary


def _units(name: str, units: Units, *, per: str) -> dict[str, Any]:
    """What a figure is counted in; nothing for a share."""
    if name in SURFACE_METRICS:
        return {
            "unit": units.distance,
            "surface_dimensions": 2 if per == "slice" else units.dimensions,
        }
    if name in IN_VOLUME_UNITS:
        return {"unit": units.volume}
    return {"unit": f"per {per}"} if name == "lesion_false_positives" else {}
