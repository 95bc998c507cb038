"""Train a network from a configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml.training.config import read_config
from ml.training.loop import train
from ml.training.memory import keep_freed_memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="such as ml/configs/flair2d.toml")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, help="default: var/training/<name>")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--fold", type=int, help="of a cross-validation; 0 trains on everybody and tests nobody"
    )
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--minutes", type=float, help="cut the run after so many minutes")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def run(options: argparse.Namespace) -> None:
    keep_freed_memory()
    config = read_config(
        options.config,
        fold=options.fold,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        minutes=options.minutes,
    )
    output = options.output or Path("var/training") / config.name
    weights = train(
        config,
        data_root=options.data,
        output=output,
        resume=options.resume,
        device=options.device,
    )
    print(weights)
