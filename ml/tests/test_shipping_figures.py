"""The figures in the card of what ships come from reports, and from nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.shipping import summarise_report
from ml.tests.shipping_factories import ship, table, write_run


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


def write_report(path: Path, interval: list[float] | None) -> Path:
    """The part of an evaluation's report that a card takes up."""
    dice = {"mean": 0.87654, "median": 0.91239, "interval": interval}
    report = {
        "dataset": "lgg",
        "channels": "flair",
        "patients": 17,
        "by_patient": {"dice": dice, "iou": {"mean": 0.8}},
    }
    path.write_text(json.dumps(report), encoding="utf-8")
    return path


def test_figures_come_from_reports_under_their_names(trained: Path, tmp_path: Path) -> None:
    reports = [
        write_report(tmp_path / "lgg test v1.json", [0.81111, 0.92222]),
        write_report(tmp_path / "brats.json", None),
    ]

    metrics = table(ship(trained, tmp_path / "out", reports=reports))["metrics"]

    assert metrics["lgg test v1"] == {
        "dataset": "lgg",
        "channels": "flair",
        "patients": 17,
        "dice_mean": 0.8765,
        "dice_median": 0.9124,
        "dice_mean_interval": [0.8111, 0.9222],
    }
    assert "dice_mean_interval" not in metrics["brats"]
    assert "metrics" not in table(ship(trained, tmp_path / "out")), "old figures are not kept"


def test_slices_of_a_fold_count_by_slice(trained: Path, tmp_path: Path) -> None:
    report = {
        "dataset": "types",
        "channels": "all",
        "patients": 1,
        "by_patient": {"dice": {"mean": 0.81, "median": 0.81, "interval": None}},
        "by_slice": {"dice": {"mean": 0.81, "median": 0.89, "interval": None, "slices": 613}},
    }
    path = tmp_path / "types.json"
    path.write_text(json.dumps(report))

    (figures,) = table(ship(trained, tmp_path / "out", reports=[path]))["metrics"].values()

    assert (figures["slices"], figures["dice_median"]) == (613, 0.89)
    assert "patients" not in figures


def test_two_reports_of_one_name_are_refused(trained: Path, tmp_path: Path) -> None:
    reports = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        reports.append(write_report(tmp_path / folder / "report.json", None))
    with pytest.raises(ValueError, match="two reports have the same name"):
        ship(trained, tmp_path / "out", reports=reports)


def test_a_report_that_is_none_leaves_nothing_behind(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"report\.json is no report of evaluate or crossvalidate"):
        ship(trained, tmp_path / "out", reports=[tmp_path / "report.json"])
    assert not (tmp_path / "out").exists()


def test_the_summary_has_the_interval_where_there_is_one(tmp_path: Path) -> None:
    summary = summarise_report(write_report(tmp_path / "a.json", [0.5, 0.75]))
    assert summary["a"]["dice_mean_interval"] == [0.5, 0.75]


def test_a_cross_validation_is_a_row_for_each_region_of_each_set(tmp_path: Path) -> None:
    dice = {"mean": 0.81234, "median": 0.9, "interval": [0.7, 0.95]}
    found = {"patients": 18, "without": 2, "dice": dice}
    report = {"dataset": "brats", "folds": [1, 2, 3], "sets": {"FLAIR+T1ce": {"core": found}}}
    path = tmp_path / "cross.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    assert summarise_report(path) == {
        "cross FLAIR+T1ce core": {
            "dataset": "brats, cross-validation of 3 folds",
            "channels": "FLAIR+T1ce",
            "region": "core",
            "patients": 16,
            "dice_mean": 0.8123,
            "dice_median": 0.9,
            "dice_mean_interval": [0.7, 0.95],
        }
    }
