"""The models that ship: weights as safetensors, and beside each a card that says what it is."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ml.errors import NoModelError
from ml.unet import UNet, UNetConfig

WEIGHTS = Path(__file__).resolve().parent / "weights"
DEFAULT_MODEL = "flair2d"


@dataclass(frozen=True)
class Card:
    """What a model is and what it may be used on, from ``ml/weights/<name>.toml``.

    ``sequences`` are the declared sequences it reads; ``labels`` names the values of its mask;
    ``threshold`` is the probability from which a voxel is drawn, ``least_voxels`` the size of
    the smallest component that is kept.
    """

    name: str
    version: str
    sequences: tuple[str, ...]
    labels: dict[int, str]
    threshold: float
    least_voxels: int
    sha256: str
    network: UNetConfig
    about: dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A loaded network with its card."""

    card: Card
    network: UNet


def read_card(path: Path) -> Card:
    """The card at ``path`` (TOML). Raises KeyError where it leaves something out."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return Card(
        name=document["name"],
        version=document["version"],
        sequences=tuple(document["sequences"]),
        labels={int(value): label for value, label in document["labels"].items()},
        threshold=float(document["threshold"]),
        least_voxels=int(document["least_voxels"]),
        sha256=document["sha256"],
        network=network_config(document["network"]),
        about=document.get("about", {}),
    )


def network_config(document: dict[str, Any]) -> UNetConfig:
    """The network that a configuration or card describes."""
    return UNetConfig(**{**document, "widths": tuple(document["widths"])})


@lru_cache(maxsize=1)
def shipped_cards() -> tuple[Card, ...]:
    """The cards of all models in ``ml/weights``, by name."""
    return tuple(read_card(path) for path in sorted(WEIGHTS.glob("*.toml")))


def card_for(sequence: str) -> Card:
    """The card of the model that reads ``sequence``; raises NoModelError where none does."""
    for card in shipped_cards():
        if sequence in card.sequences:
            return card
    readable = sorted({name for card in shipped_cards() for name in card.sequences})
    raise NoModelError(
        f"No model reads {sequence} yet; there are models for {', '.join(readable)}."
    )


def load_model(name: str = DEFAULT_MODEL, *, weights: Path | None = None) -> Model:
    """The shipped model ``name``, or the same network with the weights of another file.

    Raises FileNotFoundError for an unknown name and ValueError where the shipped weights are not
    the ones that their card was written for.
    """
    card = read_card(WEIGHTS / f"{name}.toml")
    if weights is None:
        weights = WEIGHTS / f"{name}.safetensors"
        if file_sha256(weights) != card.sha256:
            raise ValueError(f"{weights.name} is not the file that its card describes")
    return Model(card, load_network(card.network, weights))


@lru_cache(maxsize=2)
def cached_model(name: str) -> Model:
    """As :func:`load_model` for what ships, kept in memory: a worker loads each model once."""
    return load_model(name)


def load_network(config: UNetConfig, weights: Path) -> UNet:
    """The network with ``weights`` (safetensors), ready to read."""
    network = UNet(config)
    network.load_state_dict(load_file(weights))
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
