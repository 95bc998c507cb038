"""Conformal intervals of a volume: which patients they hold, and what they are written from."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.__main__ import main
from ml.cards import write_toml
from ml.models import load_model, read_card, shipped_cards
from ml.uncertainty import calibrate_volume, count_covered, volume_ratios


def report(**volumes: tuple[float, float]) -> dict[str, Any]:
    """An evaluation with one scan for each patient: (the reader's volume, the model's)."""
    return {
        "cases": [
            {"patient": name, "volume_reference": reader, "volume_model": model}
            for name, (reader, model) in volumes.items()
        ]
    }


def test_nineteen_patients_leave_out_one_at_either_end() -> None:
    ratios = [0.5 + 0.1 * n for n in range(19)]
    found = calibrate_volume([ratios])
    assert found.level == 0.8
    assert (found.low, found.high) == (pytest.approx(0.6), pytest.approx(2.2))
    assert found.around(10.0) == (pytest.approx(6.0), pytest.approx(22.0))


def test_kinds_with_fewer_than_twenty_patients_have_an_interval_of_80_percent() -> None:
    many = list(np.linspace(0.5, 2.0, 40))
    assert calibrate_volume([many]).level == 0.9
    assert calibrate_volume([many, many[:19]]).level == 0.8


def test_too_few_patients_give_no_interval() -> None:
    with pytest.raises(ValueError, match="8 patients"):
        calibrate_volume([[1.0] * 8])


def test_misses_widen_the_interval_until_it_has_no_end() -> None:
    ratios = [1.0] * 17
    assert calibrate_volume([[*ratios, 3.0, math.inf]]).high == 3.0
    with pytest.raises(ValueError, match="two ends"):
        calibrate_volume([[*ratios, math.inf, math.inf]])


def test_new_patients_lie_in_the_interval_as_often_as_it_says() -> None:
    draws = np.random.default_rng(2026)
    inside = []
    for _ in range(3000):
        *known, new = np.exp(draws.gamma(2.0, 0.2, 20) - 0.2)
        found = calibrate_volume([known])
        inside.append(found.low <= new <= found.high)
    # A new patient falls between the second and the last but one of nineteen in 16 of 20 places.
    assert np.mean(inside) == pytest.approx(16 / 20, abs=0.03)


def test_coverage_is_observed_on_patients_who_had_no_part_in_the_interval() -> None:
    draw = np.random.default_rng(1)
    found = [count_covered(draw.lognormal(sigma=0.3, size=24).tolist(), 0.8) for _ in range(400)]
    # It varies from set to set, as an observation does, about what the ranks promise: of twenty
    # places among nineteen patients a new one is in the sixteen in the middle.
    assert len(set(found)) > 4
    assert np.mean(found) / 24 == pytest.approx(0.8, abs=0.02)
    found_once = calibrate_volume([draw.lognormal(sigma=0.3, size=24).tolist()])
    low, high = found_once.coverage_interval
    assert low < found_once.covered / 24 < high


def test_a_patients_scans_count_together_and_no_patient_twice() -> None:
    twice = report(one=(10.0, 5.0))
    twice["cases"].append({"patient": "one", "volume_reference": 2.0, "volume_model": 1.0})
    assert volume_ratios([twice, report(two=(3.0, 0.0))]) == [[2.0], [math.inf]]
    with pytest.raises(ValueError, match="one is in two"):
        volume_ratios([twice, twice])
    with pytest.raises(ValueError, match="neither"):
        volume_ratios([report(one=(0.0, 0.0))])


def test_the_command_writes_the_interval_into_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = load_model().card
    write_toml(
        tmp_path / "other.toml",
        {
            "name": "other",
            "version": "1",
            "sequences": ["FLAIR"],
            "threshold": 0.5,
            "least_voxels": 1,
            "sha256": "0",
            "labels": {"1": "FLAIR abnormality"},
            "network": {"kind": "unet", "widths": [4, 8]},
        },
    )
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(**{f"p{n}": (10.0 + n, 10.0) for n in range(19)})))
    arguments = ["calibrate", "other", "--folder", str(tmp_path), str(path), "--sequence"]
    assert main([*arguments, "FLAIR"]) == 0
    found = read_card(tmp_path / "other.toml").volume_intervals["FLAIR"]
    assert (found.low, found.high, found.patients) == (1.1, 2.7, 19)
    assert "80% interval: 1.100 to 2.700" in capsys.readouterr().out
    assert main([*arguments, "T2"]) == 1
    assert card.volume_intervals


def test_a_cross_validation_gives_an_interval_for_each_set_of_sequences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = {"name": "all", "sequences": ["FLAIR", "T1", "T1ce", "T2"]}
    write_toml(tmp_path / "all.toml", card)
    good = report(**{f"p{n}": (10.0 + n, 10.0) for n in range(18)})
    blind = report(**{f"p{n}": (10.0, 0.0) for n in range(18)})
    sets = {"T2+FLAIR": {"whole": good, "core": good}, "T1": {"whole": blind}}
    path = tmp_path / "cross.json"
    path.write_text(json.dumps({"sets": sets}), encoding="utf-8")
    arguments = ["calibrate", "all", "--folder", str(tmp_path), str(path)]
    assert main(arguments) == 0
    found = tomllib.loads((tmp_path / "all.toml").read_text(encoding="utf-8"))["volume_interval"]
    assert found.keys() == {"FLAIR+T2"}
    assert found["FLAIR+T2"]["patients"] == 18
    assert "T1: no interval" in capsys.readouterr().out
    assert main([*arguments, "--sequence", "FLAIR"]) == 1


def test_a_set_that_is_never_read_alone_has_no_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = {"T1+T2": {"level": 0.8}}
    card = {"name": "all", "sequences": ["FLAIR", "T1", "T2"], "volume_interval": stale}
    write_toml(tmp_path / "all.toml", {**card, "reading": {"needs": [["FLAIR"]]}})
    good = {"whole": report(**{f"p{n}": (10.0 + n, 10.0) for n in range(18)})}
    path = tmp_path / "cross.json"
    path.write_text(json.dumps({"sets": {"FLAIR+T2": good, "T1+T2": good}}), encoding="utf-8")
    assert main(["calibrate", "all", "--folder", str(tmp_path), str(path)]) == 0
    found = tomllib.loads((tmp_path / "all.toml").read_text(encoding="utf-8"))["volume_interval"]
    assert found.keys() == {"FLAIR+T2"}
    assert "T1+T2: no interval, since all is never given these alone" in capsys.readouterr().out


def test_each_card_that_ships_says_how_far_its_volumes_were() -> None:
    for card in shipped_cards():
        for found in card.volume_intervals.values():
            assert 0 < found.low < 1 < found.high
            low, high = found.coverage_interval
            assert low <= found.covered / found.patients <= high
