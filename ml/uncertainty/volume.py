"""An interval round a model's volume, by conformal prediction of the log volume ratio.

Source: split conformal prediction (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random
World, 2005; Lei et al., J Am Stat Assoc 2018;113:1094), here with both tails by themselves, as a
model that draws too wide is wrong on one side more than on the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml.shares import share_interval

FEW_PATIENTS_LEVEL = 0.8
LEVEL = 0.9
LEAST_PATIENTS_FOR_MORE = 20
GROUPS = 5


@dataclass(frozen=True)
class VolumeInterval:
    """The reader's volume lies between ``low`` and ``high`` times the model's, in ``level`` of
    patients like the ``patients`` that it was calibrated on.

    ``covered`` of them lie in an interval made without them (:func:`count_covered`), a share that
    is between ``coverage_interval`` (95 %, Clopper and Pearson) in such patients.
    """

    level: float
    low: float
    high: float
    patients: int
    covered: int
    coverage_interval: tuple[float, float]

    def around(self, volume_ml: float) -> tuple[float, float]:
        """The interval in mL round a model's ``volume_ml``."""
        return self.low * volume_ml, self.high * volume_ml

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def calibrate_volume(kinds: Sequence[Sequence[float]]) -> VolumeInterval:
    """The interval from each calibration patient's reader's volume over the model's.

    ``kinds`` holds one list for each kind of scan; the interval is of all together, at 90 % where
    each kind has at least twenty patients and else at 80 %. The patients must have had no part in
    training the model or in choosing anything of it. A ratio is infinite where the model found
    nothing and zero where the reader saw nothing. Raises ValueError where the patients are too few
    for an interval with two ends.
    """
    ratios = [ratio for kind in kinds for ratio in kind]
    is_few = any(len(kind) < LEAST_PATIENTS_FOR_MORE for kind in kinds)
    level = FEW_PATIENTS_LEVEL if is_few else LEVEL
    low, high = _ends(ratios, level)
    if low == 0.0 or math.isinf(high):
        raise ValueError(f"{len(ratios)} patients give no interval of {level:.0%} with two ends")
    covered = count_covered(ratios, level)
    share_low, share_high = share_interval(covered, len(ratios))
    return VolumeInterval(
        level=level,
        low=round(low, 3),
        high=round(high, 3),
        patients=len(ratios),
        covered=covered,
        coverage_interval=(round(share_low, 3), round(share_high, 3)),
    )


def count_covered(ratios: Sequence[float], level: float) -> int:
    """How many of ``ratios`` lie within the ends that the other groups give, of ``GROUPS``.

    In groups, since one patient left out at a time tells nothing: outside are always those beyond
    the ranks that make the ends, however the ratios lie. Who is in which group hangs on the order
    of the patients alone.
    """
    dealt = np.random.default_rng(0).permutation(len(ratios)) % GROUPS
    covered = 0
    for group in range(GROUPS):
        low, high = _ends([r for r, own in zip(ratios, dealt, strict=True) if own != group], level)
        judged = [r for r, own in zip(ratios, dealt, strict=True) if own == group]
        covered += sum(low <= ratio <= high for ratio in judged)
    return covered


def _ends(ratios: Sequence[float], level: float) -> tuple[float, float]:
    """The two order statistics that leave out half of ``1 - level`` each; 0 and infinity where
    there are too few patients for one.
    """
    ordered = sorted(ratios)
    # Rounded first: (n + 1) (1 - level) / 2 is often whole, and a hair too small as a float.
    rank = math.floor(round((len(ordered) + 1) * (1 - level) / 2, 9))
    return (ordered[rank - 1], ordered[-rank]) if rank >= 1 else (0.0, math.inf)


def volume_ratios(reports: Iterable[Mapping[str, Any]]) -> list[list[float]]:
    """The reader's volume over the model's, one for each patient, report by report.

    The reports are evaluations (``python -m ml evaluate``), each of one kind of scan. The volumes
    of a patient's scans are added. Raises ValueError where a patient is in two reports, and for
    one in whom neither saw anything, who tells nothing of a ratio.
    """
    seen: set[str] = set()
    kinds = []
    for report in reports:
        sums: dict[str, tuple[float, float]] = {}
        for case in report["cases"]:
            reader, model = sums.get(case["patient"], (0.0, 0.0))
            both = (reader + case["volume_reference"], model + case["volume_model"])
            sums[case["patient"]] = both
        if twice := seen & sums.keys():
            raise ValueError(f"{min(twice)} is in two of the reports")
        seen |= sums.keys()
        kinds.append([_ratio(patient, *both) for patient, both in sums.items()])
    return kinds


def _ratio(patient: str, reader: float, model: float) -> float:
    if reader == model == 0:
        raise ValueError(f"neither the reader nor the model saw anything in {patient}")
    return math.inf if model == 0 else reader / model


def read_volume_interval(table: Mapping[str, Any]) -> VolumeInterval:
    """From its table in a card. Raises KeyError where one of its values is left out."""
    low, high = table["coverage_interval"]
    return VolumeInterval(
        level=float(table["level"]),
        low=float(table["low"]),
        high=float(table["high"]),
        patients=int(table["patients"]),
        covered=int(table["covered"]),
        coverage_interval=(float(low), float(high)),
    )
