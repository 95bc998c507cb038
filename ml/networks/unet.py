"""The U-Net, whole, in one file that reads from top to bottom.

After Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation" (MICCAI 2015), with padded convolutions, so that the mask has the size of the
image; in three dimensions after Çiçek et al., "3D U-Net" (MICCAI 2016). A 2.5D network is a 2D
one whose channels include the neighbouring slices (``ml.preparation.Preparation.context``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
POOLS = {2: functional.max_pool2d, 3: functional.max_pool3d}
LINEAR_MODE = {2: "bilinear", 3: "trilinear"}

GROUP_WIDTH = 8


def group_count(width: int) -> int:
    """The most equal groups of at least ``GROUP_WIDTH`` channels, or one where there are fewer."""
    return max(n for n in range(1, max(1, width // GROUP_WIDTH) + 1) if width % n == 0)


NORMALISATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "batch": lambda dimensions, width: {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dimensions](width),
    "instance": lambda dimensions, width: {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[dimensions](
        width, affine=True
    ),
    "group": lambda _, width: nn.GroupNorm(group_count(width), width),
    "none": lambda _, __: nn.Identity(),
}
UPSAMPLINGS = ("bilinear", "transposed")


@dataclass(frozen=True)
class UNetConfig:
    """What it takes to build the network again from its card.

    ``widths`` holds the feature channels of each level, finest first, and so sets the depth;
    each level after the first halves the grid, so the sides of the input must be multiples of
    ``stride``. ``normalisation`` is a key of ``NORMALISATIONS``; ``upsampling`` is ``bilinear``
    (trilinear in 3D) or ``transposed``; with ``residual`` each block adds its input to its output
    (Zhang et al., "Road Extraction by Deep Residual U-Net", IEEE GRSL 2018).
    """

    in_channels: int = 3
    out_channels: int = 1
    widths: tuple[int, ...] = (32, 64, 128, 256, 256)
    dimensions: int = 2
    normalisation: str = "batch"
    upsampling: str = "bilinear"
    residual: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("a U-Net has at least one width")
        if self.dimensions not in CONVOLUTIONS:
            raise ValueError(f"a U-Net has 2 or 3 dimensions, not {self.dimensions}")
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(f"normalisation is one of {', '.join(NORMALISATIONS)}")
        if self.upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling is one of {', '.join(UPSAMPLINGS)}")

    @property
    def stride(self) -> int:
        return int(2 ** (len(self.widths) - 1))


class DoubleConvolution(nn.Sequential):
    """Two 3 x 3 convolutions, each normalised and rectified; the grid keeps its size."""

    def __init__(
        self, in_channels: int, out_channels: int, config: UNetConfig | None = None
    ) -> None:
        config = config or UNetConfig()
        convolution = CONVOLUTIONS[config.dimensions]
        normalisation = NORMALISATIONS[config.normalisation]
        bias = config.normalisation == "none"
        super().__init__(
            convolution(in_channels, out_channels, 3, padding=1, bias=bias),
            normalisation(config.dimensions, out_channels),
            nn.ReLU(inplace=True),
            convolution(out_channels, out_channels, 3, padding=1, bias=bias),
            normalisation(config.dimensions, out_channels),
            nn.ReLU(inplace=True),
        )


class ResidualConvolution(nn.Module):
    """A double convolution with a shortcut past it, widened by a 1 x 1 convolution."""

    def __init__(self, in_channels: int, out_channels: int, config: UNetConfig) -> None:
        super().__init__()
        # All but the last rectifier, which comes after the sum.
        layers = list(DoubleConvolution(in_channels, out_channels, config))[:-1]
        self.body = nn.Sequential(*layers)
        self.shortcut = CONVOLUTIONS[config.dimensions](in_channels, out_channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(self.body(features) + self.shortcut(features))


class UNet(nn.Module):
    """Maps images (B, C, H, W) to logits (B, out_channels, H, W); in 3D, (B, C, Z, H, W)."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        block = ResidualConvolution if config.residual else DoubleConvolution
        widths = config.widths
        self.encoder = nn.ModuleList(
            block(before, after, config)
            for before, after in zip((config.in_channels, *widths), widths, strict=False)
        )
        coarse_to_fine = list(pairwise(widths[::-1]))
        self.upsamplings = nn.ModuleList(self._upsampling(below) for below, _ in coarse_to_fine)
        self.decoder = nn.ModuleList(
            block(below + skip, skip, config) for below, skip in coarse_to_fine
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = CONVOLUTIONS[config.dimensions](widths[0], config.out_channels, 1)

    def _upsampling(self, width: int) -> nn.Module:
        dimensions = self.config.dimensions
        if self.config.upsampling == "transposed":
            return TRANSPOSED[dimensions](width, width, kernel_size=2, stride=2)
        return nn.Upsample(scale_factor=2, mode=LINEAR_MODE[dimensions], align_corners=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits for ``images``, whose sides are multiples of ``config.stride``."""
        pool = POOLS[self.config.dimensions]
        features = self.encoder[0](images)
        skips = [features]
        for block in self.encoder[1:]:
            features = block(pool(features, 2))
            skips.append(features)
        features = self.dropout(skips.pop())
        for upsampling, block in zip(self.upsamplings, self.decoder, strict=True):
            features = block(torch.cat([upsampling(features), skips.pop()], dim=1))
        logits: Tensor = self.head(features)
        return logits
