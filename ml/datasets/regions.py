"""The regions of a glioma that BraTS scores: each holds the next one.

Whole tumour is every label, core what is not oedema, enhancing the label 4 (3 since 2023), as
Menze et al., IEEE TMI 2015 define them. The resection cavity of 2024 (label 4 there) is not told
apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import DatasetError, LabelledCase

WHOLE, CORE, ENHANCING = "whole", "core", "enhancing"
REGIONS = (WHOLE, CORE, ENHANCING)
LABELS_OF = {CORE: (1, 3, 4), ENHANCING: (3, 4)}


def region_masks(case: LabelledCase, regions: tuple[str, ...]) -> NDArray[np.bool_]:
    """The reference of each of ``regions`` (R, Z, H, W); of none, all that was drawn (1, Z, H, W).

    Raises DatasetError where a region is wanted that the case's readers did not draw by itself.
    """
    masks = [region_mask(case, name) for name in regions or (WHOLE,)]
    return np.stack(masks)


def region_mask(case: LabelledCase, region: str) -> NDArray[np.bool_]:
    """The reference of one region (Z, H, W)."""
    if region == WHOLE:
        return case.mask
    if case.labels is None:
        raise DatasetError(f"{case.case} has one label: nobody drew its {region} region by itself")
    return np.isin(case.labels, LABELS_OF[region])
