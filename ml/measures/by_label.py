"""A mask with several labels, measured as the union of them and label by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.atlas.vasari import is_oedema
from ml.intensity import FloatArray
from ml.measures.measuring import find_brain, measure, with_mask
from ml.measures.records import Brain, Grid, Measurement


@dataclass(frozen=True)
class LabelledMeasurement:
    """``union`` is what lesions are numbered on; ``labels`` holds each label's own lesions.

    ``tumour`` is the union without the labels that are called oedema; None where none is, or
    where there is nothing else.
    """

    union: Measurement
    labels: dict[str, Measurement]
    tumour: Measurement | None = None


def measure_label_map(
    label_map: NDArray[np.integer],
    names: Mapping[int, str],
    *,
    image: NDArray[np.generic] | None,
    grid: Grid,
    brain: Brain | None = None,
    probability: FloatArray | None = None,
) -> LabelledMeasurement:
    """What ``label_map`` (Z, H, W, 0 is background) measures in all and for each of ``names``.

    ``image`` and ``brain`` are those of :func:`ml.measures.measure`; ``probability`` (Z, H, W) is
    that of the union.
    """
    mask = label_map > 0
    brain = with_mask(brain or find_brain(image, grid, mask.shape), mask)
    parts = {
        name: measure(label_map == value, image=image, grid=grid, brain=brain)
        for value, name in names.items()
    }
    union = measure(mask, image=image, grid=grid, brain=brain, probability=probability)
    swollen = [value for value, name in names.items() if is_oedema(name)]
    tumour = mask & ~np.isin(label_map, swollen)
    if not swollen or not tumour.any():
        return LabelledMeasurement(union, parts)
    return LabelledMeasurement(union, parts, measure(tumour, image=image, grid=grid, brain=brain))


def enhancing_satellites(union: Measurement, enhancing: Measurement) -> list[int]:
    """Enhancing lesions within the largest abnormality that are apart from its main one.

    That is VASARI's feature 24: enhancement within the abnormal signal round the dominant lesion
    but not contiguous with the major enhancing mass. The numbers are those of ``enhancing``,
    tiny ones left out.
    """
    within = set(np.unique(enhancing.labels[union.labels == 1]).tolist())
    found = [lesion.number for lesion in enhancing.main if lesion.number in within]
    return found[1:]
