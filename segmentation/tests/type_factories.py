"""A model that names types as it is told to, pictures to name, and the facts that it leaves."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from django.test import Client
from PIL import Image
from torch import Tensor, nn

from clinic.models import Clinic
from ml import models
from ml.datasets.figshare import NO_TUMOUR, TUMOURS
from ml.models import Model
from ml.networks.build import NetworkSpec
from ml.preparation import Preparation
from ml.tests import factories as heads
from ml.tumour_type import TypeModel
from ml.tumour_type.calibration import Calibration
from ml.tumour_type.model import TypeCard
from patients.models import Scan
from patients.models import Sequence as ScanSequence
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation import naming, pipeline
from segmentation.models import Segmentation
from segmentation.selectors import tumour_type
from segmentation.tests.factories import ScanFactory, SegmentationFactory

CLASSES = (*TUMOURS, NO_TUMOUR)
ABOUT = {
    "seen": ["Slices with one of three tumours"],
    "not_seen": ["Any other tumour", "Operated heads"],
    "confounded": "Slices without a tumour come from other scanners.",
}
PICTURE = {
    "kind": "picture",
    "file_format": "PNG",
    "shape": [96, 96],
    "slice_count": 1,
    "spacing_mm": None,
    "affine": None,
    "orientation": "",
    "sequence": ScanSequence.T1CE,
}
"""Fields of a scan that is a contrast-enhanced T1 picture."""


class AsTold(nn.Module):
    """Says the class ``said`` with the logit ``sure``; what is bright speaks for it, or against."""

    def __init__(self, said: str, sure: float, evidence: float) -> None:
        super().__init__()
        layer = nn.Conv2d(1, 1, 1)
        nn.init.ones_(layer.weight)
        nn.init.constant_(layer.bias, -1.0)
        self.top = nn.Sequential(layer, nn.ReLU())
        self.said = nn.functional.one_hot(torch.tensor(CLASSES.index(said)), 4).float()
        self.sure, self.evidence = sure, evidence

    def forward(self, pictures: Tensor) -> Tensor:
        bright = self.top(pictures).mean(dim=(1, 2, 3))
        return self.said * (self.sure + self.evidence * (bright - bright.detach()))[:, None]


def type_model(
    said: str = "glioma", *, sure: float = 4.0, certain_from: float = 0.8, evidence: float = 1.0
) -> TypeModel:
    card = TypeCard(
        "types", "3", ("T1ce",), CLASSES, "f" * 64, NetworkSpec(),
        Preparation(channels=("T1ce",), frame="fit", side=64),
        Calibration(certain_from=certain_from, pictures=628, fold="fold-3"), ABOUT,
    )  # fmt: skip
    return TypeModel(card, AsTold(said, sure, evidence))


def install(monkeypatch: pytest.MonkeyPatch, model: TypeModel | Exception | None) -> None:
    """``model`` in place of what ships: an exception is what loading it raises, None ships none."""

    def load() -> TypeModel:
        if isinstance(model, TypeModel):
            return model
        raise model or FileNotFoundError

    for module in (naming, tumour_type):
        monkeypatch.setattr(module, "type_model_ships", lambda: model is not None)
    monkeypatch.setattr(naming, "cached_type_model", load)


def draw_t1ce(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model that marks what is bright on T1ce pictures, in place of what ships."""
    usual = heads.threshold_model(level=2.0, channel=2)
    model = replace(usual, card=replace(usual.card, sequences=("T1ce",), kinds=("picture",)))
    monkeypatch.setattr(models, "shipped_cards", lambda: (model.card,))
    monkeypatch.setattr(pipeline, "cached_model", lambda _name: model)
    return model


def t1ce_bytes(*, tumour: bool = True, size: tuple[int, int] = (96, 96)) -> bytes:
    """A disc of tissue as PNG, (H, W), with a bright square in it."""
    rows, columns = np.indices(size)
    inside = np.hypot(rows - size[0] / 2, columns - size[1] / 2) < 0.4 * min(size)
    pixels = np.where(inside, 70 + (7 * rows + 3 * columns) % 20, 0).astype(np.uint8)
    if tumour:
        middle, edge = (size[0] // 2, size[1] // 2), min(size) // 8
        pixels[middle[0] - edge : middle[0], middle[1] : middle[1] + edge] = 250
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def type_facts(
    probabilities: Sequence[float] = (0.03, 0.94, 0.02, 0.01), **changes: Any
) -> dict[str, Any]:
    """What a result keeps of a type; meningioma, glioma, pituitary, none."""
    by_name = dict(zip(CLASSES, probabilities, strict=True))
    best = max(by_name, key=by_name.__getitem__)
    return {
        "model": "types", "version": "3", "sha256": "f" * 64, "probabilities": by_name,
        "verdict": best if by_name[best] >= 0.8 else "uncertain", "certain_from": 0.8,
        "calibrated_on": 628, "evidence_of": best, "of_version": None, "without": "",
        **ABOUT, **changes,
    }  # fmt: skip


def typed_result(scan: Scan, **fields: Any) -> Segmentation:
    """A model's result on a picture, with its type."""
    layout = {"count": 1, "columns": 1, "tile_width": 96, "tile_height": 96}
    usual = {"tumour_type": type_facts(), "preview": layout, "volume_ml": None, "key_slice": 1}
    row: Segmentation = SegmentationFactory(scan=scan, succeeded=True, **{**usual, **fields})
    return row


def picture(clinic: Clinic, **of: Any) -> Scan:
    study = StudyFactory(patient=PatientFactory(clinic=clinic))
    """A scan that is a contrast-enhanced T1 picture of a patient of the clinic."""
    scan: Scan = ScanFactory(**{"study": study, "content": t1ce_bytes(), **PICTURE, **of})
    return scan


def page(browser: Client, row: Segmentation, room: str = "") -> str:
    """The result's page, or its reading room (``read/``), with every space alike."""
    text = browser.get(f"/scans/{row.scan_id}/{room}?version={row.pk}").content.decode()
    return re.sub(r"\s+", " ", text)
