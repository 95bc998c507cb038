"""``python -m ml crossvalidate`` on runs and patients of a second."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.datasets.splits import PatientSplit, write_split
from ml.evaluation.crossvalidation import judged_source
from ml.tests.training_factories import (
    PATIENTS,
    tiny_config,
    tiny_source,
    write_config,
    write_patients,
)
from ml.training import loop
from ml.training.config import TrainingConfig, read_config


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


def test_several_processes_judge_as_one_does(tmp_path: Path) -> None:
    path = folds(tmp_path)
    for number in (1, 2):
        config = replace(read_config(path, fold=number), epochs=1, steps_per_epoch=1)
        config = replace(config, sources=tuple(replace(s, validate_on=()) for s in config.sources))
        loop.train(config, data_root=tmp_path, output=tmp_path / config.name, device="cpu")

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


def two_sources(*splits: str) -> TrainingConfig:
    sources = tuple(tiny_source(Path("unread"), split=split) for split in splits)
    return tiny_config(Path("unread"), sources=sources)


def test_the_source_with_folds_is_judged_and_the_others_only_teach() -> None:
    assert judged_source(two_sources("lgg.toml", "glioma-{fold}.toml")) == 1
    with pytest.raises(ValueError, match="0 sources have folds"):
        judged_source(two_sources("lgg.toml"))
