"""The demo patients' truth is known, so what the shipped model finds there can be held to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.metrics import measure_agreement
from ml.models import load_model
from ml.phantom import write_phantom
from ml.prediction import predict_mask
from ml.volumes import load_image
from segmentation.demo import COURSE, grow_visit


@pytest.mark.parametrize("number", [0, 2])
def test_the_shipped_model_finds_the_simulated_lesion(number: int, tmp_path: Path) -> None:
    phantom = grow_visit(COURSE[number], seed=25, number=number)
    path = tmp_path / "visit.nii.gz"
    write_phantom(phantom, path)

    prediction = predict_mask(load_model(), load_image(path), sequence="FLAIR")

    found = measure_agreement(prediction.mask.astype(bool), phantom.truth)
    assert found.dice > 0.7
    assert found.recall > 0.8
    assert prediction.measurement.lesions[0].place.words == "left, anterior, superior"
