"""The U-Net, whole, in one file that reads from top to bottom.

After Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation" (MICCAI 2015), with batch normalisation, padded convolutions (the mask has the
size of the image) and bilinear upsampling in place of transposed convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class UNetConfig:
    """What it takes to build the network again from its card.

    ``widths`` holds the feature channels of each level, finest first; each level after the
    first halves the grid, so the sides of the input must be multiples of ``stride``.
    """

    in_channels: int = 3
    out_channels: int = 1
    widths: tuple[int, ...] = field(default=(32, 64, 128, 256, 256))

    @property
    def stride(self) -> int:
        return int(2 ** (len(self.widths) - 1))


class DoubleConvolution(nn.Sequential):
    """Two 3 x 3 convolutions, each normalised and rectified; the grid keeps its size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """Maps images (B, C, H, W) to logits (B, out_channels, H, W)."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.encoder = nn.ModuleList(
            DoubleConvolution(before, after)
            for before, after in zip((config.in_channels, *widths), widths, strict=False)
        )
        coarse_to_fine = widths[::-1]
        self.decoder = nn.ModuleList(
            DoubleConvolution(below + skip, skip) for below, skip in pairwise(coarse_to_fine)
        )
        self.head = nn.Conv2d(widths[0], config.out_channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits for ``images`` (B, C, H, W); H and W are multiples of ``config.stride``."""
        features = self.encoder[0](images)
        skips = [features]
        for block in self.encoder[1:]:
            features = block(functional.max_pool2d(features, 2))
            skips.append(features)
        skips.pop()
        for block in self.decoder:
            features = functional.interpolate(
                features, scale_factor=2, mode="bilinear", align_corners=False
            )
            features = block(torch.cat([features, skips.pop()], dim=1))
        logits: Tensor = self.head(features)
        return logits
