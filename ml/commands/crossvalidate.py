"""Judge the runs of a cross-validation together, each on the patients that it never saw."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

from ml.engines.choose import ENGINES
from ml.evaluation.crossvalidation import (
    Runs,
    as_table,
    find_thresholds,
    judge_runs,
    judged_source,
    report_folds,
)
from ml.training.config import read_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="such as ml/configs/glioma.toml")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--runs", type=Path, default=Path("var/training"), help="where they lie")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--shown",
        nargs="+",
        metavar="SEQUENCES",
        help="sets of sequences such as FLAIR,T1ce; default: all that the model reads",
    )
    parser.add_argument(
        "--thresholds",
        type=float,
        nargs="+",
        help="draw each fold with that of these which suits the others best; default: the card's",
    )
    parser.add_argument("--processes", type=int, default=1, help="that judge at the same time")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--json", type=Path, required=True)


def run(options: argparse.Namespace) -> None:
    config = read_config(options.config)
    everything = config.preparation.channels
    shown = [tuple(names.split(",")) for names in options.shown or [",".join(everything)]]
    runs = Runs(config, options.runs, options.data, options.engine)
    chosen = None
    if options.thresholds:
        chosen = find_thresholds(
            runs, folds=options.folds, thresholds=options.thresholds, processes=options.processes
        )
        runs = replace(runs, thresholds=chosen.by_fold)
        print(f"drawn from {chosen.by_fold}; from all folds together: {chosen.of_all}")
    kept = judge_runs(runs, folds=options.folds, shown=shown, processes=options.processes)
    report = {
        "config": config.name,
        "dataset": config.sources[judged_source(config)].dataset,
        "folds": options.folds,
        **({} if chosen is None else {"thresholds": asdict(chosen)}),
        **report_folds(kept, seed=options.seed),
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print(as_table(report))
