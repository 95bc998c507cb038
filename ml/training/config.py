"""What a training run is: one TOML file, read into one frozen record."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ml.unet import UNetConfig


@dataclass(frozen=True)
class DataSource:
    """A data set that takes part: which reader, which folder under the data root, which split.

    ``share`` is how often a slice is drawn from it, against the other sources. With ``strip``,
    half of its slices are drawn with the skull masked away, as other data sets come.
    """

    dataset: str
    folder: str
    split: str
    share: float = 1.0
    strip: bool = False


@dataclass(frozen=True)
class TrainingConfig:
    """One run. Sizes are in pixels, rates are for each optimiser step.

    ``start_from`` names weights (safetensors) to begin with instead of random ones.
    """

    name: str
    version: str
    sources: tuple[DataSource, ...]
    network: UNetConfig
    seed: int = 2026
    epochs: int = 12
    steps_per_epoch: int = 250
    batch_size: int = 12
    patch: tuple[int, int] = (224, 192)
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup_steps: int = 200
    gradient_clip: float = 1.0
    average_decay: float = 0.998
    tumour_slice_share: float = 0.6
    flair_only_share: float = 0.5
    channel_dropout: float = 0.15
    slice_scale_share: float = 0.3
    threads: int = 0
    start_from: str = ""
    augmentation: dict[str, float] = field(default_factory=dict)

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch


def read_config(path: Path, **overrides: Any) -> TrainingConfig:
    """The run in ``path``; ``overrides`` that are not None take the place of its values.

    Raises ValueError for a key that means nothing, so that a typing error does not go unseen.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    document.update({key: value for key, value in overrides.items() if value is not None})
    network = dict(document.pop("network", {}))
    if "widths" in network:
        network["widths"] = tuple(network["widths"])
    sources = tuple(DataSource(**source) for source in document.pop("sources"))
    unknown = set(document) - {item.name for item in fields(TrainingConfig)}
    if unknown:
        raise ValueError(f"{path} has keys that mean nothing: {', '.join(sorted(unknown))}")
    if "patch" in document:
        rows, columns = document["patch"]
        document["patch"] = (rows, columns)
    return TrainingConfig(sources=sources, network=UNetConfig(**network), **document)
