"""Two models on the same patients: the difference patient by patient, with its interval.

Or case by case, where a data set does not say whose its slices are; the interval is then too
narrow, since slices of a patient are alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.bootstrap import Interval, draw_patients, estimate, mean_statistic

PATIENT, CASE = "patient", "case"


@dataclass(frozen=True)
class PairedDifference:
    """The mean over the patients of the first model's figure minus the second's.

    ``first`` and ``second`` are the two means, ``better`` in how many patients the first is higher
    and ``equal`` in how many neither is. ``interval`` is None for a single patient. ``by`` is
    ``patient``, or ``case``, which then stands for one throughout.
    """

    metric: str
    by: str
    count: int
    first: float
    second: float
    difference: float
    interval: Interval | None
    better: int
    equal: int


def compare_reports(
    first: dict[str, Any],
    second: dict[str, Any],
    *,
    metric: str = "dice",
    by: str = PATIENT,
    common: bool = False,
    seed: int = 0,
) -> PairedDifference:
    """Compares two reports of ``python -m ml evaluate`` by ``metric``, patient by patient.

    A patient's figure is the mean over their scans; patients are drawn again in pairs. With ``by``
    ``case``, each scan or slice counts by itself. With ``common``, whoever is in one of them alone
    is left out. Raises ValueError where the reports are of other data, other patients, or lack the
    metric.
    """
    if first["dataset"] != second["dataset"]:
        raise ValueError(f"one report is of {first['dataset']}, the other of {second['dataset']}")
    ours, theirs = _figures(first, metric, by), _figures(second, metric, by)
    if common:
        both = set(ours) & set(theirs)
        ours, theirs = ({name: found[name] for name in both} for found in (ours, theirs))
    if set(ours) != set(theirs) or not ours:
        odd = sorted(set(ours) ^ set(theirs))
        raise ValueError(f"only one of the reports has a {metric} of {', '.join(odd) or 'anybody'}")
    names = sorted(ours)
    apart: NDArray[np.float64] = np.array([ours[name] - theirs[name] for name in names])
    owners = np.arange(len(names))
    weights = draw_patients(len(names), seed=seed)
    value, interval = estimate(mean_statistic(apart, owners, len(names)), weights)
    return PairedDifference(
        metric=metric,
        by=by,
        count=len(names),
        first=float(np.mean(list(ours.values()))),
        second=float(np.mean(list(theirs.values()))),
        difference=value,
        interval=interval,
        better=int((apart > 0).sum()),
        equal=int((apart == 0).sum()),
    )


def _figures(report: dict[str, Any], metric: str, by: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for case in report["cases"]:
        if metric not in case:
            raise ValueError(f"a report has no {metric} by case")
        if case[metric] is not None:
            found.setdefault(case[by], []).append(float(case[metric]))
    return {name: float(np.mean(values)) for name, values in found.items()}
