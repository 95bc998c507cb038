"""Time the way from a volume's file to its mask's file, stage by stage."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from ml.benchmark.head import write_head
from ml.benchmark.report import Report
from ml.benchmark.run import run_benchmark
from ml.engines.choose import ENGINES
from ml.geometry import ImageKind
from ml.routing import choose_reading

SEQUENCES = ("FLAIR", "T1", "T1ce", "T2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", type=Path, help="default: a generated head of 240 x 240 x 155")
    parser.add_argument("--sequence", choices=SEQUENCES, default="FLAIR")
    parser.add_argument("--model", help="default: the one that ships for the sequence")
    parser.add_argument("--weights", type=Path, help="default: those that ship")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--json", type=Path)


def run(options: argparse.Namespace) -> None:
    if options.input:
        report = _run(options, options.input)
    else:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "generated-head.nii.gz"
            print(f"a generated head with a brain of {write_head(path):.2f} L")
            report = _run(options, path)
    print(report.as_table())
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report.as_dict(), indent=2) + "\n", encoding="utf-8")


def _run(options: argparse.Namespace, path: Path) -> Report:
    return run_benchmark(
        path,
        name=options.model or choose_reading(options.sequence, ImageKind.VOLUME).card.name,
        sequence=options.sequence,
        weights=options.weights,
        engine=options.engine,
    )
