"""From a stack to the probability of tumour in each of its pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import Tensor

from ml.engines.interface import Engine
from ml.intensity import BoolArray, FloatArray
from ml.preparation import (
    Frame,
    Preparation,
    Scales,
    make_frame,
    measure_scales,
    prepare_slices,
    resize_plane,
)
from ml.stacks import AxialStack, mask_box, select_channels
from ml.stages import Stages
from ml.views import AXIAL, seen_from, turn, views_of

Progress = Callable[[int, int], None]
"""Called with the slices done and the slices in all."""
Window = tuple[slice, slice]
"""Rows and columns."""

BATCH_SLICES = 8
TIGHT_MARGIN = 8
"""Pixels of air that a tight window keeps around the head."""
WINDOW_OVERLAP = 0.25
USUAL = Preparation()


def segment_stack(
    engine: Engine,
    stack: AxialStack,
    *,
    stride: int,
    preparation: Preparation = USUAL,
    progress: Progress | None = None,
    mirror: bool = True,
    tight: bool = False,
    stages: Stages | None = None,
) -> FloatArray:
    """The probability of tumour (Z, H, W): that of the first region that the network knows.

    Everything else as :func:`segment_regions`.
    """
    found: FloatArray = segment_regions(
        engine,
        stack,
        stride=stride,
        preparation=preparation,
        progress=progress,
        mirror=mirror,
        tight=tight,
        stages=stages,
    )[0]
    return found


def segment_regions(
    engine: Engine,
    stack: AxialStack,
    *,
    stride: int,
    regions: int = 1,
    preparation: Preparation = USUAL,
    progress: Progress | None = None,
    mirror: bool = True,
    tight: bool = False,
    stages: Stages | None = None,
    only: BoolArray | None = None,
) -> FloatArray:
    """The probability of each region (R, Z, H, W) for every slice of ``stack``, on its own grid.

    ``regions`` is how many of the network's outputs are wanted, from the first on. Where the
    ``preparation`` has several views, the mean of what is read from each is given.
    ``stride`` is the multiple that the network's input sides must have. With ``mirror``, each
    slice is also read left-right flipped and the two readings are averaged. With ``tight``, a 2D
    network reads of each batch only what holds tissue: a quarter less of a brain, but no longer
    exactly the same answer, since a network feels the border of its image. Slices without any
    tissue are not read and are zero. Memory stays bounded: ``BATCH_SLICES`` slices at a time, or
    one window of a 3D network. ``stages`` is told how long ``prepare``, ``infer`` and
    ``post-process`` took. With ``only`` (Z,), a 2D network reads axial slices alone and leaves
    batches without one of those at zero.
    """
    stages = stages or Stages()
    with stages.timed("prepare"):
        stack = select_channels(stack, preparation.channels)
        scales = measure_scales(stack, preparation.scale)
        is_flat = engine.dimensions == 2 and only is None
        seen = views_of(stack, preparation.views) if is_flat else (AXIAL,)
        readings = [
            _Reading(
                engine, one, preparation, make_frame(one, preparation), scales, stride, mirror,
                tight, stages, only,
            )
            for one in (seen_from(stack, view) for view in seen)
        ]  # fmt: skip
    counted = _Counted(progress, sum(reading.slices for reading in readings))
    found = (
        turn(reading.read(regions, counted), view)
        for view, reading in zip(seen, readings, strict=True)
    )
    probability = next(found)
    for other in found:
        probability += other
    probability /= len(seen)
    return probability


def slice_batches(stack: AxialStack, only: BoolArray | None = None) -> list[NDArray[np.integer]]:
    """The slices that hold tissue, as they are read together; of ``only`` (Z,) these batches."""
    with_tissue = np.flatnonzero(stack.head.any(axis=(1, 2)))
    batches = [
        with_tissue[start : start + BATCH_SLICES]
        for start in range(0, len(with_tissue), BATCH_SLICES)
    ]
    return [batch for batch in batches if only is None or only[batch].any()]


def with_their_batches(wanted: BoolArray, stack: AxialStack) -> BoolArray:
    """The slices (Z,) that are read where ``only`` these are ``wanted``.

    What a tight window shows of a slice hangs on its batch, so batches stay together.
    """
    read = np.zeros_like(wanted)
    for batch in slice_batches(stack, wanted):
        read[batch] = True
    return read


class _Counted:
    """Tells ``progress`` of the slices that were read, of ``total`` from all sides."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def add(self, slices: int) -> None:
        self.done += slices
        if self.progress is not None:
            self.progress(self.done, self.total)


@dataclass(frozen=True)
class _Reading:
    """One stack, and how it is read."""

    engine: Engine
    stack: AxialStack
    preparation: Preparation
    frame: Frame
    scales: Scales
    stride: int
    mirror: bool
    tight: bool
    stages: Stages
    only: BoolArray | None = None

    @cached_property
    def batches(self) -> list[NDArray[np.integer]]:
        """The slices that are read together; of a 3D network, all of them at once."""
        if self.engine.dimensions == 2:
            return slice_batches(self.stack, self.only)
        return [np.arange(self.stack.pixels.shape[1])] if self.stack.head.any() else []

    @property
    def slices(self) -> int:
        return sum(map(len, self.batches))

    def read(self, regions: int, counted: _Counted) -> FloatArray:
        """The probabilities (R, Z, H, W) of the stack's slices."""
        found = np.zeros((regions, *self.stack.pixels.shape[1:]), dtype=np.float32)
        for batch in self.batches:
            if self.engine.dimensions == 2:
                self.read_slices(batch, into=found)
            else:
                self.read_volume(batch, into=found)
            counted.add(len(batch))
        return found

    def read_slices(self, chosen: NDArray[np.integer], *, into: FloatArray) -> None:
        """Fills the slices ``chosen`` of ``into`` (R, Z, H, W) from a 2D network."""
        with self.stages.timed("prepare"):
            batch = self._prepare(chosen, self.preparation.context)
            padded, inner = pad_to_stride(batch, self.stride)
            window = self._window(chosen, padded.shape[2:], inner)
        with self.stages.timed("infer"):
            read = self._read(padded[..., *window])
        with self.stages.timed("post-process"):
            found = np.zeros((len(into), len(batch), *padded.shape[2:]), dtype=np.float32)
            found[..., *window] = read[:, : len(into)].swapaxes(0, 1)
            self._put(found[..., *inner], chosen, into)

    def read_volume(self, every: NDArray[np.integer], *, into: FloatArray) -> None:
        """Fills ``into`` (R, Z, H, W) from a 3D network, window by window (MONAI's inferer)."""
        with self.stages.timed("prepare"):
            slices = self._prepare(every, 0)
            volume = torch.from_numpy(np.ascontiguousarray(slices.swapaxes(0, 1)))[None]
        sides = tuple(-(-side // self.stride) * self.stride for side in self.preparation.window)

        def read(windows: Tensor) -> Tensor:
            return torch.from_numpy(self._read(windows.numpy()))

        with self.stages.timed("infer"):
            found = sliding_window_inference(
                volume, sides, 1, read, overlap=WINDOW_OVERLAP, mode="gaussian"
            )
        with self.stages.timed("post-process"):
            self._put(found[0, : len(into)].numpy(), every, into)

    def _prepare(self, chosen: NDArray[np.integer], context: int) -> FloatArray:
        return prepare_slices(
            self.stack, chosen, scales=self.scales, frame=self.frame, context=context
        )

    def _window(self, chosen: NDArray[np.integer], sides: tuple[int, ...], inner: Window) -> Window:
        """The part of the padded images, ``sides`` (H, W), that the network is shown."""
        if not self.tight:
            return slice(0, sides[0]), slice(0, sides[1])
        return tight_window(self.stack.head[chosen], self.frame, inner, sides, self.stride)

    def _read(self, images: FloatArray) -> FloatArray:
        """Probabilities (B, R, ...) for ``images`` (B, C, ...), the mirrored reading included."""
        read = self.engine.read(np.ascontiguousarray(images))
        if self.mirror:
            flipped = self.engine.read(np.ascontiguousarray(images[..., ::-1]))
            read = 0.5 * (read + flipped[..., ::-1])
        return read

    def _put(self, found: FloatArray, chosen: NDArray[np.integer], into: FloatArray) -> None:
        """``found`` (R, B, h, w) on the worked grid, into its slices on the stack's own grid."""
        fitted = resize_plane(found, self.frame.grid)
        into[:, chosen, self.frame.rows, self.frame.columns] = np.clip(fitted, 0.0, 1.0)


def tight_window(
    head: BoolArray, frame: Frame, inner: Window, sides: tuple[int, ...], stride: int
) -> Window:
    """Where the ``head`` (B, H, W) of a batch lies in its padded images of ``sides`` (H, W).

    ``inner`` is where the worked grid of ``frame`` begins and ends there. The window begins and
    ends on multiples of ``stride``, so that the network's coarse grids stay where they were.
    """
    spans = mask_box(head[:, frame.rows, frame.columns], margin=0)
    rows, columns = (
        _outwards(
            place.start + span.start * new // old - TIGHT_MARGIN,
            place.start - (-span.stop * new // old) + TIGHT_MARGIN,
            side,
            stride,
        )
        for span, old, new, place, side in zip(
            spans, frame.grid, frame.worked, inner, sides, strict=True
        )
    )
    return rows, columns


def _outwards(start: int, stop: int, side: int, stride: int) -> slice:
    """The least slice that holds both ends, on multiples of ``stride`` and within ``side``."""
    return slice(max(0, start) // stride * stride, min(side, -(-stop // stride) * stride))


def pad_to_stride(images: FloatArray, stride: int) -> tuple[FloatArray, Window]:
    """``images`` (B, C, H, W) centred on sides that ``stride`` divides, and where they lie there.

    The margin repeats the edge, which is air around a head.
    """
    height, width = images.shape[2:]
    extra_rows, extra_columns = -height % stride, -width % stride
    top, left = extra_rows // 2, extra_columns // 2
    margins = ((0, 0), (0, 0), (top, extra_rows - top), (left, extra_columns - left))
    inner = (slice(top, top + height), slice(left, left + width))
    return np.pad(images, margins, mode="edge"), inner
