"""The models that ship: weights as safetensors, and beside each a card that says what it is."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from ml.engines.choose import make_engine
from ml.engines.interface import Engine
from ml.geometry import ImageKind
from ml.networks.build import NetworkSpec, load_weights, read_network
from ml.preparation import Preparation, read_preparation
from ml.uncertainty import VolumeInterval, read_volume_interval

WEIGHTS = Path(__file__).resolve().parent / "weights"
DEFAULT_MODEL = "flair2d"
KINDS = (ImageKind.PICTURE.value, ImageKind.VOLUME.value)


@dataclass(frozen=True)
class Card:
    """What a model is and what it may be used on, from ``ml/weights/<name>.toml``.

    ``sequences`` are the declared sequences it reads; ``labels`` names the values of its mask;
    ``threshold`` is the probability from which a voxel is drawn, ``least_voxels`` the size of
    the smallest component that is kept. ``mirror`` and ``tight`` say how
    slices are read (:func:`ml.inference.segment_stack`): twice, and without the air around them.
    ``kinds`` says whether it reads pictures, volumes or both; ``needs``, of a model that reads
    several sequences together, are the sets of them of which it has to be given one.
    ``regions`` are what its outputs mark, in order, if several (``ml.datasets.regions``).
    ``metrics`` are its figures on the test patients, by evaluation, and ``volume_intervals`` how
    far its volumes were from the readers' there, by sequence.
    """

    name: str
    version: str
    sequences: tuple[str, ...]
    labels: dict[int, str]
    threshold: float
    least_voxels: int
    sha256: str
    network: NetworkSpec
    preparation: Preparation
    about: dict[str, Any]
    mirror: bool = True
    tight: bool = False
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    volume_intervals: dict[str, VolumeInterval] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS
    needs: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Model:
    """A network ready to read, with its card."""

    card: Card
    engine: Engine


def read_card(path: Path) -> Card:
    """The card at ``path`` (TOML) of a model that draws masks.

    Raises KeyError where it leaves something out, and ValueError for one that names types.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    if "classes" in document:
        raise ValueError(f"{path.stem} names types of tumour and draws no mask")
    reading = document.get("reading", {})
    return Card(
        name=document["name"],
        version=document["version"],
        sequences=tuple(document["sequences"]),
        labels={int(value): label for value, label in document["labels"].items()},
        threshold=float(document["threshold"]),
        least_voxels=int(document["least_voxels"]),
        sha256=document["sha256"],
        network=read_network(document["network"]),
        preparation=read_preparation(document.get("preparation", {})),
        about=document.get("about", {}),
        mirror=bool(reading.get("mirror", True)),
        tight=bool(reading.get("tight", False)),
        metrics=document.get("metrics", {}),
        volume_intervals={
            sequence: read_volume_interval(table)
            for sequence, table in document.get("volume_interval", {}).items()
        },
        regions=tuple(document.get("regions", ())),
        kinds=tuple(reading.get("kinds", KINDS)),
        needs=tuple(tuple(names) for names in reading.get("needs", ())),
    )


@lru_cache(maxsize=1)
def shipped_cards() -> tuple[Card, ...]:
    """The cards of all models in ``ml/weights`` that draw masks, by name."""
    paths = sorted(WEIGHTS.glob("*.toml"))
    return tuple(read_card(path) for path in paths if not _names_types(path))


def _names_types(path: Path) -> bool:
    """Whether the card is of a model that names what a picture shows, and draws nothing."""
    return "classes" in tomllib.loads(path.read_text(encoding="utf-8"))


def load_model(
    name: str = DEFAULT_MODEL, *, weights: Path | None = None, engine: str = "auto"
) -> Model:
    """The shipped model ``name``; or the one in the file ``weights``.

    Training leaves a card beside its weights (the same name, ``.toml``), which then says what
    they are; without one they are taken to be other weights for the network of ``name``.
    ``engine`` is one of ``ml.engines.choose.ENGINES``. Raises FileNotFoundError for an unknown
    name and ValueError where weights are not the ones that their card was written for.
    """
    if weights is None:
        return load_model_from(shipped_weights(name), engine=engine)
    if weights.with_suffix(".toml").exists():
        return load_model_from(weights, engine=engine)
    return _read_model(read_card(WEIGHTS / f"{name}.toml"), weights, engine)


def shipped_weights(name: str) -> Path:
    """Where the weights of the shipped model ``name`` are, or would be."""
    return WEIGHTS / f"{name}.safetensors"


def load_model_from(weights: Path, *, engine: str = "auto") -> Model:
    """The model in the file ``weights``, as the card beside it describes it.

    Raises FileNotFoundError where either is missing and ValueError where the weights are not the
    ones that the card was written for.
    """
    card = read_card(weights.with_suffix(".toml"))
    if file_sha256(weights) != card.sha256:
        raise ValueError(f"{weights.name} is not the file that its card describes")
    return _read_model(card, weights, engine)


def _read_model(card: Card, weights: Path, engine: str) -> Model:
    network = load_network(card.network, weights)
    return Model(card, make_engine(network, spec=card.network, wish=engine))


@lru_cache(maxsize=2)
def cached_model(name: str) -> Model:
    """As :func:`load_model` for what ships, kept in memory: a worker loads each model once."""
    return load_model(name)


def load_network(spec: NetworkSpec, weights: Path) -> nn.Module:
    """The network with ``weights`` (safetensors of any float type) in float32, ready to read.

    Raises ValueError where the file does not hold exactly the network's weights.
    """
    network = spec.build().float()
    load_weights(network, weights)
    return network.eval()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
