"""Which patient trains, chooses or judges: written down once, and nobody in two parts."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from ml.datasets.lgg import patient_of
from ml.datasets.splits import PARTS, SPLITS, PatientSplit, make_split, read_split, write_split
from ml.tests.factories import shared_folder

PATIENTS = [f"P{number:03d}" for number in range(60)]
WRITTEN = sorted(SPLITS.glob("*.toml"))


def test_a_patient_in_two_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="two parts"):
        PatientSplit(frozenset("ab"), frozenset("c"), frozenset("a"))


def test_the_parts_of_a_made_split_share_nobody_and_leave_nobody_out() -> None:
    split = make_split(PATIENTS, seed=1)

    assert sorted([*split.train, *split.validation, *split.test]) == PATIENTS
    assert [len(split.part(name)) for name in PARTS] == [39, 9, 12]


@pytest.mark.parametrize("seed", [0, 1, 2026])
def test_the_same_patients_are_split_the_same_whatever_their_order(seed: int) -> None:
    expected = make_split(PATIENTS, seed=seed, always_test=("P007",))
    for shuffle in range(5):
        mixed = PATIENTS + PATIENTS[:10]
        random.Random(shuffle).shuffle(mixed)
        assert make_split(mixed, seed=seed, always_test=("P007",)) == expected


def test_another_seed_gives_another_split() -> None:
    assert make_split(PATIENTS, seed=1) != make_split(PATIENTS, seed=2)


@pytest.mark.parametrize("seed", range(5))
def test_some_patients_always_judge_and_the_part_keeps_its_size(seed: int) -> None:
    split = make_split(PATIENTS, seed=seed, always_test=("P003", "P004"))

    assert {"P003", "P004"} <= split.test
    assert len(split.test) == 12


def test_a_written_split_reads_back_as_it_was(tmp_path: Path) -> None:
    split = make_split(PATIENTS, seed=3)

    write_split(tmp_path / "split.toml", split, header="Made for a test,\nin two lines.")

    assert read_split(tmp_path / "split.toml") == split
    lines = (tmp_path / "split.toml").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["# Made for a test,", "# in two lines."]


def test_an_empty_part_reads_back_too(tmp_path: Path) -> None:
    split = PatientSplit(frozenset("ab"), frozenset("c"), frozenset())
    write_split(tmp_path / "split.toml", split, header="Without a test part.")
    assert read_split(tmp_path / "split.toml") == split


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="not 'holdout'"):
        make_split(PATIENTS, seed=1).part("holdout")


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_the_written_splits_name_each_patient_once(path: Path) -> None:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    names = [name for part in PARTS for name in document[part]]

    assert len(names) == len(set(names))
    assert all(document[part] for part in PARTS)
    assert not any(patient_of(name) != name for name in names), "patients, not cases"


def test_the_patients_of_the_sample_files_never_train() -> None:
    assert "TCGA_FG_6692" in read_split(SPLITS / "lgg.toml").test
    assert "BraTS2021_01485" in read_split(SPLITS / "brats.toml").test


@pytest.mark.parametrize("name", ["lgg", "brats"])
def test_the_written_splits_cover_the_shared_data(name: str) -> None:
    folders = [folder.name for folder in shared_folder(name).iterdir() if folder.is_dir()]
    split = read_split(SPLITS / f"{name}.toml")

    assert {patient_of(folder) for folder in folders} == split.train | split.validation | split.test
