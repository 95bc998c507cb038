"""One training run, from its configuration to the best weights by validation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm import tqdm

from ml.hardware import autocast, best_memory_format, choose_device
from ml.training.checkpoints import load_checkpoint, save_checkpoint
from ml.training.config import TrainingConfig
from ml.training.records import write_card, write_examples, write_records
from ml.training.run import LogRow, Run, start_run
from ml.training.tasks import Task, choose_task

CHECKPOINT = "checkpoint.pt"


class Stopwatch:
    """Counts the seconds that a run spends, over all the times that it is resumed.

    On a processor that is shared with other work these are the seconds that the run had of it:
    its processor time divided by its threads, where that is less than the wall time. So a run
    cut after some minutes has had about the same work done, however busy the machine was; what
    a second process reads and augments meanwhile is not counted.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.last = self._now()

    def _now(self) -> tuple[float, float]:
        return time.monotonic(), time.process_time() / max(1, torch.get_num_threads())

    def lap(self) -> None:
        now = self._now()
        wall, worked = now[0] - self.last[0], now[1] - self.last[1]
        self.run.seconds += min(wall, worked) if self.run.device.type == "cpu" else wall
        self.last = now


def train(
    config: TrainingConfig,
    *,
    data_root: Path,
    output: Path,
    resume: bool = False,
    device: str = "auto",
) -> Path:
    """Runs ``config`` and returns the path of the best averaged weights (safetensors).

    ``output`` receives ``checkpoint.pt``, ``log.csv``, ``curves.svg``, ``worst.png``, ``best.png``,
    ``<name>.safetensors`` and its card ``<name>.toml``; with ``keep_epochs``, also
    ``<name>-<epoch>.safetensors`` for each epoch. With ``resume``, a run goes on from its
    checkpoint, and ends as if it had never stopped: each sample and each step depends only on the
    seed and its number. (Bitwise so on one CPU with the same number of threads; CUDA adds up in
    whatever order its threads come.) Without it, an earlier run's checkpoint goes at once, so that
    nobody resumes the wrong run.

    Raises FloatingPointError where the loss stops being a number; the checkpoint before it stays.
    """
    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        (output / CHECKPOINT).unlink(missing_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    task = choose_task(config, data_root)
    steps = task.sampler.steps_per_epoch
    run = start_run(config, steps_per_epoch=steps, device=choose_device(device))
    state = load_checkpoint(output / CHECKPOINT) if resume else None
    if state is not None:
        run.restore(state)
    watch = Stopwatch(run)
    while not _is_over(run, config):
        _train_epoch(run, task, config, output, watch)
        _finish_epoch(run, task, config, output, watch)
    return output / f"{config.name}.safetensors"


def _is_over(run: Run, config: TrainingConfig) -> bool:
    waited = run.epoch - run.best_epoch
    if config.early_stopping and run.epoch and waited >= config.early_stopping:
        return True
    return run.epoch >= config.epochs or (run.epoch > 0 and _is_cut(run, config))


def _is_cut(run: Run, config: TrainingConfig) -> bool:
    return 0 < config.minutes * 60 <= run.seconds


def _train_epoch(
    run: Run, task: Task, config: TrainingConfig, output: Path, watch: Stopwatch
) -> None:
    """The rest of the epoch under way, or as much of it as the run's time allows."""
    sampler = cast(Dataset[tuple[Tensor, Tensor]], task.sampler)
    length = task.sampler.steps_per_epoch
    first = run.epoch * length
    samples = range(
        (first + run.step_in_epoch) * config.batch_size,
        (first + length) * config.batch_size,
    )
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        Subset(sampler, samples),
        batch_size=config.batch_size,
        num_workers=1,
    )
    bar = tqdm(
        loader,
        desc=f"epoch {run.epoch + 1}",
        initial=run.step_in_epoch,
        total=length,
        mininterval=20,
    )
    run.network.train()
    for images, masks in bar:
        run.loss_sum += _step(run, task.loss, images, masks, config)
        run.step_in_epoch += 1
        watch.lap()
        if _is_cut(run, config):
            break
        if run.step_in_epoch % config.checkpoint_steps == 0:
            save_checkpoint(output / CHECKPOINT, run.state())


def _step(
    run: Run, loss_function: nn.Module, images: Tensor, masks: Tensor, config: TrainingConfig
) -> float:
    """One step of the optimiser; returns the loss."""
    # What dropout draws must not depend on where a run was resumed.
    torch.manual_seed(config.seed + run.step)
    for group in run.optimiser.param_groups:
        group["lr"] = run.schedule.rate_at(run.step)
    layout = best_memory_format(images.ndim)
    images, masks = images.to(run.device, memory_format=layout), masks.to(run.device)
    with autocast(run.device.type, axes=images.ndim - 2):
        logits = run.network(images)
    loss = loss_function(logits.float(), masks)
    if not torch.isfinite(loss):
        raise FloatingPointError(f"The loss of step {run.step + 1} is not a number.")
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if config.optimiser.gradient_clip:
        nn.utils.clip_grad_norm_(run.network.parameters(), config.optimiser.gradient_clip)
    run.optimiser.step()
    run.average.update_parameters(run.network)
    run.step += 1
    return float(loss.detach())


def _finish_epoch(
    run: Run, task: Task, config: TrainingConfig, output: Path, watch: Stopwatch
) -> None:
    """Validates, keeps the weights if they are the best so far, and writes everything down."""
    found = task.validate(run.average.module)
    run.epoch += 1
    # Without validation patients nothing is chosen and the last weights are kept.
    score = float(run.epoch) if found.score is None else found.score
    watch.lap()
    run.log.append(_log_row(run, found.figures, config))
    run.schedule.note_validation(score)
    run.step_in_epoch, run.loss_sum = 0, 0.0
    if config.keep_epochs:
        _write_weights(run, config, output / f"{config.name}-{run.epoch:02d}.safetensors")
    if score > run.best:
        run.best, run.best_epoch = score, run.epoch
        _write_weights(run, config, output / f"{config.name}.safetensors")
        write_examples(found.examples, output)
    write_records(run.log, output)
    save_checkpoint(output / CHECKPOINT, run.state())


def _write_weights(run: Run, config: TrainingConfig, path: Path) -> None:
    save_file(run.weights(), path)
    write_card(config, path, run)


def _log_row(run: Run, figures: dict[str, float], config: TrainingConfig) -> LogRow:
    return {
        "epoch": run.epoch,
        "steps": run.step,
        "loss": run.loss_sum / max(1, run.step_in_epoch),
        "learning_rate": run.schedule.rate_at(run.step - 1),
        **figures,
        "minutes": run.seconds / 60,
        "cut": float(_is_cut(run, config)),
    }
