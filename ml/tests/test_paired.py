"""Two models' figures paired by patient."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.evaluation.paired import compare_reports


def report(dataset: str = "lgg", **dice: float | list[float | None]) -> dict[str, Any]:
    cases = [
        {"patient": name, "case": f"{name}{number}", "dice": value}
        for name, values in dice.items()
        for number, value in enumerate(values if isinstance(values, list) else [values])
    ]
    return {"dataset": dataset, "cases": cases}


def test_the_difference_is_the_mean_over_patients_whatever_their_order() -> None:
    found = compare_reports(report(a=0.9, b=0.8, c=0.5), report(c=0.5, a=0.7, b=0.9))
    assert (found.count, found.better, found.equal) == (3, 1, 1)
    assert found.difference == pytest.approx(0.1 / 3)
    assert found.interval is not None
    assert found.interval[0] == pytest.approx(-0.1)
    assert found.interval[1] == pytest.approx(0.2)


def test_a_constant_difference_has_an_interval_of_no_width() -> None:
    found = compare_reports(report(a=0.9, b=0.6), report(a=0.8, b=0.5))
    assert found.interval == pytest.approx((0.1, 0.1))


def test_a_patient_with_several_scans_counts_once() -> None:
    found = compare_reports(report(a=[0.8, 0.6], b=0.5), report(a=[0.7], b=0.5))
    assert found.first == pytest.approx(0.6)
    assert (found.difference, found.better) == (pytest.approx(0.0), 0)


def test_cases_may_count_by_themselves_where_nobody_knows_whose_they_are() -> None:
    found = compare_reports(report(a=[0.8, 0.6], b=0.5), report(a=[0.7, 0.7], b=0.5), by="case")
    assert (found.by, found.count, found.better, found.equal) == ("case", 3, 1, 1)
    with pytest.raises(ValueError, match="only one of the reports has a dice of a1"):
        compare_reports(report(a=[0.8, 0.6]), report(a=0.7), by="case")


def test_other_patients_or_other_data_are_refused() -> None:
    with pytest.raises(ValueError, match="only one of the reports has a dice of b"):
        compare_reports(report(a=0.5, b=0.5), report(a=0.5))
    with pytest.raises(ValueError, match="one report is of lgg, the other of brats"):
        compare_reports(report(a=0.5), report("brats", a=0.5))
    with pytest.raises(ValueError, match="no hd95"):
        compare_reports(report(a=0.5), report(a=0.5), metric="hd95")


def test_the_command_says_it_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, dice in (("ours", 0.9), ("theirs", 0.7)):
        (tmp_path / name).write_text(json.dumps(report(a=dice, b=dice)))
    assert main(["compare", str(tmp_path / "ours"), str(tmp_path / "theirs")]) == 0
    assert "0.900 and 0.700, difference +0.200" in capsys.readouterr().out


def test_who_is_in_one_report_only_is_left_out_where_that_is_asked_for() -> None:
    first, second = report(a=0.9, b=0.6), report(a=0.8, c=0.5)
    found = compare_reports(first, second, common=True)
    assert (found.count, found.first, found.second) == (1, 0.9, 0.8)
    with pytest.raises(ValueError, match="only one of the reports"):
        compare_reports(first, second)
    with pytest.raises(ValueError, match="anybody"):
        compare_reports(report(a=0.9), report(b=0.9), common=True)
