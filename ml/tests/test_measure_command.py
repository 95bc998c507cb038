"""``python -m ml measure``: any mask on its grid, label by label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.atlas import TemplateFit
from ml.commands import measure as command
from ml.tests.factories import head, ras_affine, reorient, save_nifti, shared_folder, tilt

SHAPE = (44, 52, 20)
AFFINE = ras_affine((1.0, 1.0, 3.0), SHAPE)
NAMES = "1=necrosis,2=oedema,4=enhancing"


def label_map() -> np.ndarray:
    """A core with a rim in oedema, a satellite of enhancement in it, and a speck far off."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[10:30, 15:35, 4:14] = 2
    labels[12:20, 18:26, 6:11] = 4
    labels[14:18, 20:24, 7:10] = 1
    labels[24:28, 28:32, 8:10] = 4
    labels[33, 40, 10] = 4
    return labels


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    return save_nifti(tmp_path / "mask.nii.gz", label_map(), AFFINE)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return save_nifti(tmp_path / "scan.nii.gz", head(SHAPE), AFFINE)


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def report(tmp_path: Path, *arguments: object) -> dict[str, Any]:
    out = tmp_path / "report.json"
    assert run("measure", *arguments, "--json", out) == 0
    return dict(json.loads(out.read_text()))


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert run("measure", *arguments) == 1
    return capsys.readouterr().err


def test_several_labels_are_measured_as_the_union_and_one_by_one(
    tmp_path: Path, mask: Path, scan: Path
) -> None:
    found = report(tmp_path, mask, "--image", scan, "--labels", NAMES)

    labels = label_map()
    assert found["total"]["voxels"] == np.count_nonzero(labels)
    assert found["total"]["volume_ml"] == pytest.approx(np.count_nonzero(labels) * 3 / 1000)
    assert [len(found["lesions"]), len(found["tiny"])] == [1, 1]
    assert found["multifocal"] is False
    assert list(found["labels"]) == ["necrosis", "oedema", "enhancing"]
    for name, value in (("necrosis", 1), ("oedema", 2), ("enhancing", 4)):
        part = found["labels"][name]
        assert part["value"] == value
        assert part["total"]["voxels"] == np.count_nonzero(labels == value)
    enhancing = found["labels"]["enhancing"]
    assert [lesion["voxels"] for lesion in enhancing["lesions"]] == [8 * 8 * 5 - 48, 32]
    assert enhancing["satellites"] == enhancing["satellites_within_main_lesion"] == [2]
    assert enhancing["distances_mm"] == [{"lesions": [1, 2], "mm": 5.83}]
    assert found["brain"]["source"].startswith("rough outline")
    assert found["version"] == 1
    assert found["notice"] == "Research software, not for diagnosis."


def test_each_lesion_has_the_figures_of_a_board(tmp_path: Path, mask: Path, scan: Path) -> None:
    lesion = report(tmp_path, mask, "--image", scan)["lesions"][0]

    assert lesion["volume_ml"] == pytest.approx(20 * 20 * 10 * 3 / 1000)
    assert lesion["longest_diameter_mm"] == pytest.approx(19 * np.sqrt(2), abs=0.01)
    assert lesion["perpendicular_diameter_mm"] == pytest.approx(19 * np.sqrt(2), abs=0.01)
    assert lesion["product_mm2"] == pytest.approx(2 * 19**2, abs=0.01)
    assert lesion["longest_3d_mm"] == pytest.approx(np.sqrt(2 * 19**2 + 27**2), abs=0.01)
    assert lesion["surface_mm2"] == pytest.approx(2 * 20 * 20 + 4 * 20 * 30, rel=0.15)
    assert 0.7 < lesion["sphericity"] < 0.95
    assert (lesion["is_measurable"], lesion["is_tiny"], lesion["slices"]) == (True, False, 10)
    assert 0 < lesion["brain_percent"] < 100
    assert lesion["place"]["side"] in ("left", "right", "both")


def test_without_names_labels_go_by_their_values(tmp_path: Path, mask: Path) -> None:
    found = report(tmp_path, mask)
    assert list(found["labels"]) == ["1", "2", "4"]
    assert found["brain"] is None
    assert found["total"]["brain_percent"] is None


def test_without_json_a_table_is_printed(
    mask: Path, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("measure", mask, "--image", scan, "--labels", NAMES) == 0
    printed = capsys.readouterr().out
    assert "All labels together: 4001 voxels, 12.00 mL" in printed
    assert "enhancing (4)" in printed
    assert "and 1 tiny" in printed
    assert "not for diagnosis" in printed


@pytest.mark.parametrize("codes", ["LAS", "PIR"])
def test_copies_of_a_mask_have_the_same_report(tmp_path: Path, mask: Path, codes: str) -> None:
    turned, affine = reorient(label_map(), AFFINE, codes)
    copy = save_nifti(tmp_path / "copy.nii.gz", turned, tilt(affine))

    assert figures(report(tmp_path, copy)) == figures(report(tmp_path, mask))


def figures(found: dict[str, Any]) -> list[Any]:
    names = ("total", "multifocal", "satellites", "distances_mm")
    parts = [found, *found["labels"].values()]
    return [[part[name] for name in names] for part in parts]


def test_unreliable_spacing_leaves_voxels_and_shares(
    tmp_path: Path, mask: Path, scan: Path
) -> None:
    found = report(tmp_path, mask, "--image", scan, "--unreliable-spacing")
    assert found["total"]["volume_ml"] is None
    assert found["total"]["brain_percent"] > 0
    assert found["lesions"][0]["longest_diameter_mm"] is None
    assert found["distances_mm"] is None


def test_an_empty_mask_measures_nothing(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "none.nii.gz", np.zeros(SHAPE, dtype=np.uint8), AFFINE)
    found = report(tmp_path, path)
    assert (found["total"]["voxels"], found["lesions"], found["labels"]) == (0, [], {})
    assert found["total"]["longest_diameter_mm"] is None


def test_a_picture_is_measured_in_pixels(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64), dtype=np.uint8)
    pixels[10:30, 10:20] = 255
    path = tmp_path / "mask.png"
    Image.fromarray(pixels).save(path)

    found = report(tmp_path, path)

    assert (found["total"]["voxels"], found["total"]["volume_ml"]) == (200, None)
    assert found["multifocal"] is None


def test_a_scan_on_another_grid_is_refused_in_words(
    tmp_path: Path, mask: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] += 2
    other = save_nifti(tmp_path / "other.nii.gz", head(SHAPE), shifted)
    smaller = save_nifti(tmp_path / "small.nii.gz", head((44, 52, 18)), AFFINE)

    assert "up to 2 mm from the scan's" in refusal(capsys, mask, "--image", other)
    words = refusal(capsys, mask, "--image", smaller)
    assert "44 x 52 x 20 voxels and the scan 44 x 52 x 18" in words


def test_a_scan_given_as_a_mask_is_refused_in_words(
    tmp_path: Path, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = save_nifti(tmp_path / "grey.nii.gz", np.rint(head(SHAPE)).astype(np.int16), AFFINE)
    assert "not whole numbers" in refusal(capsys, scan)
    assert "different values" in refusal(capsys, whole)


@pytest.mark.parametrize("names", ["necrosis", "1=", "0=air", "1=a,1=b", "1=a,2=a"])
def test_names_that_are_none_are_refused(
    mask: Path, names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("measure", mask, "--labels", names)
    assert "--labels" in capsys.readouterr().err


def test_an_experts_mask_adds_up(tmp_path: Path) -> None:
    path = sorted(shared_folder("brats").glob("*/*_seg.nii*"))[0]

    found = report(tmp_path, path, "--labels", NAMES)

    parts = [part["total"]["voxels"] for part in found["labels"].values()]
    assert sum(parts) == found["total"]["voxels"] > 0
    listed = found["lesions"] + found["tiny"]
    assert sum(lesion["voxels"] for lesion in listed) == found["total"]["voxels"]


def laid_on_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the scan was fitted so that the mask lies in the template's left frontal lobe."""
    middle = AFFINE @ [20, 25, 9, 1]
    matrix = np.eye(4)
    matrix[:3, 3] = np.array([-36.0, 26.0, 28.0]) - middle[:3]
    fit = TemplateFit(tuple(map(tuple, matrix.tolist())), trusted=True)
    monkeypatch.setattr(command, "fit_scan", lambda *_, **__: fit)


def test_on_the_template_there_are_regions_and_vasaris_location_features(
    tmp_path: Path, mask: Path, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_on_the_template(monkeypatch)
    found = report(tmp_path, mask, "--image", scan, "--labels", NAMES)

    place = found["lesions"][0]["place"]
    assert place["words"].startswith("left frontal")
    assert place["atlas"]["regions"][0]["name"] == "frontal"
    assert place["atlas"]["ventricle_mm"] is not None
    assert found["template_fit"]["trusted"] is True
    assert found["brain"]["source"].startswith("the brain of the ICBM152 template")
    vasari = {one["code"]: one["value"] for one in found["vasari"]["features"]}
    assert (vasari["F1"], vasari["F2"]) == ("frontal", "left")
    assert (vasari["F15"], vasari["F23"]) == ("no", "no")
    assert "F22" not in vasari
    assert found["vasari"]["of"] == "the mask without oedema"
    assert "Gutman" in found["vasari"]["source"]


def test_the_table_says_where_each_lesion_lies(
    mask: Path, scan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    laid_on_the_template(monkeypatch)
    assert run("measure", mask, "--image", scan) == 0
    assert "lesion 1: left frontal" in capsys.readouterr().out


def test_without_the_template_nothing_of_vasari_is_said_and_the_reason_is(
    tmp_path: Path, mask: Path, scan: Path
) -> None:
    found = report(tmp_path, mask, "--image", scan, "--unreliable-spacing")
    assert found["vasari"]["features"] == []
    assert found["lesions"][0]["place"]["without_atlas"] == "the scan's voxel size is not reliable"
