"""Bringing the grey values of any scanner to one scale.

An MRI's grey values have no unit: they differ between scanners and between visits. Each channel
is clipped to its own percentiles and standardised over the head (z-score), the usual choice for
MRI (see Isensee et al., "nnU-Net", Nature Methods 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

# The share of the 99th percentile under which a voxel counts as air. Air in a magnitude image is
# noise around zero, far below the dimmest tissue; skull-stripped files have exact zeros there.
AIR_SHARE = 0.08
# The least standard deviation, as a share of the brightest tissue; real slices have 0.1 to 0.3.
LEAST_DEVIATION_SHARE = 0.04


@dataclass(frozen=True)
class IntensityScale:
    """The numbers that standardise one channel: ``(clip(x, low, high) - mean) / deviation``."""

    low: float
    high: float
    mean: float
    deviation: float

    def apply(self, values: FloatArray) -> FloatArray:
        scaled = (np.clip(values, self.low, self.high) - self.mean) / self.deviation
        return scaled.astype(np.float32, copy=False)

    def relative_to_high(self) -> IntensityScale:
        """The same scale for values that have been divided by ``high``."""
        return IntensityScale(
            self.low / self.high, 1.0, self.mean / self.high, self.deviation / self.high
        )


def finite_values(values: NDArray[np.generic]) -> FloatArray:
    """``values`` as float32 with zero for what is not finite; uncopied where nothing changes."""
    known = np.asarray(values, dtype=np.float32)
    if np.isfinite(known).all():
        return known
    return np.nan_to_num(known, nan=0.0, posinf=0.0, neginf=0.0)


def head_mask(values: NDArray[np.generic]) -> BoolArray:
    """Where ``values`` (any shape, one channel) is tissue rather than air."""
    finite = finite_values(values)
    positive = finite[finite > 0]
    if positive.size == 0:
        return np.zeros(finite.shape, dtype=np.bool_)
    ceiling = float(np.percentile(positive, 99))
    result: BoolArray = finite > AIR_SHARE * ceiling
    return result


def measure_scale(values: NDArray[np.generic], head: BoolArray | None = None) -> IntensityScale:
    """The scale of one channel (any shape), from the voxels of its head.

    ``head`` spares finding these again. A channel without contrast (empty, or one grey value)
    gets a scale that maps it to zero.
    """
    within = head_mask(values) if head is None else head
    tissue = np.asarray(values, dtype=np.float32)[within]
    if tissue.size == 0:
        return IntensityScale(low=0.0, high=0.0, mean=0.0, deviation=1.0)
    low, high = (float(p) for p in np.percentile(tissue, (0.5, 99.5)))
    clipped = np.clip(tissue, low, high)
    # An almost even slice has next to no deviation: dividing by it would blow air up to a
    # million, and one such slice spoils the statistics of a whole training run.
    deviation = max(float(clipped.std()), LEAST_DEVIATION_SHARE * high)
    return IntensityScale(
        low=min(0.0, low), high=high, mean=float(clipped.mean()), deviation=deviation or 1.0
    )


def measure_range(values: NDArray[np.generic], head: BoolArray | None = None) -> IntensityScale:
    """The scale of one channel (any shape) that maps its values, air included, to 0 to 1."""
    finite = finite_values(values)
    low, high = float(finite.min()), float(finite.max())
    return IntensityScale(low=low, high=high, mean=low, deviation=(high - low) or 1.0)


def measure_signed_range(
    values: NDArray[np.generic], head: BoolArray | None = None
) -> IntensityScale:
    """As :func:`measure_range`, but to -1 to 1, as EfficientNet-Lite's own weights were trained."""
    whole = measure_range(values, head)
    half = (whole.high - whole.low) / 2
    return replace(whole, mean=whole.low + half, deviation=half or 1.0)
