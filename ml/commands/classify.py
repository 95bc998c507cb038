"""Name the type of tumour on one contrast-enhanced T1 slice: probabilities, or "uncertain"."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ml.errors import InvalidVolumeError
from ml.geometry import ImageKind
from ml.prediction import make_stack
from ml.stacks import AxialStack
from ml.tumour_type import TypeFinding, TypeModel, load_type_model
from ml.tumour_type.colours import lay_over
from ml.tumour_type.evidence import find_evidence
from ml.tumour_type.model import SEQUENCE
from ml.volumes import load_image

NOTICE = "Research software, not for diagnosis. The model knows no other tumours than these."
A_VOLUME = (
    "A type is named on one slice, but this is a volume. Please save the slice with the tumour as "
    "PNG or TIFF and name that file."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, help="a contrast-enhanced T1 slice: PNG, JPEG or TIFF")
    parser.add_argument(
        "--weights",
        type=Path,
        help="other weights (.safetensors), card beside them; default: those that ship",
    )
    parser.add_argument("--json", type=Path, help="write the answer there instead of printing it")
    parser.add_argument(
        "--evidence", type=Path, help="also draw what spoke for the likeliest type over the slice"
    )


def run(options: argparse.Namespace) -> None:
    image = load_image(options.input)
    if image.geometry.kind is not ImageKind.PICTURE:
        raise InvalidVolumeError(A_VOLUME)
    model = load_type_model(options.weights)
    stack = make_stack(image, sequence=SEQUENCE)
    found = model.name(stack)
    if options.evidence:
        _draw(model, stack, found, options.evidence)
    text = json.dumps(_report(model, found), indent=2, ensure_ascii=False)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


def _report(model: TypeModel, found: TypeFinding) -> dict[str, Any]:
    card = model.card
    return {
        "model": {"name": card.name, "version": card.version},
        "verdict": found.verdict,
        "likeliest": found.likeliest,
        "probabilities": {name: round(p, 4) for name, p in found.probabilities.items()},
        "certain_from": card.calibration.certain_from,
        "calibrated_on_pictures": card.calibration.pictures,
        **{
            name: card.about[name]
            for name in ("seen", "not_seen", "confounded")
            if name in card.about
        },
        "notice": NOTICE,
    }


def _draw(model: TypeModel, stack: AxialStack, found: TypeFinding, path: Path) -> None:
    evidence = find_evidence(model, stack, of=found.likeliest)
    grey = stack.reference[0].astype("float32")
    lay_over(grey, evidence).save(path)
