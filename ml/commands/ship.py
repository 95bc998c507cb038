"""Turn the weights of a training run into what ships: half precision, with a card."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml.models import WEIGHTS
from ml.shipping import MEGABYTE, ship_model
from ml.training.config import read_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "weights",
        type=Path,
        nargs="+",
        help="as training wrote them, card beside them; of several epochs, their mean is taken",
    )
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--threshold", type=float, help="default: the training card's")
    parser.add_argument("--least-voxels", type=int, help="default: the training card's")
    parser.add_argument(
        "--no-mirror",
        action="store_false",
        dest="mirror",
        default=None,
        help="read each slice only once; default: as its [reading] says",
    )
    parser.add_argument("--tight", action="store_true", help="read only where there is tissue")
    parser.add_argument(
        "--report", type=Path, action="append", default=[], help="JSON of python -m ml evaluate"
    )
    parser.add_argument(
        "--config",
        type=Path,
        help="the run's configuration, for what its [card] and [reading] say: they count even "
        "where they were written after the training",
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS)


def run(options: argparse.Namespace) -> None:
    config = read_config(options.config) if options.config else None
    shipped = ship_model(
        options.weights,
        folder=options.out,
        name=options.name,
        version=options.version,
        threshold=options.threshold,
        least_voxels=options.least_voxels,
        mirror=options.mirror,
        tight=options.tight,
        reports=options.report,
        words=config.card if config else None,
        reading=config.reading.as_table() if config else None,
    )
    print(f"{shipped} ({shipped.stat().st_size / MEGABYTE:.1f} MB)")
