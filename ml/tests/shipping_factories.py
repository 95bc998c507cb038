"""A training run's leavings, for the tests of what ships."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ml.shipping import ship_model
from ml.tests.training_factories import tiny_config, tiny_network
from ml.training.records import write_card
from ml.training.run import start_run

CPU = torch.device("cpu")


def write_run(folder: Path, *, seed: int = 1, **changes: Any) -> Path:
    """The weights and card that a training run leaves."""
    folder.mkdir(exist_ok=True)
    config = tiny_config(folder, network=tiny_network(), seed=seed, about="marks", **changes)
    run = start_run(config, steps_per_epoch=3, device=CPU)
    run.epoch, run.step, run.seconds = 4 * seed, 12 * seed, 60.0
    weights = folder / "tiny.safetensors"
    save_file(run.weights(), weights)
    write_card(config, weights, run)
    return weights


def ship(trained: Path, folder: Path, **options: Any) -> Path:
    return ship_model([trained], folder=folder, **{"name": "tiny", "version": "2", **options})


def table(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
