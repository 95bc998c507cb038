"""The moving average of a network's weights, which is what is kept of a run."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def average_weights(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential moving average whose memory grows with the run, up to ``decay``.

    With a fixed decay the early average is mostly the random start, and its batch statistics
    belong to no network at all; so after ``n`` updates the decay is ``(1 + n) / (10 + n)``.
    """

    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        updates = int(count)
        weight = 1 - min(decay, (1 + updates) / (10 + updates))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, weight)
            else:
                mean.copy_(value)

    return update


def start_average(network: nn.Module, decay: float) -> AveragedModel:
    """The average of ``network``, batch statistics included; with ``decay`` 0 always its copy."""
    return AveragedModel(network, multi_avg_fn=average_weights(decay), use_buffers=True)
