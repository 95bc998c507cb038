"""Score a model on a labelled data set: figures with intervals, and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ml.datasets.figshare import has_judged, iterate_types, list_unjudged
from ml.datasets.regions import REGIONS, WHOLE
from ml.datasets.registry import READERS
from ml.datasets.splits import PARTS, read_split
from ml.engines.choose import ENGINES
from ml.evaluation.gallery import Gallery
from ml.evaluation.pictures import write_pictures
from ml.evaluation.report import ALL_SLICES, TUMOUR_SLICES, evaluate_dataset, write_report
from ml.evaluation.selection import ALL, Sequences, read_patients
from ml.evaluation.tables import as_markdown, as_table
from ml.evaluation.type_pictures import write_type_pictures
from ml.evaluation.types import ask_types, score_types, types_as_table
from ml.models import DEFAULT_MODEL, file_sha256, load_model
from ml.tumour_type import load_type_model, type_model_ships

# The model for a data set that the usual one does not read.
MODELS = {"types": "t1ce_slices"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=sorted(READERS), required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", help="one that ships; default: the one for the data set")
    parser.add_argument(
        "--weights",
        type=Path,
        help="other weights; their card (the same name, .toml) describes the network where it "
        "lies beside them, else --model does",
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--patients", type=Path, help="a text file, one patient a line")
    chosen.add_argument("--split", type=Path, help="a split such as ml/splits/lgg.toml")
    parser.add_argument("--part", choices=PARTS, default="test", help="the part of --split")
    parser.add_argument(
        "--channels",
        default=ALL,
        help="all, flair, or sequences such as FLAIR,T1ce: what the model is shown",
    )
    parser.add_argument(
        "--slices",
        choices=(ALL_SLICES, TUMOUR_SLICES),
        default=ALL_SLICES,
        help="score all slices, or only those whose reference has tumour",
    )
    parser.add_argument(
        "--alone", action="store_true", help="read each slice as a picture, without the others"
    )
    parser.add_argument("--region", choices=REGIONS, default=WHOLE, help="which one is scored")
    parser.add_argument(
        "--type-weights", type=Path, help="of types: other weights of the model that names them"
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, help="the table as Markdown")
    parser.add_argument("--pictures", type=Path, help="a folder for worst and best cases, charts")


def run(options: argparse.Namespace) -> None:
    patients = None
    if options.patients:
        patients = read_patients(options.patients)
    elif options.split:
        patients = set(read_split(options.split).part(options.part))
    if options.dataset == "types":
        report, gallery = _evaluate_types(options, patients)
    else:
        report, gallery = _evaluate_masks(options, patients)
    write_report(options.json, report)
    if "by_patient" in report:
        if options.markdown:
            options.markdown.parent.mkdir(parents=True, exist_ok=True)
            options.markdown.write_text(as_markdown(report), encoding="utf-8")
        if options.pictures:
            write_pictures(options.pictures, report, gallery)
        print(as_table(report))
    if "types" in report:
        print(types_as_table(report["types"]))


def _evaluate_masks(
    options: argparse.Namespace, patients: set[str] | None
) -> tuple[dict[str, Any], Gallery]:
    name = options.model or MODELS.get(options.dataset, DEFAULT_MODEL)
    report, findings = evaluate_dataset(
        load_model(name, weights=options.weights, engine=options.engine),
        dataset=options.dataset,
        root=options.root,
        patients=patients,
        sequences=Sequences(options.channels),
        slices=options.slices,
        region=options.region,
        alone=options.alone,
        seed=options.seed,
    )
    if options.weights:
        report["weights"] = {"file": options.weights.name, "sha256": file_sha256(options.weights)}
    return report, findings.gallery


def _evaluate_types(
    options: argparse.Namespace, folds: set[str] | None
) -> tuple[dict[str, Any], Gallery]:
    """The report on masks and types under a few plain figures; ``dice`` is the mean over the slices
    that have a mask, None where none has."""
    report: dict[str, Any] = {"dataset": "types"}
    plain: dict[str, Any] = {"dice": None}
    gallery = Gallery()
    if has_judged(options.root, folds):
        report, gallery = _evaluate_masks(options, folds)
        plain["dice"] = report["by_slice"]["dice_tumour_slices"]["mean"]
        report["excluded"] = report["excluded"] + list_unjudged(options.root, folds)
    if options.type_weights is None and not type_model_ships():
        return plain | report, gallery
    model = load_type_model(options.type_weights)
    slices = list(iterate_types(options.root, folds))
    known = [one for one in slices if one.label in model.card.classes]
    answers = ask_types(model, known)
    if options.pictures:
        title = f"{model.card.name} {model.card.version}, {len(answers.truth)} pictures"
        write_type_pictures(options.pictures, answers, title=title)
    types = score_types(answers) | {"other_labels": len(slices) - len(known)}
    named = {name: types[name] for name in ("accuracy", "accuracy_three_class")}
    return named | plain | report | {"types": types}, gallery
