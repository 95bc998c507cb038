"""The whole data set as one: all its voxels, lesions and surfaces counted together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml.evaluation.bootstrap import (
    FloatArray64,
    IntArray,
    Statistic,
    estimate,
    mean_statistic,
    quantile_statistic,
)
from ml.evaluation.scale import Units
from ml.evaluation.scoring import CaseScore
from ml.metrics.lesions import LESION_METRICS, lesion_ratios
from ml.metrics.overlap import METRICS, Values, overlap_ratios
from ml.metrics.surface import HAUSDORFF_SHARE
from ml.metrics.volumes import VOLUME_METRICS, volume_errors


def pool(
    scores: list[CaseScore], owners: IntArray, weights: FloatArray64, units: Units
) -> dict[str, Any]:
    """``{metric: {value, interval}}`` over everything counted; ``owners`` are the cases' patients.

    Large tumours weigh more here than in a mean over patients. The volume error is that of the
    total; false positives are those per scan. Cases in other units than ``units`` have no part in
    distances and volumes.
    """
    patients = weights.shape[1]
    alike = np.array([score.scale.units == units for score in scores])
    measured = [score for score in scores if score.scale.units == units]
    statistics = {
        **_overlap(scores, owners, patients),
        **_surface(measured, owners[alike], patients),
        **_volume(measured, owners[alike], patients),
        **_lesions(scores, owners, patients),
    }
    return {name: _figure(statistic, weights) for name, statistic in statistics.items()}


def _figure(statistic: Statistic, weights: FloatArray64) -> dict[str, Any]:
    value, interval = estimate(statistic, weights)
    return {
        "value": None if np.isnan(value) else value,
        "interval": None if interval is None else list(interval),
    }


def _sum_by_patient(rows: list[FloatArray64], owners: IntArray, patients: int) -> FloatArray64:
    """The sums (patients, K) of ``rows`` (K,), one for each case."""
    sums = np.zeros((patients, len(rows[0])))
    np.add.at(sums, owners, np.array(rows))
    return sums


def _picked(
    ratios: Callable[[FloatArray64], dict[str, Values]], counts: FloatArray64, name: str
) -> Statistic:
    """One of the ``ratios`` of the counts (patients, 4) that the weights add up to."""
    return lambda weights: ratios(weights @ counts)[name]


def _overlap(scores: list[CaseScore], owners: IntArray, patients: int) -> dict[str, Statistic]:
    counts = _sum_by_patient([score.counts.sum(axis=0) for score in scores], owners, patients)
    return {name: _picked(overlap_ratios, counts, name) for name in METRICS}


def _volume(scores: list[CaseScore], owners: IntArray, patients: int) -> dict[str, Statistic]:
    counts = _sum_by_patient(
        [score.counts.sum(axis=0) * score.scale.voxel for score in scores], owners, patients
    )

    def errors(volumes: FloatArray64) -> dict[str, Values]:
        return volume_errors(volumes, voxel=1.0)

    return {name: _picked(errors, counts, name) for name in VOLUME_METRICS}


def _lesions(scores: list[CaseScore], owners: IntArray, patients: int) -> dict[str, Statistic]:
    counts = _sum_by_patient([score.lesions for score in scores], owners, patients)
    scans = np.bincount(owners, minlength=patients).astype(np.float64)
    statistics = {name: _picked(lesion_ratios, counts, name) for name in LESION_METRICS}
    false_positives = statistics["lesion_false_positives"]
    statistics["lesion_false_positives"] = lambda weights: (
        false_positives(weights) / np.maximum(weights @ scans, 1)
    )
    return statistics


def _surface(scores: list[CaseScore], owners: IntArray, patients: int) -> dict[str, Statistic]:
    """HD95 and average distance of all surface voxels together."""
    ways = [[score.surface.outward for score in scores], [score.surface.inward for score in scores]]
    flat = []
    for way in ways:
        whose = np.repeat(owners, [len(spread.values) for spread in way])
        values = np.concatenate([spread.values for spread in way])
        flat.append((values, whose, np.concatenate([spread.counts for spread in way])))
    outward, inward = (
        quantile_statistic(values, whose, patients, HAUSDORFF_SHARE, counts)
        for values, whose, counts in flat
    )
    values, whose, counts = (np.concatenate(parts) for parts in zip(*flat, strict=True))
    return {
        "hd95": lambda weights: np.maximum(outward(weights), inward(weights)),
        "average_surface_distance": mean_statistic(values, whose, patients, counts),
    }
