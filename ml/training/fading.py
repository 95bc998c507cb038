"""Fainter oedema than the patients at hand have.

The border of an oedema is a reader's decision about grey values, and a dozen patients show few of
them. What a sample shows between the tumour's border and its core is drawn towards the tissue
around it, as far as is drawn by lot, and stays what the readers drew.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import FloatArray

LEAST_KEPT = 0.25
"""The share of its contrast that oedema keeps at least."""
EDGE_PIXELS = 1.5
AIR = 0.05


def fade_oedema(
    image: FloatArray, mask: NDArray[np.float32], draw: np.random.Generator
) -> FloatArray:
    """``image`` (C, H, W) of 0 to 1, air being 0, with less contrast where there is oedema.

    ``mask`` (R, H, W) holds the whole tumour and, if there are more regions, its core; with one
    alone all of it fades, since nobody says where its core is.
    """
    whole = mask[0] > 0.5
    fading = whole & ~(mask[1] > 0.5) if len(mask) > 1 else whole
    kept = draw.uniform(LEAST_KEPT, 1.0)
    if not fading.any():
        return image
    moved = ndimage.gaussian_filter(fading.astype(np.float32), EDGE_PIXELS) * np.float32(1 - kept)
    faded = image.copy()
    for plane in faded:
        tissue = (plane > AIR) & ~whole
        if tissue.any():
            plane += moved * (np.float32(np.median(plane[tissue])) - plane) * (plane > 0)
    return faded
