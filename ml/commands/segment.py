"""Segment one file as the worker does; or several sequences of one visit together."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ml.atlas import fit_scan
from ml.engines.choose import ENGINES
from ml.geometry import ImageKind
from ml.glioma import predict_glioma
from ml.measures.report import full_report
from ml.models import Model, load_model
from ml.place import Convention
from ml.prediction import predict_mask
from ml.routing import choose_reading
from ml.study import SEQUENCES as TOGETHER
from ml.volumes import MedicalImage, load_image, mask_suffix, write_mask

SEQUENCES = ("FLAIR", "T1", "T1ce", "T2", "COMPOSITE")
GLIOMA = "glioma"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path)
    parser.add_argument(
        "--sequence", choices=SEQUENCES, help="default: FLAIR, or COMPOSITE in colour"
    )
    parser.add_argument(
        "--also",
        type=read_also,
        action="append",
        default=[],
        metavar="SEQUENCE=FILE",
        help="another volume of the same visit, such as T1ce=t1ce.nii.gz",
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--weights", type=Path, help="default: those that ship")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--unreliable-spacing", action="store_true")
    parser.add_argument(
        "--convention", type=Convention, choices=list(Convention), default=Convention.UNKNOWN
    )


def read_also(text: str) -> tuple[str, Path]:
    """A sequence and its file, from ``T1ce=t1ce.nii.gz``."""
    name, separator, path = text.partition("=")
    if not separator or name not in TOGETHER or not path:
        known = ", ".join(TOGETHER)
        raise argparse.ArgumentTypeError(f"'{text}' is not SEQUENCE=FILE with one of {known}")
    return name, Path(path)


def run(options: argparse.Namespace) -> None:
    image = load_image(options.input)
    suffix = mask_suffix(image.geometry)
    if not options.out.name.endswith(suffix):
        raise ValueError(f"The mask of this file is stored as {suffix}; please name --out so.")
    colour = image.geometry.kind is ImageKind.PICTURE and image.values.shape[0] == 3
    sequence = options.sequence or ("COMPOSITE" if colour else "FLAIR")
    report = {
        **(_together if options.also else _alone)(options, image, sequence),
        "geometry": image.geometry.as_dict(),
        "notice": "Research software, not for diagnosis.",
    }
    text = json.dumps(report, indent=2)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


def _alone(options: argparse.Namespace, image: MedicalImage, sequence: str) -> dict[str, Any]:
    model = _model(options, sequence, image.geometry.kind)
    prediction = predict_mask(
        model,
        image,
        sequence=sequence,
        spacing_is_reliable=not options.unreliable_spacing,
        convention=options.convention,
    )
    write_mask(options.out, prediction.mask, like=options.input, geometry=image.geometry)
    return {
        "model": {"name": model.card.name, "version": model.card.version},
        "sequence": sequence,
        "result": prediction.measurement.as_dict(),
    }


def _model(options: argparse.Namespace, sequence: str, kind: ImageKind) -> Model:
    """The one that fits the scan; of given weights, that of their card."""
    if options.weights:
        return load_model(weights=options.weights, engine=options.engine)
    return load_model(choose_reading(sequence, kind).card.name, engine=options.engine)


def _together(options: argparse.Namespace, image: MedicalImage, sequence: str) -> dict[str, Any]:
    """All sequences on the grid of the input, with each part's own figures."""
    images = {sequence: image}
    for name, path in options.also:
        if name in images:
            raise ValueError(f"{name} is given twice.")
        images[name] = load_image(path)
    model = load_model(GLIOMA, weights=options.weights, engine=options.engine)
    reliable = not options.unreliable_spacing
    found = predict_glioma(
        model,
        images,
        onto=sequence,
        spacing_is_reliable=reliable,
        fit=fit_scan(image, spacing_is_reliable=reliable),
    )
    write_mask(options.out, found.mask, like=options.input, geometry=image.geometry)
    values = {name: value for value, name in found.labels.items()}
    return {
        "model": {"name": model.card.name, "version": model.card.version},
        "sequences": list(found.study.sequences),
        "placed": found.study.placed,
        "left_out": found.study.left_out,
        "brain": found.study.brain,
        "labels": {str(value): name for value, name in found.labels.items()},
        "result": full_report(found.measurement, values),
    }
