"""A glioma's parts from the sequences of one visit, on the grid of the scan that was named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.__main__ import main
from ml.atlas import TemplateFit
from ml.cards import write_toml
from ml.commands import segment
from ml.datasets.regions import REGIONS
from ml.engines.torch_engine import TorchEngine
from ml.errors import NoModelError
from ml.glioma import predict_glioma
from ml.models import Model, file_sha256
from ml.networks.build import read_network
from ml.preparation import Preparation
from ml.study import SEQUENCES
from ml.tests.factories import (
    ellipsoid,
    medical_image,
    nifti_bytes,
    reorient,
    threshold_model,
    write_bytes,
)
from ml.volumes import MedicalImage

SHAPE = (60, 72, 56)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
BRAIN = ellipsoid(SHAPE, (30, 36, 28), (26, 32, 25))
CENTRE = (20, 40, 30)
PARTS = {
    "whole": ellipsoid(SHAPE, CENTRE, (10, 10, 8)),
    "core": ellipsoid(SHAPE, CENTRE, (7, 7, 6)),
    "enhancing": ellipsoid(SHAPE, CENTRE, (4, 4, 3)),
}


class Bright(torch.nn.Module):
    """Whole tumour is bright on FLAIR, core and enhancing tumour brighter on T1ce."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        flair, t1ce = images[:, :1], images[:, 2:3]
        return 50 * torch.cat([flair - 0.7, t1ce - 0.6, t1ce - 0.85], dim=1)


def model() -> Model:
    card = replace(
        threshold_model().card,
        name="parts",
        regions=REGIONS,
        mirror=False,
        preparation=Preparation(channels=SEQUENCES, frame="square", side=72, scale="range"),
    )
    return Model(card, TorchEngine(Bright(), precision="f32"))


def volume(levels: dict[str, float]) -> np.ndarray:
    found = np.where(BRAIN, 100.0 + np.random.default_rng(0).normal(0, 2, SHAPE), 0.0)
    for part, level in levels.items():
        found[PARTS[part]] = level
    return found


def flair(codes: str = "RAS") -> MedicalImage:
    return medical_image(*reorient(volume({"whole": 250}), AFFINE, codes))


def t1ce(codes: str = "RAS") -> MedicalImage:
    levels = {"core": 180.0, "enhancing": 250.0}
    return medical_image(*reorient(volume(levels), AFFINE, codes))


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SRP"])
def test_the_parts_lie_where_they_are_on_the_grid_of_the_named_scan(codes: str) -> None:
    images = {"FLAIR": flair(codes), "T1ce": t1ce(codes)}
    found = predict_glioma(model(), images, onto="T1ce")
    assert found.mask.shape == images["T1ce"].values.shape
    assert set(np.unique(found.mask)) == {0, 1, 2, 4}
    for labels, part in (((1, 2, 4), "whole"), ((1, 4), "core"), ((4,), "enhancing")):
        expected, _ = reorient(PARTS[part], AFFINE, codes)
        assert overlap(np.isin(found.mask, labels), expected) > 0.9, part


def test_each_part_and_the_whole_are_measured() -> None:
    found = predict_glioma(model(), {"FLAIR": flair(), "T1ce": t1ce()}, onto="FLAIR").measurement
    millilitres = {name: part.volume_ml for name, part in found.labels.items()}
    voxel = 2 * 2 * 3 / 1000
    enhancing = PARTS["enhancing"].sum() * voxel
    assert millilitres["enhancing tumour"] == pytest.approx(enhancing, rel=0.15)
    assert found.union.volume_ml == pytest.approx(PARTS["whole"].sum() * voxel, rel=0.15)
    assert sum(v or 0.0 for v in millilitres.values()) == pytest.approx(found.union.volume_ml)


def test_without_contrast_there_is_the_whole_and_no_word_of_enhancement() -> None:
    found = predict_glioma(model(), {"FLAIR": flair()}, onto="FLAIR")
    assert found.labels == {1: "whole tumour"}
    assert set(np.unique(found.mask)) == {0, 1}
    assert found.measurement.labels.keys() == {"whole tumour"}


def test_a_sequence_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(NoModelError, match="does not read DWI"):
        predict_glioma(model(), {"FLAIR": flair(), "DWI": flair()}, onto="FLAIR")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """Weights as training leaves them: a small network of four channels and three regions."""
    torch.manual_seed(1)
    spec = read_network({"widths": [4, 8], "in_channels": 4, "out_channels": 3})
    weights = tmp_path / "glioma.safetensors"
    save_file(spec.build().state_dict(), weights)
    card = {
        "name": "glioma", "version": "1", "sequences": list(SEQUENCES), "threshold": 0.5,
        "least_voxels": 1, "sha256": file_sha256(weights), "regions": list(REGIONS),
        "labels": {"1": "necrosis and non-enhancing tumour"}, "network": spec.as_table(),
        "preparation": Preparation(channels=SEQUENCES, frame="square", side=64).as_table(),
    }  # fmt: skip
    write_toml(tmp_path / "glioma.toml", card)
    return weights


def test_the_command_reads_several_files_of_one_visit_together(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "fit_scan", lambda *_, **__: TemplateFit.refused("not tried"))
    files = {"FLAIR": volume({"whole": 250}), "T1ce": volume({"core": 180, "enhancing": 250})}
    for name, values in files.items():
        write_bytes(tmp_path / f"{name}.nii.gz", nifti_bytes(values.astype(np.float32), AFFINE))
    out, report = tmp_path / "mask.nii.gz", tmp_path / "report.json"
    also = f"T1ce={tmp_path / 'T1ce.nii.gz'}"
    arguments = [
        "segment", str(tmp_path / "FLAIR.nii.gz"), "--also", also, "--weights", str(shipped),
        "--out", str(out), "--json", str(report),
    ]  # fmt: skip
    assert main(arguments) == 0
    found = json.loads(report.read_text())
    assert found["sequences"] == ["FLAIR", "T1ce"]
    assert found["labels"].keys() == {"1", "2", "4"}
    assert found["result"]["labels"].keys() == set(found["labels"].values())
    mask = nib.load(out)
    assert mask.shape == SHAPE
    assert np.array_equal(mask.affine, AFFINE)
    assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1, 2, 4}


@pytest.mark.parametrize("wrong", ["T1ce", "DWI=x.nii.gz", "T1ce="])
def test_what_is_no_sequence_with_its_file_is_refused(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["segment", "flair.nii.gz", "--also", wrong, "--out", "mask.nii.gz"])
    assert "SEQUENCE=FILE" in capsys.readouterr().err
