"""Name the type of tumour on one picture, with probabilities."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ml.prediction import make_stack
from ml.tumour_type import load_type_model
from ml.tumour_type.model import SEQUENCE
from ml.volumes import load_image

NOTICE = "Research software, not for diagnosis. The model knows no other tumours than these."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, help="a contrast-enhanced T1 slice: PNG, JPEG or TIFF")
    parser.add_argument("--weights", type=Path, help="default: those that ship")
    parser.add_argument("--json", type=Path)


def run(options: argparse.Namespace) -> None:
    model = load_type_model(options.weights)
    stack = make_stack(load_image(options.input), sequence=SEQUENCE)
    if stack.pixels.shape[1] != 1:
        raise ValueError("A type is named on one slice, but this is a volume.")
    found = model.name(stack)
    report = {
        "model": {"name": model.card.name, "version": model.card.version},
        "verdict": found.verdict,
        "probabilities": {name: round(p, 4) for name, p in found.probabilities.items()},
        "certain_from": model.card.calibration.certain_from,
        "notice": NOTICE,
    }
    text = json.dumps(report, indent=2)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
