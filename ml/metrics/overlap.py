"""How well a mask overlaps a reference mask, from the four counts of voxels."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from monai.metrics.confusion_matrix import get_confusion_matrix
from numpy.typing import NDArray

from ml.intensity import BoolArray

Counts = NDArray[np.float64]
"""True positives, false positives, true negatives, false negatives along the last axis (..., 4)."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """The usual measures of overlap (Taha and Hanbury, BMC Medical Imaging 2015), each 0 to 1.

    Two empty masks agree wholly: Dice and IoU are 1, as with MONAI's ``ignore_empty=False``. A
    ratio whose denominator is empty (precision where nothing was drawn, recall where nothing was
    there) is 1 if the other mask is empty too and 0 otherwise. F1 is Dice under the name that it
    has for detection: of voxels they are one number (Maier-Hein et al., Nature Methods 2024).
    """

    dice: float
    iou: float
    precision: float
    recall: float
    specificity: float
    accuracy: float
    f1: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


METRICS = tuple(Agreement.__dataclass_fields__)


def measure_agreement(mask: BoolArray, reference: BoolArray) -> Agreement:
    """The agreement of two masks of one shape, every voxel counted once.

    Raises ValueError where the shapes differ.
    """
    counts = count_slices(mask, reference).sum(axis=0)
    return Agreement(**{name: float(value) for name, value in overlap_ratios(counts).items()})


def count_slices(mask: BoolArray, reference: BoolArray) -> Counts:
    """The counts (Z, 4) of each slice of two masks (Z, ...).

    By slice, since MONAI hands its counts out in float32, which is exact up to 2**24: more than
    any slice holds, but not more than any volume. Raises ValueError where the shapes differ.
    """
    if mask.shape != reference.shape:
        raise ValueError(f"masks of different shape: {mask.shape} and {reference.shape}")
    rows = (len(mask), 1, -1)
    drawn, true = (
        torch.from_numpy(np.ascontiguousarray(each).reshape(rows)).to(torch.uint8)
        for each in (mask, reference)
    )
    counts: Counts = get_confusion_matrix(drawn, true)[:, 0].double().numpy()
    return counts


def overlap_ratios(counts: Counts) -> dict[str, Values]:
    """The measures of :class:`Agreement`, each (...), for counts (..., 4)."""
    tp, fp, tn, fn = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    both_empty = (tp + fp + fn == 0).astype(np.float64)
    dice = ratio(2 * tp, 2 * tp + fp + fn, both_empty)
    return {
        "dice": dice,
        "iou": ratio(tp, tp + fp + fn, both_empty),
        "precision": ratio(tp, tp + fp, both_empty),
        "recall": ratio(tp, tp + fn, both_empty),
        "specificity": ratio(tn, tn + fp, np.ones_like(tn)),
        "accuracy": ratio(tp + tn, tp + fp + tn + fn, np.ones_like(tn)),
        "f1": dice,
    }


def ratio(numerator: Values, denominator: Values, otherwise: Values) -> Values:
    """``numerator / denominator``, and ``otherwise`` where the denominator is nought."""
    empty = denominator == 0
    divided: Values = np.where(empty, otherwise, numerator / np.where(empty, 1, denominator))
    return divided
