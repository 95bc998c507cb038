"""The same network as plainly as torch runs it: whole slices, contiguous float32, on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ml.benchmark.clock import best_batch
from ml.inference import pad_to_stride
from ml.intensity import BoolArray, FloatArray
from ml.models import Card
from ml.prediction import draw_mask
from ml.preparation import (
    Frame,
    Scales,
    make_frame,
    measure_scales,
    prepare_slices,
    resize_plane,
    zoom_factors,
)
from ml.stacks import AxialStack, select_channels
from ml.stages import Stages


@dataclass(frozen=True)
class PlainReading:
    """``mask`` (Z, H, W) and what it took, stage by stage, with slices ``batch`` at a time."""

    batch: int
    stages: Stages
    mask: BoolArray


def read_plainly(
    network: nn.Module, card: Card, stack: AxialStack, *, batches: tuple[int, ...]
) -> PlainReading:
    """Every slice of ``stack``, whole, mirrored where the card says so, by the card's threshold.

    The batch size is the best of ``batches`` on the middle slices.
    """
    stages = Stages()
    with stages.timed("prepare"):
        stack = select_channels(stack, card.preparation.channels)
        frame = whole_frame(stack, card)
        scales = measure_scales(stack, card.preparation.scale)
    plain = _Plain(network.float().eval().cpu(), card, stack, frame, scales)
    batch = best_batch(plain.read_middle, batches)
    probability = np.zeros(stack.pixels.shape[1:], dtype=np.float32)
    for start in range(0, len(probability), batch):
        chosen = np.arange(start, min(start + batch, len(probability)))
        plain.read_slices(chosen, probability, stages)
    with stages.timed("post-process"):
        mask = draw_mask(probability, threshold=card.threshold, least_voxels=card.least_voxels)
    return PlainReading(batch, stages, mask)


def whole_frame(stack: AxialStack, card: Card) -> Frame:
    """Each slice whole, at the pixel size that the network was trained at."""
    if card.preparation.frame == "square":
        return make_frame(stack, card.preparation)
    height, width = stack.pixels.shape[2:]
    rows, columns = zoom_factors(stack)
    worked = (max(1, round(height * rows)), max(1, round(width * columns)))
    return Frame(slice(0, height), slice(0, width), worked)


@dataclass(frozen=True)
class _Plain:
    network: nn.Module
    card: Card
    stack: AxialStack
    frame: Frame
    scales: Scales

    def read_slices(
        self, chosen: np.ndarray[tuple[int], np.dtype[np.int64]], into: FloatArray, stages: Stages
    ) -> None:
        with stages.timed("prepare"):
            batch = prepare_slices(
                self.stack,
                chosen,
                scales=self.scales,
                frame=self.frame,
                context=self.card.preparation.context,
            )
            padded, inner = pad_to_stride(batch, self.card.network.stride)
            images = torch.from_numpy(padded)
        with stages.timed("infer"), torch.inference_mode():
            found = torch.sigmoid(self.network(images))
            if self.card.mirror:
                found = (found + torch.sigmoid(self.network(images.flip(-1))).flip(-1)) / 2
        with stages.timed("post-process"):
            into[chosen] = resize_plane(found[:, 0].numpy()[:, *inner], self.frame.grid)

    def read_middle(self, slices: int) -> None:
        start = max(0, self.stack.pixels.shape[1] // 2 - slices // 2)
        chosen = np.arange(start, start + slices) % self.stack.pixels.shape[1]
        into = np.zeros(self.stack.pixels.shape[1:], dtype=np.float32)
        self.read_slices(chosen, into, Stages())
