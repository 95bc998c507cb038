"""The model that names a tumour's type, with its card; and what it says of one picture."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ml.models import WEIGHTS, file_sha256
from ml.networks.build import NetworkSpec, load_weights, read_network
from ml.preparation import Preparation, read_preparation
from ml.stacks import AxialStack
from ml.tumour_type.calibration import Calibration, FloatMatrix
from ml.tumour_type.pictures import fit_picture

NAME = "tumour_type"
SEQUENCE = "T1ce"
UNCERTAIN = "uncertain"
# Feature maps of more pictures leave the caches: 16 at once took twice as long for each.
BATCH = 2


@dataclass(frozen=True)
class TypeCard:
    """What the model is, from ``ml/weights/tumour_type.toml``; ``classes`` in the order of its
    outputs."""

    name: str
    version: str
    sequences: tuple[str, ...]
    classes: tuple[str, ...]
    sha256: str
    network: NetworkSpec
    preparation: Preparation
    calibration: Calibration
    about: dict[str, Any]
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    mirror: bool = False
    """Whether each picture is also read mirrored, and the mean of both answers counts."""


@dataclass(frozen=True)
class TypeFinding:
    """What a picture shows: a probability for each class, and the class or ``uncertain``."""

    probabilities: dict[str, float]
    verdict: str

    @property
    def is_certain(self) -> bool:
        return self.verdict != UNCERTAIN

    @property
    def likeliest(self) -> str:
        return max(self.probabilities, key=self.probabilities.__getitem__)


class TypeModel:
    """A network ready to name types, with its card."""

    def __init__(self, card: TypeCard, network: nn.Module) -> None:
        self.card = card
        self.network = network.eval()

    def read_logits(self, stacks: list[AxialStack]) -> FloatMatrix:
        """The network's own answers (N, classes) to the first slice of each of ``stacks``."""
        found = []
        for start in range(0, len(stacks), BATCH):
            batch = [fit_picture(s, self.card.preparation) for s in stacks[start : start + BATCH]]
            found.append(self._read(torch.from_numpy(np.stack(batch))).numpy())
        return np.concatenate(found).astype(np.float64)

    def _read(self, pictures: Tensor) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = self.network(pictures).float()
            if self.card.mirror:
                logits = (logits + self.network(pictures.flip(-1)).float()) / 2
        return logits

    def name(self, stack: AxialStack) -> TypeFinding:
        """What the first slice of ``stack`` shows. Raises ValueError where the network's answer is
        no number."""
        (probabilities,) = self.card.calibration.apply(self.read_logits([stack]))
        if not np.isfinite(probabilities).all():
            raise ValueError(f"{self.card.name} gives no probabilities for this picture")
        best = int(probabilities.argmax())
        certain = probabilities[best] >= self.card.calibration.certain_from
        return TypeFinding(
            dict(zip(self.card.classes, (float(p) for p in probabilities), strict=True)),
            self.card.classes[best] if certain else UNCERTAIN,
        )


def read_type_card(path: Path) -> TypeCard:
    """The card at ``path`` (TOML). Raises KeyError where it leaves something out."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return TypeCard(
        name=document["name"],
        version=document["version"],
        sequences=tuple(document["sequences"]),
        classes=tuple(document["classes"]),
        sha256=document["sha256"],
        network=read_network(document["network"]),
        preparation=read_preparation(document.get("preparation", {})),
        calibration=Calibration(**document.get("calibration", {})),
        about=document.get("about", {}),
        metrics=document.get("metrics", {}),
        mirror=document.get("reading", {}).get("mirror", False),
    )


def type_model_ships() -> bool:
    """Whether it is meant to be there: where half of it is missing, loading it says so."""
    return any((WEIGHTS / f"{NAME}{suffix}").exists() for suffix in (".safetensors", ".toml"))


def load_type_model(weights: Path | None = None) -> TypeModel:
    """The model that ships, or the one in the file ``weights`` with its card beside it.

    Raises FileNotFoundError where either is missing and ValueError where the card is another
    model's, or the weights are not the ones that it was written for.
    """
    if weights is None and not type_model_ships():
        raise FileNotFoundError(
            "No model that names types is installed; please name its weights (--weights FILE)."
        )
    path = weights or WEIGHTS / f"{NAME}.safetensors"
    card = _read_card_beside(path)
    if file_sha256(path) != card.sha256:
        raise ValueError(f"{path.name} is not the file that its card describes")
    network = card.network.build()
    load_weights(network, path)
    return TypeModel(card, network)


def shipped_type_card() -> TypeCard | None:
    """The card of the model that ships; None where none does. Raises as ``load_type_model``."""
    return _read_card_beside(WEIGHTS / f"{NAME}.safetensors") if type_model_ships() else None


def _read_card_beside(weights: Path) -> TypeCard:
    path = weights.with_suffix(".toml")
    try:
        return read_type_card(path)
    except KeyError as error:
        raise ValueError(
            f"{path.name} is no card of a model that names types: it has no {error}."
        ) from error
    except TypeError as error:
        raise ValueError(f"{path.name} is damaged: {error}.") from error


@lru_cache(maxsize=1)
def cached_type_model() -> TypeModel:
    """What ships, kept in memory."""
    return load_type_model()
