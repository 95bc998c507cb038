"""VGG16 as an encoder, with the names of torchvision's ImageNet weights.

Simonyan and Zisserman, "Very Deep Convolutional Networks" (ICLR 2015), configuration D.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    """Maps images (B, C, H, W) to feature maps at strides 1, 2, 4, 8, 16.

    ``features`` is numbered as torchvision numbers its ``vgg16`` (or, with ``batch_norm``, its
    ``vgg16_bn``), so that either's published weights load by name.
    """

    widths = (64, 128, 256, 512, 512)

    def __init__(self, in_channels: int = 3, *, batch_norm: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        ends = []
        before = in_channels
        for stage in STAGES:
            for width in stage:
                layers.append(nn.Conv2d(before, width, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU(inplace=True))
                before = width
            ends.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])
        self.taken_after = frozenset(ends)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = images
        taken = []
        for number, layer in enumerate(self.features):
            features = layer(features)
            if number in self.taken_after:
                taken.append(features)
        return taken


def load_torchvision_weights(encoder: VGG16, path: Path) -> None:
    """Fills ``encoder`` (3 input channels) from a file in torchvision's format.

    ``path`` is the published ``.pth`` or its safetensors; the classifier in it is left out.
    Raises RuntimeError where the file does not hold the encoder's weights.
    """
    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    encoder.load_state_dict(
        {name: value for name, value in state.items() if name.startswith("features.")}
    )
