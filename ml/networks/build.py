"""From the ``[network]`` table of a configuration or card to a network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai.networks import nets
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ml.networks.classifier import Classifier, ClassifierConfig, load_imagenet
from ml.networks.encoder_unet import EncoderUNet, EncoderUNetConfig, load_encoder_weights
from ml.networks.unet import UNet, UNetConfig
from ml.tables import read_record

KINDS = ("unet", "encoder_unet", "classifier", "monai")
DEFAULT_STRIDE = 16


@dataclass(frozen=True)
class NetworkSpec:
    """A network by its kind and options, as written in TOML.

    ``kind`` is ``unet`` (options of :class:`UNetConfig`), ``encoder_unet`` (of
    :class:`EncoderUNetConfig`), ``classifier`` (of :class:`ClassifierConfig`) or ``monai``
    (``name``, a class of ``monai.networks.nets``, its own arguments, and ``stride``, which its
    input's sides must be multiples of).
    """

    kind: str = "unet"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a network's kind is one of {', '.join(KINDS)}, not {self.kind!r}")

    @property
    def stride(self) -> int:
        """What the sides of the network's input must be multiples of."""
        if self.kind == "monai":
            return int(self.options.get("stride", DEFAULT_STRIDE))
        return self._config().stride

    @property
    def in_channels(self) -> int:
        return int(self.options.get("in_channels", 3))

    @property
    def out_channels(self) -> int:
        return int(self.options.get("out_channels", 1))

    @property
    def dimensions(self) -> int:
        """Whether the network reads slices (2) or volumes (3)."""
        return int(self.options.get("dimensions", self.options.get("spatial_dims", 2)))

    def _config(self) -> UNetConfig | EncoderUNetConfig | ClassifierConfig:
        if self.kind == "unet":
            return read_record(UNetConfig, self.options, where="[network]")
        if self.kind == "classifier":
            return read_record(ClassifierConfig, self.options, where="[network]")
        return read_record(EncoderUNetConfig, self.options, where="[network]")

    def build(self) -> nn.Module:
        """The network with random weights.

        Raises ValueError for an option or a MONAI name that means nothing.
        """
        if self.kind == "monai":
            return _build_monai(self)
        config = self._config()
        if isinstance(config, UNetConfig):
            return UNet(config)
        if isinstance(config, ClassifierConfig):
            return Classifier(config)
        return EncoderUNet(config)

    def as_table(self) -> dict[str, Any]:
        """The lines of a card's ``[network]`` table."""
        return {"kind": self.kind, **self.options}


def read_network(table: Mapping[str, Any]) -> NetworkSpec:
    """The network that a ``[network]`` table describes; a plain U-Net where it names no kind."""
    options = {name: value for name, value in table.items() if name != "kind"}
    spec = NetworkSpec(str(table.get("kind", "unet")), options)
    _ = spec.stride
    return spec


def load_pretrained(network: nn.Module, source: str) -> None:
    """ImageNet weights for the encoder of ``network``; see :func:`load_encoder_weights`."""
    if isinstance(network, Classifier):
        load_imagenet(network, source)
    elif isinstance(network, EncoderUNet):
        load_encoder_weights(network, source)
    else:
        raise ValueError("only networks of kind encoder_unet and classifier have an encoder")


def load_weights(network: nn.Module, path: Path) -> None:
    """Fills ``network`` with ``path`` (safetensors of any float type).

    Raises FileNotFoundError, and ValueError where the file does not hold exactly its weights.
    """
    try:
        network.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        raise ValueError(f"{path.name} does not hold the weights of this network") from error


def _build_monai(spec: NetworkSpec) -> nn.Module:
    name = spec.options.get("name", "")
    network = getattr(nets, str(name), None)
    if not (inspect.isclass(network) and issubclass(network, nn.Module)):
        raise ValueError(f"monai.networks.nets has no network {name!r}")
    arguments = {key: value for key, value in spec.options.items() if key not in ("name", "stride")}
    # What is left out means the same for every kind; MONAI's own defaults differ by class.
    usual = {"in_channels": spec.in_channels, "out_channels": 1, "spatial_dims": spec.dimensions}
    known = inspect.signature(network).parameters
    arguments = {key: usual[key] for key in usual if key in known} | arguments
    try:
        built: nn.Module = network(**arguments)
    except TypeError as error:
        raise ValueError(f"[network]: {error}") from error
    return built
