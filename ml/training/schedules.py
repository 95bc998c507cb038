"""The optimiser and how its learning rate moves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

OPTIMISERS = ("adam", "adamw")
SCHEDULES = ("constant", "cosine", "plateau")


@dataclass(frozen=True)
class OptimiserConfig:
    """Rates are for each step; ``gradient_clip`` bounds the gradient's norm (0: it is not)."""

    name: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    gradient_clip: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in OPTIMISERS:
            raise ValueError(f"[optimiser] name is one of {', '.join(OPTIMISERS)}")


@dataclass(frozen=True)
class ScheduleConfig:
    """``cosine`` falls to zero over the whole run; ``plateau`` multiplies the rate by ``factor``
    after ``patience`` epochs without a better validation. Each warms up first.
    """

    name: str = "constant"
    warmup_steps: int = 0
    factor: float = 0.5
    patience: int = 3

    def __post_init__(self) -> None:
        if self.name not in SCHEDULES:
            raise ValueError(f"[schedule] name is one of {', '.join(SCHEDULES)}")


def build_optimiser(
    config: OptimiserConfig, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Adam with L2 decay, or AdamW (Loshchilov and Hutter, ICLR 2019) with decoupled decay."""
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)


@dataclass
class Schedule:
    """The learning rate as a function of the step, and of how validation went.

    A plain record rather than torch's schedulers, so that a resumed run has nothing to guess:
    the rate follows from the step, ``share`` and nothing else.
    """

    config: ScheduleConfig
    learning_rate: float
    total_steps: int
    share: float = 1.0
    best: float = -math.inf
    waited: int = 0

    def rate_at(self, step: int) -> float:
        """The learning rate of step ``step``, counted from 0 over the whole run."""
        warmup = self.config.warmup_steps
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        if self.config.name != "cosine":
            return self.learning_rate * self.share
        # Half a cosine down to zero (Loshchilov and Hutter, "SGDR", ICLR 2017).
        progress = (step - warmup) / max(1, self.total_steps - warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    def note_validation(self, score: float) -> None:
        """Lowers the rate of a ``plateau`` schedule when the score has long not risen."""
        if score > self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.config.name == "plateau" and self.waited > self.config.patience:
            self.share, self.waited = self.share * self.config.factor, 0

    def state(self) -> dict[str, float]:
        return {"share": self.share, "best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, float]) -> None:
        self.share, self.best = float(state["share"]), float(state["best"])
        self.waited = int(state["waited"])
