"""What a training run is: one TOML file, read into one frozen record."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ml.models import KINDS
from ml.networks.build import NetworkSpec, read_network
from ml.preparation import Preparation, read_preparation
from ml.tables import read_record
from ml.training.augmentation import Augmentation
from ml.training.losses import LossConfig
from ml.training.schedules import OptimiserConfig, ScheduleConfig


@dataclass(frozen=True)
class DataSource:
    """A data set that takes part: which reader, which folder under the data root, which split.

    The split is a file of ``ml/splits``, or else one under the data root.

    ``share`` is how often a slice is drawn from it, against the other sources. With ``strip``,
    half of its slices are drawn with the skull masked away, as other data sets come. ``channels``
    are the sequences that are read of it, where not those that are usual for the data set.
    ``teaches`` is the one region that its readers drew, where a run learns several and they drew
    no others (``ml.training.open_regions``); nobody is validated on such a source. ``only`` leaves
    out the cases whose names do not begin so.
    ``train_on`` and ``validate_on`` name parts of the split; a final run that no longer chooses
    anything may train on both of the first two and validate on none.
    """

    dataset: str
    folder: str
    split: str
    share: float = 1.0
    strip: bool = False
    channels: tuple[str, ...] = ()
    only: str = ""
    teaches: str = ""
    train_on: tuple[str, ...] = ("train",)
    validate_on: tuple[str, ...] = ("validation",)


@dataclass(frozen=True)
class Sampling:
    """Which slices are shown, how often, and with which of their channels.

    ``order`` is ``balanced`` (drawn with replacement, ``tumour_share`` of them with tumour) or
    ``pass`` (each slice once an epoch, shuffled). ``slices`` is ``all`` or ``tumour``. ``patch``
    is the size in pixels, (H, W) or, for a 3D network, (Z, H, W); none is needed where the
    preparation's frame is ``square``. ``subset_share`` of the samples keep a part of their
    channels: one of ``subsets``, each as often, or any part where none are named;
    ``flair_only_share`` of the others lose every channel but FLAIR; otherwise each channel but
    FLAIR is lost with ``channel_dropout``. ``slice_scale_share`` of them are scaled by their own
    grey values instead of their volume's, as a lone picture is. ``fade_share`` are shown with
    fainter oedema (``ml.training.fading``).
    """

    order: str = "balanced"
    slices: str = "all"
    patch: tuple[int, ...] = ()
    tumour_share: float = 0.6
    flair_only_share: float = 0.0
    channel_dropout: float = 0.0
    slice_scale_share: float = 0.0
    subset_share: float = 0.0
    subsets: tuple[tuple[str, ...], ...] = ()
    fade_share: float = 0.0

    def __post_init__(self) -> None:
        if self.order not in ("balanced", "pass"):
            raise ValueError(f"[sampling] order is balanced or pass, not {self.order!r}")
        if self.slices not in ("all", "tumour"):
            raise ValueError(f"[sampling] slices is all or tumour, not {self.slices!r}")


@dataclass(frozen=True)
class ReadingConfig:
    """What the model may be given in use, and how, for its card (``ml.models.Card``): ``kinds`` of
    scans, the sets of sequences of which it ``needs`` one, if it reads several together, and
    whether each slice is also read mirrored."""

    kinds: tuple[str, ...] = KINDS
    needs: tuple[tuple[str, ...], ...] = ()
    mirror: bool = True

    def __post_init__(self) -> None:
        unknown = set(self.kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"[reading] kinds are {', '.join(KINDS)}, not {sorted(unknown)}")

    def as_table(self) -> dict[str, Any]:
        needs = {"needs": [list(names) for names in self.needs]} if self.needs else {}
        return {"kinds": list(self.kinds), **needs, "mirror": self.mirror}


@dataclass(frozen=True)
class TrainingConfig:
    """One run.

    ``epochs`` are passes over the data, or ``steps_per_epoch`` steps each where slices are drawn.
    ``minutes`` cuts the run after that time (0: never), validation included; on a processor shared
    with other work, only the run's own share of it counts (``ml.training.loop.Stopwatch``).
    ``early_stopping`` ends it after so many epochs without a better validation (0: never).
    ``average_decay`` is that of the exponential moving average of the weights (0: none).
    With ``keep_epochs`` the weights of every epoch stay, and some may be averaged when shipped.
    ``encoder_weights`` is where the encoder's ImageNet weights come from, ``start_from`` the
    weights (safetensors) of a whole network to begin with. ``regions`` are what the network's
    outputs mark, in order, each within the one before (``ml.datasets.regions``); without any, it
    has one output for all that is drawn. With ``classes`` it names what a picture shows instead.
    ``card`` are plain words for its card's ``[about]``: ``data``, ``seen``, ``not_seen``.
    ``checkpoint_steps`` is how often a run saves itself within an epoch. ``threshold`` and
    ``least_voxels`` go into its card.
    """

    name: str
    sources: tuple[DataSource, ...]
    network: NetworkSpec
    version: str = "1"
    about: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)
    preparation: Preparation = field(default_factory=Preparation)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    sampling: Sampling = field(default_factory=Sampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    regions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    seed: int = 2026
    epochs: int = 10
    steps_per_epoch: int = 250
    batch_size: int = 12
    minutes: float = 0.0
    early_stopping: int = 0
    average_decay: float = 0.0
    keep_epochs: bool = False
    checkpoint_steps: int = 100
    threads: int = 0
    encoder_weights: str = ""
    start_from: str = ""
    threshold: float = 0.5
    least_voxels: int = 1
    sequences: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: {"1": "tumour"})

    def __post_init__(self) -> None:
        expected = self.preparation.input_channels
        if self.network.in_channels != expected:
            raise ValueError(
                f"{self.name}: the preparation gives {expected} channels, but the network "
                f"reads {self.network.in_channels}"
            )
        learnt = self.classes or self.regions or ("tumour",)
        if self.network.out_channels != len(learnt):
            raise ValueError(
                f"{self.name}: {len(learnt)} outputs are learnt ({', '.join(learnt)}), but the "
                f"network has {self.network.out_channels}"
            )
        for source in self.sources:
            if source.teaches and source.teaches not in self.regions:
                raise ValueError(f"{self.name}: no region to teach is called {source.teaches!r}")
            if source.teaches and source.validate_on:
                raise ValueError(
                    f"{self.name}: a source that teaches one region of several validates nobody"
                )
        unknown = {name for names in self.sampling.subsets for name in names}
        unknown -= set(self.preparation.channels)
        if unknown:
            raise ValueError(f"{self.name}: no such channel to draw: {', '.join(sorted(unknown))}")
        if len(self.patch) != self.network.dimensions:
            raise ValueError(
                f"{self.name}: a patch of {self.patch} is not for a network of "
                f"{self.network.dimensions} dimensions"
            )
        if self.network.dimensions == 3 and self.preparation.context:
            raise ValueError(f"{self.name}: only a 2D network has a context")
        if any(side % self.network.stride for side in self.patch):
            raise ValueError(
                f"{self.name}: a patch of {self.patch} does not suit a network whose input's "
                f"sides are multiples of {self.network.stride}"
            )

    @property
    def patch(self) -> tuple[int, ...]:
        """The size of a training sample: (H, W), or (Z, H, W) for a 3D network."""
        if self.sampling.patch:
            return self.sampling.patch
        if self.network.dimensions == 3:
            return self.preparation.window
        return (self.preparation.side, self.preparation.side)


FOLD = "{fold}"
RUN_OF_FOLD = "{-fold}"
"""How the name of a fold's run ends: ``-1`` of fold 1, and nothing of the run that ships."""
TABLES: dict[str, Any] = {
    "reading": ReadingConfig,
    "sampling": Sampling,
    "augmentation": Augmentation,
    "loss": LossConfig,
    "optimiser": OptimiserConfig,
    "schedule": ScheduleConfig,
}


def read_config(path: Path, *, fold: int | None = None, **overrides: Any) -> TrainingConfig:
    """The run in ``path``; ``overrides`` that are not None take the place of its values.

    ``learning_rate`` overrides the optimiser's, ``fold`` chooses among cross-validation's splits
    (:func:`choose_fold`). Raises ValueError for a key or value that means nothing, so that a
    typing error does not go unseen.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    where = str(path)
    values: dict[str, Any] = {
        "network": read_network(document.pop("network", {})),
        "preparation": read_preparation(document.pop("preparation", {})),
        "sources": tuple(
            read_record(DataSource, s, where=where) for s in document.pop("sources", [])
        ),
    }
    for name, record in TABLES.items():
        values[name] = read_record(record, document.pop(name, {}), where=where)
    learning_rate = overrides.pop("learning_rate", None)
    if learning_rate is not None:
        values["optimiser"] = replace(values["optimiser"], learning_rate=learning_rate)
    document.update({key: value for key, value in overrides.items() if value is not None})
    config = read_record(TrainingConfig, {**document, **values}, where=where)
    return config if fold is None else choose_fold(config, fold)


def choose_fold(config: TrainingConfig, fold: int) -> TrainingConfig:
    """One run of a cross-validation: ``{fold}`` in the names of the splits is its number.

    ``{-fold}`` in ``start_from`` is how the names of its runs end.

    Fold 0 is the run that ships: its split trains on everybody but those who are kept out of
    training for good. Raises ValueError where no split has folds.
    """
    if not any(FOLD in source.split for source in config.sources):
        raise ValueError(f"{config.name} has no folds: no split's name has {FOLD} in it")
    sources = tuple(
        replace(source, split=source.split.replace(FOLD, str(fold))) for source in config.sources
    )
    ending = f"-{fold}" if fold else ""
    start_from = config.start_from.replace(RUN_OF_FOLD, ending)
    return replace(config, name=config.name + ending, sources=sources, start_from=start_from)
