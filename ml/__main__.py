"""The command line: ``python -m ml train | evaluate | segment``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ml.datasets.cases import DatasetError
from ml.datasets.splits import PARTS, read_split
from ml.errors import InvalidVolumeError, NoModelError
from ml.evaluation import DATASETS, as_table, evaluate_dataset, read_patients, write_report
from ml.models import DEFAULT_MODEL, card_for, load_model
from ml.place import Convention
from ml.prediction import predict_mask
from ml.training.config import read_config
from ml.training.loop import train
from ml.volumes import load_image, mask_suffix, write_mask

SEQUENCES = ("FLAIR", "T1", "T1ce", "T2", "COMPOSITE")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands.add_parser("train", help="train a network from a configuration"))
    _add_evaluate(commands.add_parser("evaluate", help="score a model on a labelled data set"))
    _add_segment(commands.add_parser("segment", help="segment one file as the worker does"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, help="default: var/training/<name>")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.set_defaults(run=run_train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=sorted(DATASETS), required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--weights", type=Path, help="default: those that ship")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--patients", type=Path, help="a text file, one patient a line")
    chosen.add_argument("--split", type=Path, help="a split such as ml/splits/lgg.toml")
    parser.add_argument("--part", choices=PARTS, default="test", help="the part of --split")
    parser.add_argument("--channels", choices=("all", "flair"), default="all")
    parser.add_argument("--json", type=Path, required=True)
    parser.set_defaults(run=run_evaluate)


def _add_segment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path)
    parser.add_argument(
        "--sequence", choices=SEQUENCES, help="default: FLAIR, or COMPOSITE in colour"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--unreliable-spacing", action="store_true")
    parser.add_argument(
        "--convention", type=Convention, choices=list(Convention), default=Convention.UNKNOWN
    )
    parser.set_defaults(run=run_segment)


def run_train(options: argparse.Namespace) -> None:
    config = read_config(
        options.config,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
    )
    output = options.output or Path("var/training") / config.name
    print(train(config, data_root=options.data, output=output, resume=options.resume))


def run_evaluate(options: argparse.Namespace) -> None:
    patients = None
    if options.patients:
        patients = read_patients(options.patients)
    elif options.split:
        patients = set(read_split(options.split).part(options.part))
    report = evaluate_dataset(
        load_model(options.model, weights=options.weights),
        dataset=options.dataset,
        root=options.root,
        patients=patients,
        use_flair_only=options.channels == "flair",
    )
    write_report(options.json, report)
    print(as_table(report))


def run_segment(options: argparse.Namespace) -> None:
    image = load_image(options.input)
    suffix = mask_suffix(image.geometry)
    if not options.out.name.endswith(suffix):
        raise ValueError(f"The mask of this file is stored as {suffix}; please name --out so.")
    sequence = options.sequence or ("COMPOSITE" if image.values.shape[0] == 3 else "FLAIR")
    model = load_model(card_for(sequence).name)
    prediction = predict_mask(
        model,
        image,
        sequence=sequence,
        spacing_is_reliable=not options.unreliable_spacing,
        convention=options.convention,
    )
    write_mask(options.out, prediction.mask, like=options.input, geometry=image.geometry)
    report = {
        "model": {"name": model.card.name, "version": model.card.version},
        "sequence": sequence,
        "geometry": image.geometry.as_dict(),
        "result": prediction.measurement.as_dict(),
        "notice": "Research software, not for diagnosis.",
    }
    text = json.dumps(report, indent=2)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except (InvalidVolumeError, NoModelError, DatasetError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
