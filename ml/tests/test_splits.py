"""Which patient trains, chooses or judges: written down once, and nobody in two parts."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.datasets.lgg import patient_of
from ml.datasets.splits import (
    PARTS,
    SAME_PATIENTS,
    SPLITS,
    PatientSplit,
    make_folds,
    make_split,
    person_of,
    read_split,
    write_split,
)
from ml.tests.factories import shared_folder
from ml.training.config import FOLD, read_config

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
    # Nobody chooses anything in the run that ships after a cross-validation.
    needed = ("train", "test") if path.stem.endswith("-0") else PARTS
    assert all(document[part] for part in needed)
    assert not any(patient_of(name) != name for name in names), "patients, not cases"


def test_the_patients_of_the_sample_files_never_train() -> None:
    assert "TCGA_FG_6692" in read_split(SPLITS / "lgg.toml").test
    assert "BraTS2021_01485" in read_split(SPLITS / "brats.toml").test
    assert "BraTS2021_01485" in read_split(SPLITS / "glioma-0.toml").test


CONFIGS = sorted((SPLITS.parent / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("fold", ["0", "1", "2", "3"])
def test_nobody_who_trains_a_model_tests_it_under_another_name(path: Path, fold: str) -> None:
    taught: set[str] = set()
    judging: set[str] = set()
    for source in read_config(path).sources:
        split = read_split(SPLITS / source.split.replace(FOLD, fold))
        # What only teaches judges nobody; its other parts are not read.
        parts = [] if source.teaches else sorted({"test", *source.validate_on})
        judging.update(person_of(name) for part in parts for name in split.part(part))
        trained = frozenset[str]().union(*(split.part(part) for part in source.train_on))
        taught.update(person_of(name) for name in trained)
    assert not taught & judging


def test_who_is_in_two_data_sets_is_one_person() -> None:
    assert person_of("BraTS2021_01485") == person_of("TCGA_CS_6668") == "TCGA_CS_6668"
    assert person_of("Brats18_2013_2_1") == "Brats18_2013_2_1"
    known = tomllib.loads(SAME_PATIENTS.read_text(encoding="utf-8"))
    lgg, brats = (read_split(SPLITS / f"{name}.toml") for name in ("lgg", "brats"))
    assert set(known) <= brats.train | brats.validation | brats.test
    assert set(known.values()) <= lgg.train | lgg.validation | lgg.test
    without = read_split(SPLITS / "lgg_without_brats.toml")
    assert not set(known.values()) & (without.train | without.validation | without.test)


@pytest.mark.parametrize("name", ["lgg", "brats"])
def test_the_written_splits_cover_the_shared_data(name: str) -> None:
    folders = [folder.name for folder in shared_folder(name).iterdir() if folder.is_dir()]
    split = read_split(SPLITS / f"{name}.toml")

    assert {patient_of(folder) for folder in folders} == split.train | split.validation | split.test


@pytest.mark.parametrize("name", ['the "quoted"', "back\\slash", "Zoë", "P-1.2", ""])
def test_any_name_survives_being_written(tmp_path: Path, name: str) -> None:
    split = PatientSplit(frozenset({name}), frozenset({"b"}), frozenset())
    write_split(tmp_path / "split.toml", split, header="Names.")
    assert read_split(tmp_path / "split.toml") == split


@pytest.mark.parametrize(
    "text", ["", "train = []\ntest = []", "train = 1\nvalidation = 2\ntest = 3"]
)
def test_a_file_that_is_no_split_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "split.toml").write_text(text)
    with pytest.raises(ValueError, match=r"split\.toml has no list '\w+'"):
        read_split(tmp_path / "split.toml")


# Cross-validation


@pytest.mark.parametrize("count", [3, 5, 7, 60])
def test_each_patient_judges_in_one_fold_and_chooses_in_one(count: int) -> None:
    folds = make_folds(PATIENTS, count=count, seed=1)

    assert len(folds) == count
    for part in ("test", "validation"):
        assert sorted(name for fold in folds for name in fold.part(part)) == PATIENTS
    for fold in folds:
        assert fold.train | fold.validation | fold.test == set(PATIENTS)
        assert len(PATIENTS) // count <= len(fold.test) <= -(-len(PATIENTS) // count)


def test_the_same_patients_are_folded_the_same_whatever_their_order() -> None:
    expected = make_folds(PATIENTS, count=5, seed=7)
    mixed = PATIENTS + PATIENTS[:10]
    random.Random(3).shuffle(mixed)

    assert make_folds(mixed, count=5, seed=7) == expected
    assert make_folds(PATIENTS, count=5, seed=8) != expected


@pytest.mark.parametrize(("count", "reason"), [(2, "at least 3"), (61, "too few for 61 folds")])
def test_folds_that_cannot_be_are_refused(count: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make_folds(PATIENTS, count=count, seed=1)


# The command


def write_names(root: Path, count: int = 20) -> Path:
    """A data set in the packed layout of which only the names matter."""
    for number in range(count):
        case = root / f"TCGA_CS_{number:04d}_19990101"
        case.mkdir(parents=True)
        (case / "001.jpg").touch()
    return root


def split_command(root: Path, out: Path, *more: str) -> int:
    return main(["split", "--dataset", "lgg", "--root", str(root), "--out", str(out), *more])


def test_the_command_writes_the_same_split_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_names(tmp_path / "lgg")
    one, two = tmp_path / "one.toml", tmp_path / "new" / "two.toml"

    for out in (one, two):
        assert split_command(root, out, "--always-test", "TCGA_CS_0003", "TCGA_CS_0005") == 0

    assert one.read_bytes() == two.read_bytes()
    split = read_split(one)
    assert {"TCGA_CS_0003", "TCGA_CS_0005"} <= split.test
    assert [len(split.part(name)) for name in PARTS] == [13, 3, 4]
    assert "13 train, 3 validation, 4 test" in capsys.readouterr().out
    assert "make_split(seed=2026" in one.read_text(encoding="utf-8")


def test_the_command_takes_shares_and_a_seed(tmp_path: Path) -> None:
    root, out = write_names(tmp_path / "lgg"), tmp_path / "split.toml"
    split_command(root, out, "--validation", "0.1", "--test", "0.5", "--seed", "3")
    names = [f"TCGA_CS_{number:04d}" for number in range(20)]
    assert read_split(out) == make_split(names, seed=3, validation_share=0.1, test_share=0.5)


def test_the_command_writes_a_file_for_each_fold(tmp_path: Path) -> None:
    root = write_names(tmp_path / "lgg")
    assert split_command(root, tmp_path / "fold.toml", "--folds", "4") == 0

    folds = [read_split(tmp_path / f"fold-{number}.toml") for number in (1, 2, 3, 4)]

    assert len(frozenset().union(*(fold.test for fold in folds))) == 20
    assert len(read_split(tmp_path / "fold-0.toml").train) == 20


def test_what_ships_after_a_cross_validation_never_trains_on_who_is_kept_out(
    tmp_path: Path,
) -> None:
    root, rare = write_names(tmp_path / "lgg"), ["TCGA_CS_0001", "TCGA_CS_0002", "TCGA_CS_0003"]
    asked = ["--folds", "3", "--always-test", "TCGA_CS_0007", "--spread", *rare]
    assert split_command(root, tmp_path / "fold.toml", *asked) == 0

    ships = read_split(tmp_path / "fold-0.toml")
    assert (ships.test, len(ships.train)) == (frozenset({"TCGA_CS_0007"}), 19)
    for number in (1, 2, 3):
        assert len(read_split(tmp_path / f"fold-{number}.toml").test & set(rare)) == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--always-test", "TCGA_CS_9999"), "does not hold TCGA_CS_9999"),
        (("--validation", "0.6", "--test", "0.6"), "nobody to train with"),
        (("--folds", "30"), "too few for 30 folds"),
    ],
)
def test_a_split_that_cannot_be_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], reason: str
) -> None:
    assert split_command(write_names(tmp_path / "lgg"), tmp_path / "split.toml", *more) == 1
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("*.toml"))


@pytest.mark.parametrize("share", ["1", "-0.1", "half"])
def test_a_share_that_is_none_is_refused(tmp_path: Path, share: str) -> None:
    with pytest.raises(SystemExit):
        split_command(tmp_path, tmp_path / "split.toml", "--test", share)


def test_the_command_finds_the_written_split_again(tmp_path: Path) -> None:
    root = shared_folder("lgg")
    assert split_command(root, tmp_path / "lgg.toml", "--always-test", "TCGA_FG_6692") == 0
    assert read_split(tmp_path / "lgg.toml") == read_split(SPLITS / "lgg.toml")
