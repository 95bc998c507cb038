"""The type of tumour on a contrast-enhanced T1 slice, beside the mask and independent of it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ml.geometry import ImageKind
from ml.intensity import FloatArray
from ml.prediction import make_stack
from ml.preparation import resize_plane
from ml.tumour_type import TypeModel, type_model_ships
from ml.tumour_type.colours import paint_evidence
from ml.tumour_type.evidence import find_evidence
from ml.tumour_type.model import NAME, SEQUENCE, cached_type_model
from ml.volumes import MedicalImage
from patients.models import Scan
from segmentation.files import PREVIEWS, preview_path
from segmentation.found import Addition
from segmentation.models import Segmentation
from segmentation.previews import plan_atlas

log = logging.getLogger(__name__)
FIELD = "tumour_type"
EVIDENCE = "evidence"
BROKEN = (
    "The type could not be worked out: the model for it is missing or damaged on the server. "
    "Please tell support."
)
# What a model can fail with that is not whole, or not the one that its card describes. A time
# limit and a lack of memory are none of these: they end the run, as everywhere.
FAULTS = (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError)
OF_THE_CARD = ("seen", "not_seen", "confounded")
NOTHING: dict[str, Any] = dict.fromkeys(
    ("model", "version", "sha256", "probabilities", "verdict", "certain_from", "calibrated_on"),
) | {"evidence_of": "", "seen": [], "not_seen": [], "confounded": "", "of_version": None}
"""Every fact, for a type that could not be worked out; ``without`` then says why."""


def is_nameable(scan: Scan) -> bool:
    """Whether it is what the model for types reads: one picture, declared T1 with contrast."""
    return scan.kind == ImageKind.PICTURE and scan.sequence == SEQUENCE


def name_type(scan: Scan, image: MedicalImage) -> tuple[Addition, ...]:
    """The type with the picture of its evidence; nothing for another scan, or without a model.

    A model that is damaged costs no mask: it is logged, and the facts say that there is no type.
    """
    if not (is_nameable(scan) and type_model_ships()):
        return ()
    try:
        return (_ask(cached_type_model(), image),)
    except FAULTS:
        log.exception("the type on scan %s could not be worked out", scan.pk)
        return (Addition(FIELD, {**NOTHING, "model": NAME, "without": BROKEN}),)


def _ask(model: TypeModel, image: MedicalImage) -> Addition:
    stack = make_stack(image, sequence=SEQUENCE)
    found = model.name(stack)
    evidence = find_evidence(model, stack, of=found.likeliest)
    card = model.card
    facts = {
        **NOTHING,
        "model": card.name,
        "version": card.version,
        "sha256": card.sha256,
        "probabilities": {name: round(p, 6) for name, p in found.probabilities.items()},
        "verdict": found.verdict,
        "certain_from": card.calibration.certain_from,
        "calibrated_on": card.calibration.pictures,
        "evidence_of": found.likeliest if evidence.any() else "",
        # As its card says now: a later card is of a later model.
        **{name: card.about[name] for name in OF_THE_CARD if name in card.about},
        "without": "",
    }
    return Addition(FIELD, facts, lambda folder: write_evidence(folder, evidence))


def write_evidence(folder: Path, evidence: FloatArray) -> None:
    """Lays the evidence (H, W) beside the previews, as large as the tile of the slice in them."""
    if not evidence.any():
        return
    layout = plan_atlas((1, *evidence.shape), None)
    tile = resize_plane(evidence, (layout.tile_height, layout.tile_width))
    name, _ = PREVIEWS[EVIDENCE]
    paint_evidence(tile).save(folder / "previews" / name, optimize=True)


def carry_type(scan: Scan, base: Segmentation | None) -> tuple[Addition, ...]:
    """The type that ``base`` has, for a version that a person makes from it.

    It is the picture's and not the mask's, so it stays as it is, under the version that it was
    worked out for; nothing where the scan is declared to be something else by now.
    """
    if base is None or not base.tumour_type or not is_nameable(scan):
        return ()
    known = dict(base.tumour_type)
    source = preview_path(base, EVIDENCE)
    if not source.exists():
        known["evidence_of"] = ""
    facts = {**known, "of_version": known.get("of_version") or base.version}

    def copy(folder: Path) -> None:
        if known["evidence_of"]:
            shutil.copyfile(source, folder / "previews" / source.name)

    return (Addition(FIELD, facts, copy),)
