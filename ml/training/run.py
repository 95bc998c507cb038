"""The moving parts of a training run, and how they are frozen and thawed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ml.hardware import best_memory_format
from ml.networks.build import load_pretrained, load_weights
from ml.training.averaging import start_average
from ml.training.config import TrainingConfig
from ml.training.schedules import Schedule, build_optimiser

LogRow = dict[str, float]


@dataclass
class Run:
    """Everything that changes while a run goes on.

    ``step`` counts the optimiser's steps over the whole run and ``step_in_epoch`` those of the
    epoch under way, whose losses sum up to ``loss_sum``. ``seconds`` is the time spent, as
    ``ml.training.loop.Stopwatch`` counts it. ``log`` has one row for each finished epoch.
    """

    network: nn.Module
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    schedule: Schedule
    device: torch.device
    epoch: int = 0
    step: int = 0
    step_in_epoch: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best: float = -1.0
    best_epoch: int = 0
    log: list[LogRow] = field(default_factory=list)

    COUNTERS = ("epoch", "step", "step_in_epoch", "loss_sum", "seconds", "best", "best_epoch")

    def state(self) -> dict[str, Any]:
        """All of it as tensors and plain values, for a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state(),
            "counters": {name: getattr(self, name) for name in self.COUNTERS},
            "log": self.log,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.restore(state["schedule"])
        for name in self.COUNTERS:
            setattr(self, name, state["counters"][name])
        self.log = list(state["log"])

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights by name, in float32, on the CPU."""
        return {
            name: value.detach().cpu().contiguous()
            for name, value in self.average.module.state_dict().items()
        }


def start_run(config: TrainingConfig, *, steps_per_epoch: int, device: torch.device) -> Run:
    """A run at its first step.

    Raises FileNotFoundError where ``start_from`` or ``encoder_weights`` names no file, and
    ValueError where it holds other weights.
    """
    torch.manual_seed(config.seed)
    network = config.network.build()
    if config.encoder_weights:
        load_pretrained(network, config.encoder_weights)
    if config.start_from:
        load_weights(network, Path(config.start_from))
    layout = best_memory_format(config.network.dimensions + 2)
    network = network.to(device).to(memory_format=layout)  # type: ignore[call-overload]
    return Run(
        network=network,
        average=start_average(network, config.average_decay),
        optimiser=build_optimiser(config.optimiser, network.parameters()),
        schedule=Schedule(
            config.schedule, config.optimiser.learning_rate, config.epochs * steps_per_epoch
        ),
        device=device,
    )
