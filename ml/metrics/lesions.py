"""Which lesions were found, and which were drawn where there are none.

A lesion is a component whose voxels touch by face, edge or corner. A reference lesion is found
where at least ``LEAST_COVER`` of its voxels are drawn, and a drawn one is true where at least that
share of its voxels is tumour. So a touching voxel is no find, as it is where any overlap counts
(BraTS; Saluja et al., BraTS-2023-Metrics), and how well a lesion is outlined is left to Dice.
One drawn component may find several lesions and several may find one: what counts is whether a
reader's eye is led to each (Maier-Hein et al., "Metrics reloaded", Nature Methods 2024, on
detection and its localisation criterion; a least overlap as in Commowick et al., Sci Rep 2018).

Components smaller than ``least`` voxels are not counted on either side, but their voxels still
cover: a drawn component over a lesion too small to count is no false find.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import BoolArray
from ml.metrics.overlap import Counts, Values, ratio
from ml.metrics.surface import union_box

LEAST_COVER = 0.1
LEAST_VOXELS = 50
"""The smallest lesion that counts in a volume, that of the BraTS 2023 glioma task."""
LEAST_PIXELS = 10
"""The smallest section of a lesion that counts on one slice."""


def count_lesions(mask: BoolArray, reference: BoolArray, *, least: int) -> Counts:
    """The counts (4,): reference lesions found, reference lesions, true components, components.

    Both masks have one shape, (H, W) or (Z, H, W).
    """
    if not mask.any() and not reference.any():
        return np.zeros(4)
    box = union_box(mask, reference)
    found, lesions = _covered(reference[box], mask[box], least)
    true, components = _covered(mask[box], reference[box], least)
    return np.array([found, lesions, true, components], dtype=np.float64)


def _covered(components: BoolArray, cover: BoolArray, least: int) -> tuple[int, int]:
    """How many components are covered well enough, and how many there are."""
    labels, count = ndimage.label(components, structure=np.ones((3,) * components.ndim))
    sizes = _sizes(labels, count)
    shares = _sizes(labels[cover], count) / np.maximum(sizes, 1)
    counted = sizes >= least
    return int((counted & (shares >= LEAST_COVER)).sum()), int(counted.sum())


def _sizes(labels: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """The voxels of each component 1 to ``count``."""
    return np.bincount(labels.ravel(), minlength=count + 1)[1:]


def lesion_ratios(counts: Counts) -> dict[str, Values]:
    """Lesion-wise precision, recall, F1 and false positives, each (...), for counts (..., 4).

    Where there is no lesion and none was drawn all three are 1; a ratio of nothing is else 0, as
    with voxels. F1 is the harmonic mean of precision and recall.
    """
    found, lesions, true, components = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    both_empty = (lesions + components == 0).astype(np.float64)
    precision = ratio(true, components, both_empty)
    recall = ratio(found, lesions, both_empty)
    return {
        "lesion_precision": precision,
        "lesion_recall": recall,
        "lesion_f1": ratio(2 * precision * recall, precision + recall, both_empty),
        "lesion_false_positives": components - true,
    }


LESION_METRICS = tuple(lesion_ratios(np.zeros(4)))
