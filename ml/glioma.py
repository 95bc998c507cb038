"""The parts of a glioma as one map of labels, never more than the sequences can show.

The numbers are BraTS's (Menze et al., IEEE TMI 2015). Enhancement is what contrast medium shows:
without a contrast-enhanced T1 nothing is said of it, nor of the core, which it bounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.intensity import BoolArray

CONTRAST = "T1ce"
CORE, OEDEMA, ENHANCING = 1, 2, 4
WHOLE = 1

WITH_CONTRAST = {
    CORE: "necrosis and non-enhancing tumour",
    OEDEMA: "oedema",
    ENHANCING: "enhancing tumour",
}
WITHOUT_CONTRAST = {WHOLE: "whole tumour"}


def labels_for(sequences: tuple[str, ...]) -> dict[int, str]:
    """What the values of a mask mean that was drawn from ``sequences``."""
    return WITH_CONTRAST if CONTRAST in sequences else WITHOUT_CONTRAST


def map_labels(regions: BoolArray, sequences: tuple[str, ...]) -> NDArray[np.uint8]:
    """One map (Z, H, W) from whole tumour, core and enhancing tumour (3, Z, H, W).

    Each region lies within the one before.
    """
    whole, core, enhancing = regions
    labels = np.zeros(whole.shape, dtype=np.uint8)
    if CONTRAST not in sequences:
        labels[whole] = WHOLE
        return labels
    labels[whole], labels[core], labels[enhancing] = OEDEMA, CORE, ENHANCING
    return labels
