"""From a stack to what the network is fed: the same steps in training and in use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import FloatArray, IntensityScale, measure_scale
from ml.stacks import AxialStack

TARGET_PIXEL_MM = 1.0
"""The pixel size that the networks are trained at."""

UNSIZED_SIDES = (160, 320)
"""Longer sides of an image without spacing that are taken as they come."""
UNSIZED_TARGET = 256
"""The longer side that any other image without spacing is brought to."""


def zoom_factors(stack: AxialStack) -> tuple[float, float]:
    """By how much rows and columns are stretched before the network sees the stack.

    With a known pixel size, to ``TARGET_PIXEL_MM``. Without one, a picture of about the usual
    matrix is left alone and any other is scaled to it, since its scale can only be guessed.
    """
    if stack.pixel_mm is not None:
        row, column = (size / TARGET_PIXEL_MM for size in stack.pixel_mm)
        return row, column
    longer = max(stack.pixels.shape[2:])
    if UNSIZED_SIDES[0] <= longer <= UNSIZED_SIDES[1]:
        return 1.0, 1.0
    return UNSIZED_TARGET / longer, UNSIZED_TARGET / longer


def resize_plane(
    plane: NDArray[np.generic], shape: tuple[int, int], *, order: int = 1
) -> FloatArray:
    """``plane`` (..., H, W) on a grid of ``shape``, corners on corners' outer edges.

    Linear interpolation by default. When shrinking, each axis is smoothed first, so that thin
    structures fade instead of flickering from row to row.
    """
    values = np.asarray(plane, dtype=np.float32)
    factors = [new / old for new, old in zip(shape, values.shape[-2:], strict=True)]
    if factors == [1.0, 1.0]:
        return values
    sigma = [max(0.0, (1 / factor - 1) / 2) for factor in factors]
    lead = [0.0] * (values.ndim - 2)
    if any(sigma):
        values = ndimage.gaussian_filter(values, [*lead, *sigma])
    zoom = [1.0] * (values.ndim - 2) + factors
    resized: FloatArray = ndimage.zoom(  # type: ignore[call-overload]
        values, zoom, order=order, mode="nearest", grid_mode=True, prefilter=order > 1
    )
    return resized


def measure_scales(stack: AxialStack) -> tuple[IntensityScale | None, ...]:
    """One scale for each channel over all slices of the stack; None for an absent one."""
    return tuple(
        measure_scale(channel) if present else None
        for channel, present in zip(stack.pixels, stack.present, strict=True)
    )


def standardise(
    slice_pixels: NDArray[np.generic], scales: tuple[IntensityScale | None, ...]
) -> FloatArray:
    """One slice (C, H, W) on the scales of its channels; an absent channel is zero."""
    standardised = np.zeros(slice_pixels.shape, dtype=np.float32)
    for index, scale in enumerate(scales):
        if scale is not None:
            standardised[index] = scale.apply(slice_pixels[index].astype(np.float32))
    return standardised
