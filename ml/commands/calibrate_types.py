"""Set the temperature and the limit of certainty of the model that names types."""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ml.cards import write_toml
from ml.datasets.figshare import iterate_types
from ml.models import WEIGHTS
from ml.tumour_type import TypeModel, load_type_model
from ml.tumour_type.calibration import Calibration, calibrate
from ml.tumour_type.model import NAME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, required=True, help="the folder with index.csv")
    parser.add_argument("--fold", required=True, help="such as fold-3, which --weights never saw")
    parser.add_argument(
        "--weights", type=Path, required=True, help="of the same run on the other folds alone"
    )
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where the card is")


def run(options: argparse.Namespace) -> None:
    trained = load_type_model(options.weights)
    path = options.folder / f"{NAME}.toml"
    card = tomllib.loads(path.read_text(encoding="utf-8"))
    if tuple(card["classes"]) != trained.card.classes or card["network"] != _table(options.weights):
        raise ValueError(f"{options.weights.name} is another network than {path.name}")
    # Read as what ships is read, which its own card leaves open.
    model = TypeModel(replace(trained.card, mirror=card["reading"]["mirror"]), trained.network)
    slices = list(iterate_types(options.root, {options.fold}))
    if not slices:
        raise ValueError(f"{options.root} has no picture of {options.fold}")
    truth = np.array([model.card.classes.index(one.label) for one in slices], dtype=np.int64)
    logits = model.read_logits([one.stack for one in slices])
    found = calibrate(logits, truth, fold=options.fold)
    write_toml(path, {**card, "calibration": asdict(found)})
    print(in_words(found))


def _table(weights: Path) -> dict[str, object]:
    """The network as the card beside ``weights`` describes it."""
    document = tomllib.loads(weights.with_suffix(".toml").read_text(encoding="utf-8"))
    return dict(document["network"])


def in_words(found: Calibration) -> str:
    return (
        f"temperature {found.temperature:.3f}; certain from {found.certain_from:.1%}, by "
        f"{found.pictures} pictures of {found.fold}"
    )
