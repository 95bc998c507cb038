"""How well a mask agrees with a reference mask, counted over all voxels given."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from monai.metrics.confusion_matrix import get_confusion_matrix
from numpy.typing import NDArray


@dataclass(frozen=True)
class Agreement:
    """The usual measures of overlap (Taha and Hanbury, BMC Medical Imaging 2015), each 0 to 1.

    Two empty masks agree wholly: Dice and IoU are 1. A ratio whose denominator is empty
    (precision where nothing was drawn, recall where nothing was there) is 1 if the other mask is
    empty too and 0 otherwise.
    """

    dice: float
    iou: float
    precision: float
    recall: float
    specificity: float
    accuracy: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


METRICS = tuple(Agreement.__dataclass_fields__)


def measure_agreement(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Agreement:
    """The agreement of two masks of one shape, every voxel counted once."""
    if mask.shape != reference.shape:
        raise ValueError(f"masks of different shape: {mask.shape} and {reference.shape}")
    counts = get_confusion_matrix(
        torch.from_numpy(mask.reshape(1, 1, -1).copy()).int(),
        torch.from_numpy(reference.reshape(1, 1, -1).copy()).int(),
    )
    tp, fp, tn, fn = (float(value) for value in counts[0, 0])
    both_empty = tp + fp + fn == 0
    return Agreement(
        dice=_ratio(2 * tp, 2 * tp + fp + fn, both_empty),
        iou=_ratio(tp, tp + fp + fn, both_empty),
        precision=_ratio(tp, tp + fp, both_empty),
        recall=_ratio(tp, tp + fn, both_empty),
        specificity=_ratio(tn, tn + fp, True),
        accuracy=(tp + tn) / (tp + fp + tn + fn),
    )


def _ratio(numerator: float, denominator: float, otherwise: bool) -> float:
    return numerator / denominator if denominator else float(otherwise)
