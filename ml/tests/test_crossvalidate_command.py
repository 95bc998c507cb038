"""``python -m ml crossvalidate`` on runs and patients of a second."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.datasets.regions import REGIONS
from ml.datasets.splits import PatientSplit, write_split
from ml.evaluation.crossvalidation import Runs, judged_source
from ml.evaluation.thresholds import choose_thresholds, suit_thresholds
from ml.tests.test_crossvalidation import case, model
from ml.tests.training_factories import (
    PATIENTS,
    tiny_config,
    tiny_source,
    write_config,
    write_patients,
)
from ml.training import loop
from ml.training.config import ReadingConfig, TrainingConfig, read_config


def folds(root: Path) -> Path:
    """Two folds of the three patients, and a configuration whose runs are called by them."""
    write_patients(root)
    for number, test in enumerate(PATIENTS[:2], start=1):
        rest = frozenset(PATIENTS) - {test}
        split = PatientSplit(rest, frozenset(), frozenset({test}))
        write_split(root / f"tiny-{number}.toml", split, header="For a test.")
    path = write_config(root / "tiny.config.toml", root, preparation=PREPARATION)
    text = path.read_text(encoding="utf-8").replace("tiny.toml", "tiny-{fold}.toml")
    path.write_text(text, encoding="utf-8")
    return path


PREPARATION: dict[str, Any] = {"frame": "square", "side": 32}


def trained_folds(tmp_path: Path) -> Path:
    path = folds(tmp_path)
    for number in (1, 2):
        config = replace(read_config(path, fold=number), epochs=1, steps_per_epoch=1)
        config = replace(config, sources=tuple(replace(s, validate_on=()) for s in config.sources))
        loop.train(config, data_root=tmp_path, output=tmp_path / config.name, device="cpu")
    return path


def test_several_processes_judge_as_one_does(tmp_path: Path) -> None:
    path = trained_folds(tmp_path)
    reports = []
    for processes in ("1", "2"):
        out = tmp_path / f"{processes}.json"
        arguments = ["--data", str(tmp_path), "--runs", str(tmp_path), "--folds", "1", "2"]
        shown = ["--shown", "FLAIR,T1,T1ce", "FLAIR"]
        more = ["--processes", processes, "--engine", "torch", "--json", str(out)]
        assert main(["crossvalidate", str(path), *arguments, *shown, *more]) == 0
        reports.append(json.loads(out.read_text(encoding="utf-8")))

    assert reports[0] == reports[1]
    found = reports[0]["sets"]["FLAIR+T1+T1ce"]["whole"]
    assert [row["patient"] for row in found["cases"]] == list(PATIENTS[:2])
    assert reports[0]["dataset"] == "lgg"


def test_a_run_reads_as_its_configuration_says_now(tmp_path: Path) -> None:
    config = read_config(trained_folds(tmp_path))
    for mirror in (False, True):
        later = replace(config, reading=ReadingConfig(mirror=mirror))
        runs = Runs(later, folder=tmp_path, data_root=tmp_path, engine="torch")
        assert runs.read_fold(1).model.card.mirror is mirror


def two_sources(*splits: str) -> TrainingConfig:
    sources = tuple(tiny_source(Path("unread"), split=split) for split in splits)
    return tiny_config(Path("unread"), sources=sources)


def test_the_source_with_folds_is_judged_and_the_others_only_teach() -> None:
    assert judged_source(two_sources("lgg.toml", "glioma-{fold}.toml")) == 1
    with pytest.raises(ValueError, match="0 sources have folds"):
        judged_source(two_sources("lgg.toml"))


def test_a_fold_is_drawn_with_the_threshold_that_suits_the_others(tmp_path: Path) -> None:
    path, report = trained_folds(tmp_path), tmp_path / "report.json"
    arguments = ["--data", str(tmp_path), "--runs", str(tmp_path), "--json", str(report)]
    more = ["--folds", "1", "2", "--thresholds", "0.000001", "0.3", "--engine", "torch"]
    assert main(["crossvalidate", str(path), *arguments, *more]) == 0
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["thresholds"]["by_fold"].keys() == {"1", "2"}
    assert document["thresholds"]["of_all"] in (0.000001, 0.3)
    alone = ["--folds", "1", "--thresholds", "0.3"]
    assert main(["crossvalidate", str(path), *arguments, *alone]) == 1


def test_nobody_helps_to_choose_their_own_threshold() -> None:
    # Of the first fold 0.2 suits everybody best, of the second 0.4.
    suited = {1: [[0.9, 0.1]], 2: [[0.2, 0.5], [0.2, 0.6]]}
    chosen = choose_thresholds(suited, (0.2, 0.4))
    assert chosen.by_fold == {1: 0.4, 2: 0.2}
    assert chosen.of_all == 0.2
    with pytest.raises(ValueError, match="at least two"):
        choose_thresholds({1: [[0.5]]}, (0.2,))


def test_a_threshold_suits_by_the_regions_that_a_patient_has() -> None:
    thresholds = (0.3, 0.999999)
    low, high = suit_thresholds(model(), case("one"), REGIONS, thresholds)
    assert low == pytest.approx(1.0)
    assert high < low
    silent = suit_thresholds(model(), case("two", enhances=False), REGIONS, thresholds)
    assert silent[0] == pytest.approx(1.0), "what is drawn as enhancing is no part of this"
