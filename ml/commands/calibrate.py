"""Write into a shipped model's card how far its volumes were from the readers'."""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

from ml.cards import write_toml
from ml.models import WEIGHTS
from ml.uncertainty import VolumeInterval, calibrate_volume, volume_ratios


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the model, as in ml/weights")
    parser.add_argument("--sequence", required=True, help="what the reports were read from: FLAIR")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where its card is")
    parser.add_argument(
        "reports",
        type=Path,
        nargs="+",
        help="JSON of python -m ml evaluate on patients kept apart, one for each kind of scan",
    )


def run(options: argparse.Namespace) -> None:
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in options.reports]
    found = calibrate_volume(volume_ratios(reports))
    path = options.folder / f"{options.name}.toml"
    card = tomllib.loads(path.read_text(encoding="utf-8"))
    if options.sequence not in card["sequences"]:
        raise ValueError(f"{options.name} does not read {options.sequence}")
    card.setdefault("volume_interval", {})[options.sequence] = found.as_dict()
    write_toml(path, card)
    print(in_words(found))


def in_words(found: VolumeInterval) -> str:
    low, high = found.coverage_interval
    return (
        f"{found.level:.0%} interval: {found.low:.3f} to {found.high:.3f} times the model's "
        f"volume, from {found.patients} patients; {found.covered} of them lie in the interval of "
        f"the others ({found.covered / found.patients:.0%}, 95 % interval {low:.0%} to {high:.0%})"
    )
