"""From a stack to the probability of tumour in each of its pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.hardware import autocast
from ml.intensity import FloatArray, head_mask
from ml.preparation import measure_scales, resize_plane, standardise, zoom_factors
from ml.stacks import AxialStack, head_box

Progress = Callable[[int, int], None]
"""Called with the slices done and the slices in all."""

BATCH_SLICES = 8


def segment_stack(
    network: nn.Module,
    stack: AxialStack,
    *,
    stride: int,
    progress: Progress | None = None,
    mirror: bool = True,
) -> FloatArray:
    """The probability of tumour (Z, H, W) for every slice of ``stack``, on its own grid.

    ``stride`` is the multiple that the network's input sides must have. With ``mirror``, each
    slice is also read left-right flipped and the two readings are averaged. Slices without any
    tissue are not read and are zero.
    """
    network.eval()
    rows, columns = head_box(stack.reference)
    scales = measure_scales(stack)
    grid = (rows.stop - rows.start, columns.stop - columns.start)
    worked = _round(grid, zoom_factors(stack))
    probability = np.zeros(stack.pixels.shape[1:], dtype=np.float32)
    with_tissue = np.flatnonzero(head_mask(stack.reference).any(axis=(1, 2)))
    for start in range(0, len(with_tissue), BATCH_SLICES):
        chosen = with_tissue[start : start + BATCH_SLICES]
        pixels = stack.pixels[:, chosen, rows, columns]
        batch = np.stack(
            [
                resize_plane(standardise(pixels[:, index], scales), worked)
                for index in range(len(chosen))
            ]
        )
        read = _read_batch(network, batch, stride=stride, mirror=mirror)
        probability[chosen, rows, columns] = resize_plane(read, grid)
        if progress is not None:
            progress(min(start + BATCH_SLICES, len(with_tissue)), len(with_tissue))
    return np.clip(probability, 0.0, 1.0)


def _round(grid: tuple[int, int], factors: tuple[float, float]) -> tuple[int, int]:
    rows, columns = (max(1, round(s * f)) for s, f in zip(grid, factors, strict=True))
    return rows, columns


def _read_batch(
    network: nn.Module, batch: NDArray[np.float32], *, stride: int, mirror: bool
) -> FloatArray:
    """Probabilities (B, H, W) for standardised slices ``batch`` (B, C, H, W)."""
    padded, (top, left) = _pad_to_stride(torch.from_numpy(batch), stride)
    padded = padded.to(memory_format=torch.channels_last)
    with torch.inference_mode(), autocast():
        read = torch.sigmoid(network(padded).float())
        if mirror:
            flipped = network(padded.flip(-1).contiguous(memory_format=torch.channels_last))
            read = (read + torch.sigmoid(flipped.float()).flip(-1)) / 2
    height, width = batch.shape[2:]
    return read[:, 0, top : top + height, left : left + width].numpy()


def _pad_to_stride(images: Tensor, stride: int) -> tuple[Tensor, tuple[int, int]]:
    """``images`` (B, C, H, W) centred on sides that ``stride`` divides, and where they start.

    The margin repeats the edge, which is air around a head.
    """
    height, width = images.shape[2:]
    extra_rows, extra_columns = -height % stride, -width % stride
    top, left = extra_rows // 2, extra_columns // 2
    padding = (left, extra_columns - left, top, extra_rows - top)
    return nn.functional.pad(images, padding, mode="replicate"), (top, left)
