"""Segment one file as the worker does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ml.engines.choose import ENGINES
from ml.models import card_for, load_model
from ml.place import Convention
from ml.prediction import predict_mask
from ml.volumes import load_image, mask_suffix, write_mask

SEQUENCES = ("FLAIR", "T1", "T1ce", "T2", "COMPOSITE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path)
    parser.add_argument(
        "--sequence", choices=SEQUENCES, help="default: FLAIR, or COMPOSITE in colour"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--weights", type=Path, help="default: those that ship")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--unreliable-spacing", action="store_true")
    parser.add_argument(
        "--convention", type=Convention, choices=list(Convention), default=Convention.UNKNOWN
    )


def run(options: argparse.Namespace) -> None:
    image = load_image(options.input)
    suffix = mask_suffix(image.geometry)
    if not options.out.name.endswith(suffix):
        raise ValueError(f"The mask of this file is stored as {suffix}; please name --out so.")
    sequence = options.sequence or ("COMPOSITE" if image.values.shape[0] == 3 else "FLAIR")
    model = load_model(card_for(sequence).name, weights=options.weights, engine=options.engine)
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
