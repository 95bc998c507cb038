"""What a network is taught: to mark tumour, or to name its type."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from ml.datasets.cases import LabelledCase
from ml.training.config import TrainingConfig
from ml.training.losses import build_loss
from ml.training.naming import NamingTask
from ml.training.open_regions import KnownOnly
from ml.training.sampling import SliceSampler
from ml.training.validation import Validation, read_part, read_validation, validate


class Sampler(Protocol):
    """An endless data set: item ``n`` is the n-th sample of the run, and always the same."""

    @property
    def steps_per_epoch(self) -> int: ...

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]: ...

    def __len__(self) -> int: ...


class Task(Protocol):
    """The samples, what the network is blamed for on them, and how it is judged meanwhile."""

    @property
    def sampler(self) -> Sampler: ...

    @property
    def loss(self) -> nn.Module: ...

    def validate(self, network: nn.Module) -> Validation: ...


class MarkingTask:
    """Each pixel of a slice, or voxel of a window, is tumour or not."""

    def __init__(self, config: TrainingConfig, data_root: Path) -> None:
        training = [read_part(source, data_root, source.train_on) for source in config.sources]
        self.config = config
        self.sampler = SliceSampler(training, config)
        loss = build_loss(config.loss)
        teach_one = any(source.teaches for source in config.sources)
        self.loss = KnownOnly(loss) if teach_one else loss
        self.cases: dict[str, list[LabelledCase]] = read_validation(config, data_root)

    def validate(self, network: nn.Module) -> Validation:
        return validate(network, self.cases, self.config)


def choose_task(config: TrainingConfig, data_root: Path) -> Task:
    """The task that ``config`` describes, with its data below ``data_root`` read."""
    return (NamingTask if config.classes else MarkingTask)(config, data_root)
