"""The report on a labelled data set: every patient counts once, and none is left out unnoticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.datasets.cases import LabelledCase
from ml.evaluation.report import (
    evaluate_cases,
    evaluate_dataset,
    make_report,
    segment_case,
    write_report,
)
from ml.evaluation.scoring import ALL_METRICS
from ml.evaluation.selection import Sequences, read_patients
from ml.evaluation.tables import as_markdown, as_table
from ml.stacks import stack_of_channels
from ml.tests.factories import (
    head_with_blob,
    lgg_slices,
    threshold_model,
    write_packed_case,
    write_published_case,
)


def write_tree(root: Path) -> Path:
    """Three patients, one of them with two cases; the last without any tumour drawn."""
    pixels, masks = lgg_slices(3)
    write_published_case(root / "TCGA_CS_0001_20000101", pixels, masks)
    write_packed_case(root / "TCGA_CS_0001_20010101", pixels, masks, suffix=".png")
    write_published_case(root / "TCGA_DU_0002_20000101", pixels, masks)
    write_published_case(root / "TCGA_HT_0003_20000101", pixels, np.zeros_like(masks))
    return root


def report_on(root: Path, **options: Any) -> dict[str, Any]:
    model = options.pop("model", None) or threshold_model()
    return evaluate_dataset(model, dataset="lgg", root=root, **options)[0]


def one_case(name: str = "case", patient: str = "patient") -> LabelledCase:
    volume, blob = head_with_blob()
    stack = stack_of_channels({"FLAIR": volume.transpose(2, 1, 0)}, (1.0, 1.0), slice_mm=4.0)
    return LabelledCase(name, patient, stack, blob.transpose(2, 1, 0))


def test_the_report_names_the_model_and_each_patient(tmp_path: Path) -> None:
    report = report_on(write_tree(tmp_path))

    assert report["dataset"] == "lgg"
    assert report["channels"] == "all"
    assert report["sequences"] == ["FLAIR", "T1", "T1ce"]
    assert report["model"] == {"name": "stub", "version": "0"}
    assert report["engine"].startswith("torch")
    assert report["patients"] == 3
    assert report["scans"] == 4
    assert tuple(report["by_patient"]) == ALL_METRICS
    dice = report["by_patient"]["dice"]
    assert list(dice["patients"]) == ["TCGA_CS_0001", "TCGA_DU_0002", "TCGA_HT_0003"]
    assert dice["mean"] == pytest.approx(np.mean(list(dice["patients"].values())))
    assert dice["patients"]["TCGA_DU_0002"] > 0.5
    assert dice["patients"]["TCGA_HT_0003"] == 0


def test_the_keys_that_earlier_reports_had_are_still_there(tmp_path: Path) -> None:
    report = report_on(write_tree(tmp_path))
    assert {"dataset", "channels", "model", "patients", "by_patient"} <= set(report)
    for name in ("dice", "iou", "precision", "recall", "specificity", "accuracy"):
        figures = report["by_patient"][name]
        assert {"mean", "median", "deviation", "patients"} <= set(figures)
        assert figures["interval"][0] <= figures["mean"] <= figures["interval"][1]
        assert figures["median_interval"][0] <= figures["median"]


def test_each_case_has_a_row_of_its_own(tmp_path: Path) -> None:
    report = report_on(write_tree(tmp_path))
    rows = report["cases"]
    assert [row["case"] for row in rows][:2] == ["TCGA_CS_0001_20000101", "TCGA_CS_0001_20010101"]
    assert {row["patient"] for row in rows} == set(report["by_patient"]["dice"]["patients"])
    assert set(rows[0]) == {"case", "patient", "slices", "tumour_slices", *ALL_METRICS}
    assert (rows[0]["slices"], rows[0]["tumour_slices"]) == (3, 2)
    assert rows[3]["hd95"] is None


def test_a_slice_alone_is_read_as_the_picture_it_would_be(tmp_path: Path) -> None:
    case = one_case()
    model = threshold_model()
    alone = segment_case(model, case.stack, alone=True)

    assert alone.shape == case.mask.shape
    middle = case.mask.shape[0] // 2
    picture = stack_of_channels({"FLAIR": case.stack.reference[[middle]]}, (1.0, 1.0))
    np.testing.assert_array_equal(alone[middle], segment_case(model, picture)[0])
    # Its own scale and its own specks, so not what the whole stack gives.
    assert (alone != segment_case(model, case.stack)).any()

    report = report_on(write_tree(tmp_path), alone=True)
    assert report["read"] == "each slice alone"
    assert "read" not in report_on(tmp_path)


def test_only_the_patients_asked_for_are_evaluated(tmp_path: Path) -> None:
    report = report_on(write_tree(tmp_path), patients={"TCGA_DU_0002"})
    assert list(report["by_patient"]["dice"]["patients"]) == ["TCGA_DU_0002"]


def test_a_patient_who_is_not_there_is_an_error_and_not_a_silence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not hold these patients: TCGA_XX_9999"):
        report_on(write_tree(tmp_path), patients={"TCGA_DU_0002", "TCGA_XX_9999"})


def test_evaluation_from_flair_alone_hides_the_other_channels(tmp_path: Path) -> None:
    """This model reads the first channel, so without it there is nothing to find."""
    options = {"model": threshold_model(channel=0), "patients": {"TCGA_DU_0002"}}
    root = write_tree(tmp_path)

    everything = report_on(root, **options)
    flair = report_on(root, sequences=Sequences("flair"), **options)
    named = report_on(root, sequences=Sequences("FLAIR,T1ce"), **options)

    assert everything["by_patient"]["dice"]["mean"] > 0.5
    assert flair["by_patient"]["dice"]["mean"] == named["by_patient"]["dice"]["mean"] == 0
    assert (flair["channels"], flair["sequences"]) == ("flair", ["FLAIR"])
    assert named["sequences"] == ["FLAIR", "T1ce"]


def test_a_sequence_that_the_model_does_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stub does not read T2"):
        report_on(write_tree(tmp_path), sequences=Sequences("FLAIR,T2"))


def test_a_case_is_segmented_with_the_cards_threshold_and_least_size() -> None:
    usual = evaluate_cases(threshold_model(), [one_case()]).scores[0]
    strict = evaluate_cases(threshold_model(least_voxels=10_000), [one_case()]).scores[0]

    assert usual.dice > 0.85
    assert strict.dice == 0
    assert strict.counts[:, :2].sum() == 0


def test_scoring_tumour_slices_alone_is_said_and_counted(tmp_path: Path) -> None:
    root = write_tree(tmp_path)
    report = report_on(root, slices="tumour")

    assert report["slices"] == {"scored": "tumour", "count": 6, "with_tumour": 6}
    assert report["excluded"] == ["TCGA_HT_0003_20000101"]
    assert report["patients"] == 2
    assert any("figures flatter it" in note for note in report["notes"])
    assert any("1 scan without any such slice left out" in note for note in report["notes"])


def test_a_patient_excluded_for_want_of_tumour_is_not_a_missing_one(tmp_path: Path) -> None:
    patients = {"TCGA_DU_0002", "TCGA_HT_0003"}
    report = report_on(write_tree(tmp_path), slices="tumour", patients=patients)
    assert list(report["by_patient"]["dice"]["patients"]) == ["TCGA_DU_0002"]


def test_the_notes_tell_what_is_left_out_and_how_few_the_patients_are(tmp_path: Path) -> None:
    notes = " ".join(report_on(write_tree(tmp_path))["notes"])

    assert "Only 3 patients" in notes
    assert "does not state the pixel size" in notes
    assert "1 of 4 scans have no surface distance" in notes
    assert "1 scan without reference tumour left out of the relative volume error" in notes
    assert "6 of 12 slices have no tumour in the reference" in notes


def test_volumes_are_compared_after_bland_and_altman() -> None:
    findings = evaluate_cases(threshold_model(), [one_case("a", "A"), one_case("b", "B")])
    report = make_report(threshold_model(), findings, dataset="lgg")

    agreement = report["volume_agreement"]
    assert agreement["bias"] == pytest.approx(report["by_patient"]["volume_error"]["mean"])
    assert agreement["lower"] == agreement["upper"] == agreement["bias"]
    assert (agreement["unit"], agreement["patients"]) == ("mL", 2)


def test_patients_are_read_from_a_file_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "patients.txt"
    path.write_text("# the test part\nTCGA_A\n\n  TCGA_B  # twice seen\nTCGA_A\n", encoding="utf-8")
    assert read_patients(path) == {"TCGA_A", "TCGA_B"}


def test_the_report_is_written_as_json_with_its_folder(tmp_path: Path) -> None:
    report = report_on(write_tree(tmp_path / "data"))
    write_report(tmp_path / "deep" / "report.json", report)
    assert json.loads((tmp_path / "deep" / "report.json").read_text(encoding="utf-8")) == report


def test_what_json_cannot_hold_is_an_error_and_not_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_report(tmp_path / "report.json", {"mean": float("nan")})
    assert not (tmp_path / "report.json").exists()


def test_the_table_has_each_levels_figures_and_the_notes(tmp_path: Path) -> None:
    report = report_on(write_tree(tmp_path))
    lines = as_table(report).splitlines()

    assert lines[0].startswith("lgg, 3 patients, 4 scans, 12 slices (6 with tumour), model stub")
    dice = report["by_patient"]["dice"]
    low, high = (f"{end:.3f}" for end in dice["interval"])
    row = next(line for line in lines if line.startswith("dice "))
    assert row.split()[:5] == ["dice", f"{dice['mean']:.3f}", low, "to", high]
    assert [line.split("  ")[0] for line in lines if line.startswith(("by ", "pooled"))] == [
        "by patient",
        "by slice",
        "pooled",
    ]
    assert "Only 3 patients" in " ".join(lines)
    start = lines.index(next(line for line in lines if line.startswith("by patient")))
    block = lines[start + 1 : start + 1 + len(ALL_METRICS)]
    assert len({line.index(f" {line.split(' to ')[0].split()[-1]} to") for line in block[:6]}) == 1


def test_the_markdown_table_has_a_row_for_each_metric(tmp_path: Path) -> None:
    text = as_markdown(report_on(write_tree(tmp_path)))
    assert "| by patient | mean | 95 % interval | median | 95 % interval | undefined |" in text
    assert text.count("| dice |") == 3
    assert "| hd95 [px] |" in text


def test_one_patient_has_figures_and_dashes_for_intervals(tmp_path: Path) -> None:
    report = report_on(write_tree(tmp_path), patients={"TCGA_DU_0002"})
    row = next(line for line in as_table(report).splitlines() if line.startswith("dice "))
    assert row.split()[2] == "-"
    assert report["volume_agreement"] is None
    assert "One patient: no interval can be given." in report["notes"]
