"""Write into a shipped model's card how far its volumes were from the readers'.

A report of ``crossvalidate`` gives an interval for each set of sequences that was shown; reports of
``evaluate`` give one for the sequences that they were read from.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.cards import write_toml
from ml.models import WEIGHTS
from ml.routing import suffices
from ml.uncertainty import VolumeInterval, calibrate_volume, volume_ratios


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the model, as in ml/weights")
    parser.add_argument(
        "--sequence", help="what reports of evaluate were read from: FLAIR, or FLAIR+T1ce"
    )
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where its card is")
    parser.add_argument(
        "reports",
        type=Path,
        nargs="+",
        help="JSON of python -m ml evaluate on patients kept apart, one for each kind of scan; or "
        "one of python -m ml crossvalidate",
    )


def run(options: argparse.Namespace) -> None:
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in options.reports]
    path = options.folder / f"{options.name}.toml"
    card = tomllib.loads(path.read_text(encoding="utf-8"))
    for shown, own in _by_sequences(reports, options.sequence).items():
        unknown = set(shown.split("+")) - set(card["sequences"])
        if unknown:
            raise ValueError(f"{options.name} does not read {', '.join(sorted(unknown))}")
        # The card knows a set by its sequences in the order in which the model takes them.
        key = "+".join(name for name in card["sequences"] if name in shown.split("+"))
        if not _is_read(card, set(shown.split("+"))):
            card.get("volume_interval", {}).pop(key, None)
            print(f"{key}: no interval, since {options.name} is never given these alone")
            continue
        try:
            found = calibrate_volume(volume_ratios(own))
        except ValueError as error:
            if len(reports) > 1 or "sets" not in reports[0]:
                raise
            # A set that misses too many patients leaves the others their intervals.
            card.get("volume_interval", {}).pop(key, None)
            print(f"{key}: no interval, {error}")
            continue
        card.setdefault("volume_interval", {})[key] = found.as_dict()
        print(f"{key}: {in_words(found)}")
    write_toml(path, card)


def _is_read(card: Mapping[str, Any], shown: set[str]) -> bool:
    """Whether a visit with nothing but the sequences ``shown`` is read at all in use."""
    needs = card.get("reading", {}).get("needs", ())
    return not needs or suffices(needs, shown)


def _by_sequences(
    reports: list[dict[str, Any]], sequence: str | None
) -> dict[str, list[dict[str, Any]]]:
    """The reports to calibrate from, by what was shown to the model."""
    crossed = [report for report in reports if "sets" in report]
    if crossed and (len(reports) > 1 or sequence):
        raise ValueError("a report of crossvalidate stands alone and names its sequences itself")
    if crossed:
        return {names: [regions["whole"]] for names, regions in crossed[0]["sets"].items()}
    if sequence is None:
        raise ValueError("please say which sequences were read (--sequence FLAIR)")
    return {sequence: reports}


def in_words(found: VolumeInterval) -> str:
    low, high = found.coverage_interval
    share = found.covered / found.patients
    return (
        f"{found.level:.0%} interval: {found.low:.3f} to {found.high:.3f} times the model's "
        f"volume, from {found.patients} patients; {found.covered} of them lie in an interval made "
        f"without them ({share:.0%}, 95 % interval {low:.0%} to {high:.0%})"
    )
