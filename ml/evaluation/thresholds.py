"""The probability from which a voxel is drawn, chosen in a cross-validation without self-judgement.

The cut that suits a fold's patients best would flatter them. So each fold is drawn with the cut
that suits the patients of the other folds (cross-fitting); what ships takes the one that suits all
of them, and is expected to do as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ml.datasets.cases import LabelledCase
from ml.datasets.regions import region_masks
from ml.metrics import measure_agreement
from ml.models import Model
from ml.prediction import draw_regions, read_probability

Suited = list[float]
"""How well each threshold suits a patient: the mean Dice of the regions that they have."""


@dataclass(frozen=True)
class Chosen:
    """The threshold that each fold is drawn with, and the one of all folds together."""

    by_fold: dict[int, float]
    of_all: float


def suit_thresholds(
    model: Model, case: LabelledCase, regions: tuple[str, ...], thresholds: Sequence[float]
) -> Suited:
    """How well each of ``thresholds`` suits ``case``, which is read once.

    Regions that the patient lacks are left out.
    """
    references = region_masks(case, regions)
    probability = read_probability(model, case.stack)
    found = []
    for threshold in thresholds:
        drawn = draw_regions(probability, threshold=threshold, least_voxels=model.card.least_voxels)
        found.append(
            fmean(
                measure_agreement(mask, reference).dice
                for mask, reference in zip(drawn, references, strict=True)
                if reference.any()
            )
        )
    return found


def choose_thresholds(
    suited: Mapping[int, Sequence[Suited]], thresholds: Sequence[float]
) -> Chosen:
    """The best threshold for each fold by the patients of the others, and by all of them.

    ``suited`` has the patients of each fold. Of equals the first is taken. Raises ValueError for
    fewer than two folds.
    """
    if len(suited) < 2:
        raise ValueError("a threshold is chosen by the patients of other folds: name at least two")

    def best(patients: list[Suited]) -> float:
        return thresholds[int(np.argmax(np.mean(patients, axis=0)))]

    by_fold = {
        fold: best([one for other, own in suited.items() if other != fold for one in own])
        for fold in suited
    }
    return Chosen(by_fold, best([one for own in suited.values() for one in own]))
