"""The report on a labelled data set: every patient counts once, and none is left out unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.datasets.cases import LabelledCase
from ml.evaluation import (
    as_table,
    evaluate_cases,
    evaluate_dataset,
    read_patients,
    summarise,
    write_report,
)
from ml.metrics import METRICS, Agreement, measure_agreement
from ml.stacks import stack_of_channels
from ml.tests.factories import (
    head_with_blob,
    lgg_slices,
    threshold_model,
    write_packed_case,
    write_published_case,
)


def agreement(dice: float) -> Agreement:
    return Agreement(dice, dice, dice, dice, 1.0, 1.0)


def write_tree(root: Path) -> Path:
    """Three patients, one of them with two cases; the last without any tumour drawn."""
    pixels, masks = lgg_slices(3)
    write_published_case(root / "TCGA_CS_0001_20000101", pixels, masks)
    write_packed_case(root / "TCGA_CS_0001_20010101", pixels, masks, suffix=".png")
    write_published_case(root / "TCGA_DU_0002_20000101", pixels, masks)
    write_published_case(root / "TCGA_HT_0003_20000101", pixels, np.zeros_like(masks))
    return root


def test_a_patient_with_several_cases_counts_once_with_their_mean() -> None:
    summary = summarise({"A": [agreement(0.2), agreement(0.4)], "B": [agreement(0.9)]})

    assert summary["dice"]["patients"] == {"A": pytest.approx(0.3), "B": pytest.approx(0.9)}
    assert summary["dice"]["mean"] == pytest.approx(0.6)
    assert summary["dice"]["median"] == pytest.approx(0.6)
    assert summary["dice"]["deviation"] == pytest.approx(np.std([0.3, 0.9], ddof=1))


def test_the_median_is_that_of_the_patients() -> None:
    summary = summarise({str(n): [agreement(value)] for n, value in enumerate((0.1, 0.8, 0.9))})
    assert summary["dice"]["median"] == 0.8


def test_one_patient_has_no_deviation() -> None:
    assert summarise({"A": [agreement(0.5)]})["dice"]["deviation"] == 0


def test_nobody_is_no_result() -> None:
    with pytest.raises(ValueError, match="no patient"):
        summarise({})


def test_the_report_names_the_model_and_each_patient(tmp_path: Path) -> None:
    report = evaluate_dataset(threshold_model(), dataset="lgg", root=write_tree(tmp_path))

    assert report["dataset"] == "lgg"
    assert report["channels"] == "all"
    assert report["model"] == {"name": "stub", "version": "0"}
    assert report["patients"] == 3
    assert tuple(report["by_patient"]) == METRICS
    dice = report["by_patient"]["dice"]
    assert list(dice["patients"]) == ["TCGA_CS_0001", "TCGA_DU_0002", "TCGA_HT_0003"]
    assert dice["mean"] == pytest.approx(np.mean(list(dice["patients"].values())))
    assert dice["patients"]["TCGA_DU_0002"] > 0.5
    assert dice["patients"]["TCGA_HT_0003"] == 0


def test_only_the_patients_asked_for_are_evaluated(tmp_path: Path) -> None:
    report = evaluate_dataset(
        threshold_model(), dataset="lgg", root=write_tree(tmp_path), patients={"TCGA_DU_0002"}
    )
    assert list(report["by_patient"]["dice"]["patients"]) == ["TCGA_DU_0002"]


def test_a_patient_who_is_not_there_is_an_error_and_not_a_silence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not hold these patients: TCGA_XX_9999"):
        evaluate_dataset(
            threshold_model(),
            dataset="lgg",
            root=write_tree(tmp_path),
            patients={"TCGA_DU_0002", "TCGA_XX_9999"},
        )


def test_evaluation_from_flair_alone_hides_the_other_channels(tmp_path: Path) -> None:
    """This model reads the first channel, so without it there is nothing to find."""
    root = write_tree(tmp_path)
    options = {"dataset": "lgg", "root": root, "patients": {"TCGA_DU_0002"}}
    model = threshold_model(channel=0)

    everything = evaluate_dataset(model, **options)
    flair = evaluate_dataset(model, use_flair_only=True, **options)

    assert everything["by_patient"]["dice"]["mean"] > 0.5
    assert flair["by_patient"]["dice"]["mean"] == 0
    assert flair["channels"] == "flair"


def test_a_case_is_segmented_with_the_cards_threshold_and_least_size() -> None:
    volume, blob = head_with_blob()
    stack = stack_of_channels({"FLAIR": volume.transpose(2, 1, 0)}, (1.0, 1.0))
    case = LabelledCase("case", "patient", stack, blob.transpose(2, 1, 0))

    usual = evaluate_cases(threshold_model(), [case])["patient"][0]
    strict = evaluate_cases(threshold_model(least_voxels=10_000), [case])["patient"][0]

    assert usual.dice > 0.85
    assert strict == measure_agreement(np.zeros_like(case.mask), case.mask)


def test_patients_are_read_from_a_file_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "patients.txt"
    path.write_text("# the test part\nTCGA_A\n\n  TCGA_B  # twice seen\nTCGA_A\n", encoding="utf-8")
    assert read_patients(path) == {"TCGA_A", "TCGA_B"}


def test_the_report_is_written_as_json_with_its_folder(tmp_path: Path) -> None:
    report = {"dataset": "lgg", "by_patient": {"dice": {"mean": 0.5}}}
    write_report(tmp_path / "deep" / "report.json", report)
    assert json.loads((tmp_path / "deep" / "report.json").read_text(encoding="utf-8")) == report


def test_the_table_shows_mean_and_median_of_each_metric() -> None:
    summary = summarise({"A": [agreement(0.25)], "B": [agreement(0.75)]})
    text = as_table({"dataset": "lgg", "patients": 2, "by_patient": summary})

    assert text.splitlines()[0] == "lgg, 2 patients"
    assert text.splitlines()[2].split() == ["dice", "0.500", "0.500"]
    assert len(text.splitlines()) == 2 + len(METRICS)
