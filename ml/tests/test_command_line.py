"""``python -m ml``: files in, files out, and one line where something is wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.datasets import splits
from ml.datasets.splits import PatientSplit, write_split
from ml.tests.factories import (
    ellipsoid,
    grey_slice,
    head_with_blob,
    lgg_slices,
    nifti_bytes,
    ras_affine,
    reorient,
    save_nifti,
    save_picture,
    write_bytes,
    write_published_case,
    write_weights,
)

pytestmark = pytest.mark.usefixtures("stub_weights")


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    volume, affine = reorient(head_with_blob()[0], ras_affine((1, 1, 4), (44, 52, 20)), "LPS")
    return save_nifti(tmp_path / "scan.nii.gz", volume, affine)


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line and "evaluating" not in line]
    assert captured.out == ""
    assert len(lines) == 1
    return lines[0]


def test_segment_writes_the_mask_and_the_report(tmp_path: Path, scan: Path) -> None:
    out, report = tmp_path / "mask.nii.gz", tmp_path / "report.json"

    assert run("segment", scan, "--out", out, "--json", report) == 0

    mask = nib.load(out)
    np.testing.assert_array_equal(mask.affine, nib.load(scan).affine)
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["model"] == {"name": "flair2d", "version": "7"}
    assert found["sequence"] == "FLAIR"
    assert found["geometry"]["orientation"] == "LPS"
    assert found["result"]["voxels"] == int(np.asarray(mask.dataobj).sum()) > 0
    assert found["result"]["volume_ml"] == pytest.approx(found["result"]["voxels"] * 4 / 1000)
    assert found["result"]["lesions"][0]["place"]["side"] == "left"
    assert "not for diagnosis" in found["notice"]


def test_segment_prints_the_report_where_no_file_is_named(
    tmp_path: Path, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", scan, "--out", tmp_path / "mask.nii.gz", "--unreliable-spacing") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    assert result["volume_ml"] is None
    assert result["lesions"][0]["longest_diameter_mm"] is None


@pytest.mark.parametrize(
    ("convention", "side"), [("radiological", "right"), ("neurological", "left"), (None, "unknown")]
)
def test_segment_takes_the_sides_of_a_picture_from_the_stated_convention(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], convention: str | None, side: str
) -> None:
    pixels = grey_slice(192)
    pixels[ellipsoid((192, 192), (80, 70), (14, 14))] = 250
    scan = save_picture(tmp_path / "slice.png", pixels)
    stated = ["--convention", convention] if convention else []

    assert run("segment", scan, "--out", tmp_path / "mask.png", *stated) == 0

    report = json.loads(capsys.readouterr().out)
    assert report["result"]["lesions"][0]["place"]["side"] == side
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.size == (192, 192)


def test_segment_takes_a_colour_picture_for_a_composite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = grey_slice(192)
    scan = save_picture(tmp_path / "slice.png", np.stack([grey // 2, grey, grey // 4], axis=-1))

    assert run("segment", scan, "--out", tmp_path / "mask.png") == 0

    assert json.loads(capsys.readouterr().out)["sequence"] == "COMPOSITE"


def test_a_bad_file_is_one_line_and_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = gzip.compress(nifti_bytes())
    scan = write_bytes(tmp_path / "scan.nii.gz", packed[: len(packed) // 2])

    assert run("segment", scan, "--out", tmp_path / "mask.nii.gz") == 1

    assert "cut off or damaged" in only_line(capsys)
    assert not (tmp_path / "mask.nii.gz").exists()


def test_a_missing_file_is_one_line_and_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", tmp_path / "none.nii.gz", "--out", tmp_path / "mask.nii.gz") == 1
    assert "none.nii.gz" in only_line(capsys)


def test_a_sequence_without_a_model_is_one_line_and_a_failure(
    tmp_path: Path, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mask.nii.gz"
    assert run("segment", scan, "--out", out, "--sequence", "T2") == 1
    assert only_line(capsys).startswith("No model reads a volume of T2 alone")


def test_weights_that_were_changed_are_one_line_and_a_failure(
    tmp_path: Path, scan: Path, stub_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = stub_weights / "flair2d.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")

    assert run("segment", scan, "--out", tmp_path / "mask.nii.gz") == 1

    assert "not the file that its card describes" in only_line(capsys)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "lgg"
    for seed, case in enumerate(("TCGA_CS_0001_20000101", "TCGA_DU_0002_20000101")):
        write_published_case(root / case, *lgg_slices(3, seed=seed))
    return root


def test_evaluate_scores_the_patients_of_a_file(
    tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patients = write_bytes(tmp_path / "patients.txt", b"# test\nTCGA_DU_0002\n")
    out = tmp_path / "reports" / "lgg.json"

    assert (
        run("evaluate", "--dataset", "lgg", "--root", tree, "--patients", patients, "--json", out)
        == 0
    )

    report = json.loads(out.read_text(encoding="utf-8"))
    dice = report["by_patient"]["dice"]
    assert report["patients"] == 1
    assert list(dice["patients"]) == ["TCGA_DU_0002"]
    assert dice["mean"] == dice["median"] == dice["patients"]["TCGA_DU_0002"] > 0.5
    assert capsys.readouterr().out.startswith("lgg, 1 patient, 1 scan, 3 slices")


def test_evaluate_scores_a_part_of_a_split_with_other_weights(tmp_path: Path, tree: Path) -> None:
    split = PatientSplit(frozenset(), frozenset({"TCGA_CS_0001"}), frozenset({"TCGA_DU_0002"}))
    write_split(tmp_path / "split.toml", split, header="For a test.")
    weights = write_weights(tmp_path / "other")
    options = ["--split", tmp_path / "split.toml", "--part", "validation", "--channels", "flair"]
    out = tmp_path / "report.json"

    assert (
        run(
            *("evaluate", "--dataset", "lgg", "--root", tree, "--json", out),
            *("--weights", weights, *options),
        )
        == 0
    )

    report = json.loads(out.read_text(encoding="utf-8"))
    assert list(report["by_patient"]["dice"]["patients"]) == ["TCGA_CS_0001"]
    assert report["channels"] == "flair"


def test_evaluate_draws_pictures_and_writes_the_table_as_markdown(
    tmp_path: Path, tree: Path
) -> None:
    pictures, table = tmp_path / "pictures", tmp_path / "docs" / "lgg.md"

    code = run(
        *("evaluate", "--dataset", "lgg", "--root", tree, "--json", tmp_path / "report.json"),
        *("--pictures", pictures, "--markdown", table, "--slices", "tumour", "--seed", 5),
    )

    assert code == 0
    names = {path.name for path in pictures.iterdir()}
    assert names == {"worst.png", "dice.png", "volumes.png"}
    assert "| dice |" in table.read_text(encoding="utf-8")
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["bootstrap"]["seed"] == 5
    assert report["slices"]["scored"] == "tumour"
    assert "weights" not in report


def test_evaluate_takes_the_network_from_the_card_beside_the_weights(
    tmp_path: Path, tree: Path
) -> None:
    weights = write_weights(tmp_path / "run", name="trained")
    out = tmp_path / "report.json"

    options = ("--root", tree, "--weights", weights, "--json", out)
    assert run("evaluate", "--dataset", "lgg", *options) == 0

    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["model"] == {"name": "trained", "version": "7"}
    assert report["weights"] == {
        "file": "trained.safetensors",
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }


def test_evaluate_of_weights_that_their_card_was_not_written_for_is_a_failure(
    tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_weights(tmp_path / "run", name="trained")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")

    options = ("--root", tree, "--weights", weights, "--json", tmp_path / "report.json")
    assert run("evaluate", "--dataset", "lgg", *options) == 1

    assert only_line(capsys) == "trained.safetensors is not the file that its card describes"


def test_evaluate_of_sequences_that_the_model_does_not_read_is_one_line_and_a_failure(
    tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--root", tree, "--channels", "T2", "--json", tmp_path / "report.json")
    assert run("evaluate", "--dataset", "lgg", *options) == 1
    assert only_line(capsys) == "flair2d does not read T2"


@pytest.mark.parametrize("dataset", ["lgg", "brats"])
def test_evaluate_of_a_folder_without_cases_is_one_line_and_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dataset: str
) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "report.json"

    code = run("evaluate", "--dataset", dataset, "--root", tmp_path / "empty", "--json", out)

    assert code == 1
    assert "holds no" in only_line(capsys)
    assert not out.exists()


def test_evaluate_of_a_patient_who_is_not_there_is_a_failure(
    tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patients = write_bytes(tmp_path / "patients.txt", b"TCGA_DU_0002\nTCGA_XX_9999\n")
    out = tmp_path / "report.json"

    code = run(
        "evaluate", "--dataset", "lgg", "--root", tree, "--patients", patients, "--json", out
    )

    assert code == 1
    assert "does not hold these patients: TCGA_XX_9999" in capsys.readouterr().err
    assert not out.exists()


def test_patients_and_a_split_exclude_each_other(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(SystemExit):
        run(
            *("evaluate", "--dataset", "lgg", "--root", tree, "--json", tmp_path / "report.json"),
            *("--patients", "a.txt", "--split", "b.toml"),
        )


def test_train_runs_a_config_and_says_where_the_weights_are(
    tmp_path: Path,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    split = PatientSplit(frozenset({"TCGA_CS_0001"}), frozenset({"TCGA_DU_0002"}), frozenset())
    write_split(tmp_path / "tiny.toml", split, header="For a test.")
    monkeypatch.setattr(splits, "SPLITS", tmp_path)
    config = tmp_path / "config.toml"
    config.write_text(
        'name = "tiny"\nversion = "0"\nsteps_per_epoch = 1\nthreads = 1\n'
        "[network]\nwidths = [2, 4]\n[sampling]\npatch = [32, 32]\n"
        '[[sources]]\ndataset = "lgg"\nfolder = "lgg"\n'
        'split = "tiny.toml"\n',
        encoding="utf-8",
    )
    output = tmp_path / "run"

    options = ["--data", tmp_path, "--output", output, "--epochs", 1, "--batch-size", 2]
    assert run("train", config, *options) == 0

    assert capsys.readouterr().out.strip() == str(output / "tiny.safetensors")
    assert (output / "tiny.safetensors").exists()


def test_a_config_with_a_typing_error_is_one_line_and_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('name = "x"\nversion = "0"\nepoch = 1\nsources = []\n', encoding="utf-8")

    assert run("train", config) == 1

    assert "keys that mean nothing: epoch" in only_line(capsys)
