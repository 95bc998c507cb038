"""Compare two models by what ``evaluate`` wrote of each, patient by patient."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ml.evaluation.paired import CASE, PATIENT, PairedDifference, compare_reports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, help="the JSON of one model")
    parser.add_argument("second", type=Path, help="the JSON of the other, on the same patients")
    parser.add_argument("--metric", default="dice", help="such as dice, iou, precision, recall")
    parser.add_argument(
        "--by",
        choices=(PATIENT, CASE),
        default=PATIENT,
        help="case: each slice by itself, where nobody knows whose it is",
    )
    parser.add_argument("--common", action="store_true", help="only those who are in both reports")


def run(options: argparse.Namespace) -> None:
    first, second = (json.loads(path.read_text()) for path in (options.first, options.second))
    found = compare_reports(
        first, second, metric=options.metric, by=options.by, common=options.common
    )
    print(in_words(found))


def in_words(found: PairedDifference) -> str:
    between = ""
    if found.interval is not None:
        low, high = found.interval
        between = f" (95 % interval {low:+.3f} to {high:+.3f})"
    return (
        f"{found.metric} by {found.by}, {found.count} {found.by}s: {found.first:.3f} and "
        f"{found.second:.3f}, difference {found.difference:+.3f}{between}; the first is higher in "
        f"{found.better}, equal in {found.equal}"
    )
