"""Split a data set by patient and write the split down."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml.datasets.registry import PATIENT_LISTS
from ml.datasets.splits import PARTS, PatientSplit, make_folds, make_split, write_split


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=sorted(PATIENT_LISTS), required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--validation", type=_share, default=0.15, help="share of the patients")
    parser.add_argument("--test", type=_share, default=0.2, help="share of the patients")
    parser.add_argument("--always-test", nargs="+", default=[], metavar="PATIENT")
    parser.add_argument(
        "--folds",
        type=int,
        help="cross-validation: write <out>-1.toml and so on, and <out>-0.toml for what ships, "
        "which trains on everybody but --always-test",
    )
    parser.add_argument(
        "--spread",
        nargs="+",
        default=[],
        metavar="PATIENT",
        help="of a rare kind: dealt to the folds first, so that none has more than it must",
    )
    parser.add_argument("--out", type=Path, required=True, help="such as ml/splits/lgg.toml")


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to 1")
    return share


def run(options: argparse.Namespace) -> None:
    patients = PATIENT_LISTS[options.dataset](options.root)
    header = f"{options.dataset}: {len(patients)} patients, split by patient with\n"
    always = tuple(options.always_test)
    absent = {*always, *options.spread} - set(patients)
    if absent:
        raise ValueError(f"{options.root} does not hold {', '.join(sorted(absent))}")
    if options.folds:
        _write_folds(patients, header, options)
        return
    split = make_split(
        patients,
        seed=options.seed,
        validation_share=options.validation,
        test_share=options.test,
        always_test=always,
    )
    if not split.train:
        raise ValueError("the validation and test parts leave nobody to train with")
    header += (
        f"make_split(seed={options.seed}, validation_share={options.validation}, "
        f"test_share={options.test}, always_test={always})."
    )
    _write(options.out, split, header)


def _write_folds(patients: list[str], header: str, options: argparse.Namespace) -> None:
    spread = tuple(options.spread)
    folds = make_folds(patients, count=options.folds, seed=options.seed, spread=spread)
    how = f"make_folds(count={options.folds}, seed={options.seed}, spread={spread}), fold"
    for number, split in enumerate(folds, start=1):
        _write(_numbered(options.out, number), split, f"{header}{how} {number}.")
    test = frozenset(options.always_test)
    ships = PatientSplit(frozenset(patients) - test, frozenset(), test)
    words = f"nobody left out but {', '.join(sorted(test))}" if test else "nobody left out"
    _write(_numbered(options.out, 0), ships, f"{header}{words}: for what ships.")


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _write(path: Path, split: PatientSplit, header: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_split(path, split, header=header)
    counts = ", ".join(f"{len(split.part(name))} {name}" for name in PARTS)
    print(f"{path}: {counts}")
