"""The evidence for a type as a picture that lies over the slice."""

from __future__ import annotations

import matplotlib
import numpy as np
from PIL import Image

from ml.intensity import FloatArray

# Perceptually even, and the same to most colour-blind readers (van der Walt and Smith 2015).
COLOURS = "viridis"


def paint_evidence(evidence: FloatArray) -> Image.Image:
    """Evidence (H, W) from 0 to 1 as colours that are the more opaque the more there is.

    A palette picture whose index says how much: to be saved as PNG, which keeps the transparency.
    """
    steps = np.rint(255 * np.clip(evidence, 0.0, 1.0)).astype(np.uint8)
    picture = Image.fromarray(steps, mode="P")
    colours = matplotlib.colormaps[COLOURS](np.arange(256), bytes=True)[:, :3]
    picture.putpalette(colours.astype(np.uint8).tobytes())
    picture.info["transparency"] = bytes(range(256))
    return picture


def lay_over(grey: FloatArray, evidence: FloatArray, *, opacity: float = 0.6) -> Image.Image:
    """A slice (H, W) of any scale in grey, with its evidence (H, W) over it."""
    low, high = float(grey.min()), float(np.percentile(grey, 99.5))
    shade = np.clip((grey - low) / max(high - low, 1e-6), 0.0, 1.0)
    picture = Image.fromarray((255 * shade).astype(np.uint8)).convert("RGBA")
    layer = paint_evidence(evidence).convert("RGBA")
    layer.putalpha(layer.getchannel("A").point(lambda value: round(opacity * value)))
    return Image.alpha_composite(picture, layer).convert("RGB")
