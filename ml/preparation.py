"""From a stack to what the network is fed: the same steps in training and in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import (
    FloatArray,
    IntensityScale,
    measure_range,
    measure_scale,
    measure_signed_range,
)
from ml.stacks import CHANNELS, AxialStack, mask_box
from ml.tables import read_record
from ml.views import AXIAL, ORDERS

TARGET_PIXEL_MM = 1.0
"""The pixel size that the networks are trained at."""

UNSIZED_SIDES = (160, 320)
"""Longer sides of an image without spacing that are taken as they come."""
UNSIZED_TARGET = 256
"""The longer side that any other image without spacing is brought to."""

FRAMES = ("head", "square", "fit")
SCALES = {
    "standard": measure_scale,
    "range": measure_range,
    "signed_range": measure_signed_range,
}

Scales = tuple[IntensityScale | None, ...]


@dataclass(frozen=True)
class Preparation:
    """How a network wants its images; part of its configuration and of its card.

    ``channels`` are the sequences it reads, in order. ``frame`` is ``head`` (cut to the head, at
    ``TARGET_PIXEL_MM`` where the pixel size is known) or ``square`` (the whole slice stretched to
    ``side`` x ``side``) or ``fit`` (cut to the head, which then just fits into ``side`` x ``side``,
    its shape kept). ``scale`` is ``standard`` (z-score over the head), ``range`` (0 to 1) or
    ``signed_range`` (-1 to 1).
    ``context`` is the number of neighbouring slices on each side that a 2.5D network also sees;
    at the ends the outermost slice stands in. ``views`` are the sides from which a 2D network sees
    a volume whose voxels allow it (``ml.views``). ``window`` (Z, H, W) is what a 3D network reads
    at a time.
    """

    channels: tuple[str, ...] = CHANNELS
    frame: str = "head"
    side: int = 256
    scale: str = "standard"
    context: int = 0
    window: tuple[int, int, int] = (32, 128, 128)
    views: tuple[str, ...] = (AXIAL,)

    def __post_init__(self) -> None:
        if self.frame not in FRAMES:
            raise ValueError(f"a frame is one of {', '.join(FRAMES)}, not {self.frame!r}")
        if self.scale not in SCALES:
            raise ValueError(f"a scale is one of {', '.join(SCALES)}, not {self.scale!r}")
        if self.views[:1] != (AXIAL,) or set(self.views) - set(ORDERS):
            raise ValueError(f"views are {AXIAL} and any of {', '.join(list(ORDERS)[1:])}")

    @property
    def input_channels(self) -> int:
        """How many channels the network's input has."""
        return len(self.channels) * (2 * self.context + 1)

    def as_table(self) -> dict[str, Any]:
        """The lines of a card's ``[preparation]`` table."""
        return {
            "channels": list(self.channels),
            "frame": self.frame,
            "side": self.side,
            "scale": self.scale,
            "context": self.context,
            "window": list(self.window),
            "views": list(self.views),
        }


def read_preparation(table: Mapping[str, Any]) -> Preparation:
    """The preparation in a ``[preparation]`` table; what it leaves out is as usual.

    Raises ValueError for a key or value that means nothing.
    """
    return read_record(Preparation, table, where="[preparation]")


@dataclass(frozen=True)
class Frame:
    """The part of each slice that the network reads, and the grid it is brought to."""

    rows: slice
    columns: slice
    worked: tuple[int, int]

    @property
    def grid(self) -> tuple[int, int]:
        """The part's own size in pixels (H, W)."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def make_frame(stack: AxialStack, preparation: Preparation) -> Frame:
    """Where the network looks on every slice of ``stack``."""
    if preparation.frame == "square":
        height, width = stack.pixels.shape[2:]
        return Frame(slice(0, height), slice(0, width), (preparation.side, preparation.side))
    rows, columns = mask_box(stack.head)
    if preparation.frame == "fit":
        longer = max(rows.stop - rows.start, columns.stop - columns.start)
        row_factor = column_factor = preparation.side / longer
    else:
        row_factor, column_factor = zoom_factors(stack)
    worked = (
        max(1, round((rows.stop - rows.start) * row_factor)),
        max(1, round((columns.stop - columns.start) * column_factor)),
    )
    return Frame(rows, columns, worked)


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
    height, width = values.shape[-2:]
    if shape[0] != height:
        values = resizing_matrix(height, shape[0], order) @ values
    if shape[1] != width:
        values = values @ resizing_matrix(width, shape[1], order).T
    return values


@lru_cache(maxsize=16)
def resizing_matrix(old: int, new: int, order: int) -> FloatArray:
    """What brings one axis from ``old`` to ``new`` pixels, as a matrix (new, old).

    Every step of resizing is linear and works axis by axis, so that SciPy has to take it only
    once, on the unit vectors; the planes of a volume are then multiplied, which is far quicker.
    """
    units = np.eye(old)
    sigma = max(0.0, (old / new - 1) / 2)
    if sigma:
        units = ndimage.gaussian_filter1d(units, sigma, axis=0)
    resized = ndimage.zoom(  # type: ignore[call-overload]
        units, (new / old, 1.0), order=order, mode="nearest", grid_mode=True, prefilter=order > 1
    )
    matrix: FloatArray = np.ascontiguousarray(resized, dtype=np.float32)
    return matrix


def measure_scales(stack: AxialStack, scale: str = "standard") -> Scales:
    """One scale for each channel over all slices of the stack; None for an absent one."""
    return tuple(
        # The reference's head is known already; every other channel has its own.
        SCALES[scale](channel, stack.head if index == stack.reference_index else None)
        if stack.present[index]
        else None
        for index, channel in enumerate(stack.pixels)
    )


def standardise(pixels: NDArray[np.generic], scales: Scales) -> FloatArray:
    """Slices (C, ..., H, W) on the scales of their channels; an absent channel is zero."""
    standardised = np.zeros(pixels.shape, dtype=np.float32)
    for index, scale in enumerate(scales):
        if scale is not None:
            standardised[index] = scale.apply(pixels[index].astype(np.float32, copy=False))
    return standardised


def prepare_slices(
    stack: AxialStack, chosen: NDArray[np.integer], *, scales: Scales, frame: Frame, context: int
) -> FloatArray:
    """The network's input (B, input channels, h, w) for the slices ``chosen`` of ``stack``."""
    span = np.arange(-context, context + 1)
    wanted = np.clip(np.asarray(chosen)[:, None] + span, 0, stack.pixels.shape[1] - 1)
    needed, places = np.unique(wanted, return_inverse=True)
    planes = standardise(stack.pixels[:, needed, frame.rows, frame.columns], scales)
    # (C, needed, h, w) to (B, span, C, h, w): the outermost neighbour comes first.
    worked = resize_plane(planes, frame.worked)[:, places.reshape(wanted.shape)]
    batch = np.moveaxis(worked, 0, 2).reshape(len(wanted), -1, *frame.worked)
    return np.ascontiguousarray(batch)
