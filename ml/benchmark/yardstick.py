"""A fixed amount of work to hold a total against, whatever network ships.

A speed-up over one's own network grows with that network. The yardstick does not: it is always
the plain U-Net of Ronneberger, Fischer and Brox (MICCAI 2015) with 16 to 256 feature channels,
padded convolutions and batch normalisation, over whole slices. It is written out here so that no
change to the networks that ship can change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.benchmark.clock import Batched, time_best_batch

WIDTHS = (16, 32, 64, 128, 256)


@dataclass(frozen=True)
class YardstickSize:
    """``slices`` of ``side`` x ``side`` pixels with one channel."""

    slices: int = 160
    side: int = 256


class PlainUNet(nn.Module):
    """Maps images (B, 1, H, W), sides multiples of 16, to logits of the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(_block(*pair) for pair in pairwise((1, *WIDTHS)))
        upwards = list(pairwise(WIDTHS[::-1]))
        self.upwards = nn.ModuleList(nn.ConvTranspose2d(*pair, 2, stride=2) for pair in upwards)
        self.decoder = nn.ModuleList(_block(2 * width, width) for _, width in upwards)
        self.head = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder[0](images)
        skips = [features]
        for block in self.encoder[1:]:
            features = block(functional.max_pool2d(features, 2))
            skips.append(features)
        features = skips.pop()
        for upward, block in zip(self.upwards, self.decoder, strict=True):
            features = block(torch.cat([skips.pop(), upward(features)], dim=1))
        logits: Tensor = self.head(features)
        return logits


def _block(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (before, after):
        layers += [
            nn.Conv2d(width, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def time_yardstick(size: YardstickSize, batches: tuple[int, ...]) -> Batched:
    """Network time alone, in float32 on the CPU, with the batch size that suits it best."""
    network = PlainUNet().eval()

    def read(slices: int) -> None:
        with torch.inference_mode():
            network(torch.zeros(slices, 1, size.side, size.side))

    return time_best_batch(read, slices=size.slices, batches=batches)
