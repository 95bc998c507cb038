"""One training run, from its configuration to the best weights by validation."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.losses import DiceLoss
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from ml.datasets import brats, lgg
from ml.datasets.cases import LabelledCase
from ml.datasets.splits import SPLITS, read_split
from ml.hardware import autocast
from ml.inference import segment_stack
from ml.metrics import measure_agreement
from ml.stacks import flair_only
from ml.training.checkpoints import load_checkpoint, save_checkpoint
from ml.training.config import TrainingConfig
from ml.training.sampling import SliceSampler
from ml.unet import UNet

READERS = {"lgg": lgg.iterate_cases, "brats": brats.iterate_cases}


def read_part(config: TrainingConfig, root: Path, part: str) -> dict[str, list[LabelledCase]]:
    """The cases of one part of each source's split, by data set."""
    return {
        source.dataset: list(
            READERS[source.dataset](
                root / source.folder, set(read_split(SPLITS / source.split).part(part))
            )
        )
        for source in config.sources
    }


class BinaryLoss(nn.Module):
    """Binary cross-entropy plus soft Dice over the whole batch, both on logits (B, 1, H, W).

    Dice over the batch rather than over each slice, since a slice without tumour has none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cross_entropy = nn.BCEWithLogitsLoss()
        self.dice = DiceLoss(sigmoid=True, batch=True)

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        total: Tensor = self.cross_entropy(logits, masks) + self.dice(logits, masks)
        return total


def learning_rate_share(step: int, *, warmup: int, total: int) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov and Hutter, 2017)."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


@dataclass
class _Run:
    """The moving parts of a run, and how they are frozen and thawed."""

    network: UNet
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LambdaLR
    epoch: int = 0
    best: float = -1.0

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch = int(state["epoch"])
        self.best = float(state["best"])


Tensors = tuple[Tensor, ...] | list[Tensor]


def average_weights(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential moving average whose memory grows with the run, up to ``decay``.

    With a fixed decay the early average is mostly the random start, and its batch statistics
    belong to no network at all; so after ``n`` updates the decay is ``(1 + n) / (10 + n)``.
    """

    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        updates = int(count)
        weight = 1 - min(decay, (1 + updates) / (10 + updates))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, weight)
            else:
                mean.copy_(value)

    return update


def start_run(config: TrainingConfig) -> _Run:
    torch.manual_seed(config.seed)
    network = UNet(config.network)
    if config.start_from:
        network.load_state_dict(load_file(config.start_from))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(
        network, multi_avg_fn=average_weights(config.average_decay), use_buffers=True
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: learning_rate_share(
            step, warmup=config.warmup_steps, total=config.total_steps
        ),
    )
    return _Run(network, average, optimiser, schedule)


def train(config: TrainingConfig, *, data_root: Path, output: Path, resume: bool = False) -> Path:
    """Runs ``config`` and returns the path of the best averaged weights (safetensors).

    ``output`` receives ``checkpoint.pt`` after each epoch, ``log.csv`` and
    ``<name>.safetensors``. With ``resume``, a run goes on from its checkpoint.
    """
    output.mkdir(parents=True, exist_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    run = start_run(config)
    state = load_checkpoint(output / "checkpoint.pt") if resume else None
    if state is not None:
        run.restore(state)
    training = read_part(config, data_root, "train")
    validation = read_part(config, data_root, "validation")
    sampler = SliceSampler(training, config)
    weights = output / f"{config.name}.safetensors"
    while run.epoch < config.epochs:
        started = time.monotonic()
        loss = _train_epoch(run, sampler, config)
        run.epoch += 1
        dice = _validate(run.average.module, validation, config)
        score = float(np.mean(list(dice.values())))
        if score > run.best:
            run.best = score
            save_file(_plain_weights(run.average.module), weights)
        save_checkpoint(output / "checkpoint.pt", run.state())
        _log(output / "log.csv", run.epoch, loss, dice, time.monotonic() - started)
    return weights


def _train_epoch(run: _Run, sampler: SliceSampler, config: TrainingConfig) -> float:
    loss_function = BinaryLoss()
    first = run.epoch * config.steps_per_epoch * config.batch_size
    count = config.steps_per_epoch * config.batch_size
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        Subset(sampler, range(first, first + count)), batch_size=config.batch_size, num_workers=1
    )
    run.network.train()
    losses = []
    for images, masks in tqdm(loader, desc=f"epoch {run.epoch + 1}", mininterval=30):
        with autocast():
            logits = run.network(images.to(memory_format=torch.channels_last))
        loss = loss_function(logits.float(), masks)
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(run.network.parameters(), config.gradient_clip)
        run.optimiser.step()
        run.schedule.step()
        run.average.update_parameters(run.network)
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def _validate(
    network: nn.Module, cases: dict[str, list[LabelledCase]], config: TrainingConfig
) -> dict[str, float]:
    """Mean Dice by patient for each data set, and for LGG from FLAIR alone as well."""
    scores: dict[str, float] = {}
    for dataset, labelled in cases.items():
        views = {dataset: [case.stack for case in labelled]}
        if any(all(case.stack.present) for case in labelled):
            views[f"{dataset}_flair"] = [flair_only(case.stack) for case in labelled]
        for view, stacks in views.items():
            dice = [
                measure_agreement(
                    segment_stack(network, stack, stride=config.network.stride, mirror=False) > 0.5,
                    case.mask,
                ).dice
                for stack, case in zip(stacks, labelled, strict=True)
            ]
            if dice:
                scores[view] = float(np.mean(dice))
    return scores


def _plain_weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().contiguous() for name, value in network.state_dict().items()}


def _log(path: Path, epoch: int, loss: float, dice: dict[str, float], seconds: float) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(["epoch", "loss", *(f"dice_{name}" for name in dice), "seconds"])
        writer.writerow(
            [epoch, f"{loss:.4f}", *(f"{d:.4f}" for d in dice.values()), f"{seconds:.0f}"]
        )
