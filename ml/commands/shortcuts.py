"""Test whether the model that names types knows tumours or the scanners of the pictures."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ml.datasets.figshare import iterate_types
from ml.datasets.splits import PARTS, read_split
from ml.evaluation.shortcuts import as_table, run_shortcuts, tumour_free_slices
from ml.tumour_type import load_type_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, required=True, help="the folder with index.csv")
    parser.add_argument("--fold", default="fold-4")
    parser.add_argument("--lgg", type=Path, help="LGG volumes, for slices without tumour")
    parser.add_argument("--split", type=Path, help="of them, such as ml/splits/lgg.toml")
    parser.add_argument("--part", choices=PARTS, default="test", help="the part of --split")
    parser.add_argument("--weights", type=Path, help="default: those that ship")
    parser.add_argument("--json", type=Path)


def run(options: argparse.Namespace) -> None:
    if (options.lgg is None) != (options.split is None):
        raise ValueError("--lgg and --split go together")
    free = []
    if options.lgg is not None:
        patients = set(read_split(options.split).part(options.part))
        free = list(tumour_free_slices(options.lgg, patients))
    slices = list(iterate_types(options.root, {options.fold}))
    trials = run_shortcuts(load_type_model(options.weights), slices, tumour_free=free)
    if options.json:
        rows = [asdict(one) for one in trials]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(as_table(trials))
