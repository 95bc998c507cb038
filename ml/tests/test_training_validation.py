"""Who is read for training and for validation, and how validation judges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.datasets.cases import DatasetError, LabelledCase
from ml.datasets.splits import PatientSplit, write_split
from ml.stacks import flair_only, only_channels
from ml.tests.factories import THRESHOLD_SPEC, threshold_network
from ml.tests.training_factories import (
    PATIENTS,
    labelled_case,
    tiny_config,
    tiny_source,
    write_patients,
)
from ml.training.config import Sampling, TrainingConfig
from ml.training.validation import Validation, read_part, read_validation, validate

NOWHERE = Path("unread")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patients(tmp_path_factory.mktemp("data"))


def patients(cases: list[LabelledCase]) -> list[str]:
    return [case.patient for case in cases]


# Who is read


def test_the_parts_of_the_split_are_kept_apart(root: Path) -> None:
    source = tiny_source(root)
    for part, patient in zip(("train", "validation", "test"), PATIENTS, strict=True):
        assert patients(read_part(source, root, (part,))) == [patient]


def test_several_parts_are_read_together_and_none_reads_nobody(root: Path) -> None:
    source = tiny_source(root)
    assert patients(read_part(source, root, ("validation", "train"))) == list(PATIENTS[:2])
    assert read_part(source, root, ()) == []


def test_a_source_may_read_fewer_channels(root: Path) -> None:
    (case,) = read_part(tiny_source(root, channels=("FLAIR",)), root, ("train",))
    assert case.stack.channels == ("FLAIR",)


def test_a_patient_who_is_not_there_is_named(root: Path, tmp_path: Path) -> None:
    split = PatientSplit(frozenset({PATIENTS[0], "TCGA_ZZ_9999"}), frozenset(), frozenset())
    write_split(tmp_path / "more.toml", split, header="For a test.")
    source = tiny_source(root, split=str(tmp_path / "more.toml"))

    with pytest.raises(DatasetError, match="does not hold these patients: TCGA_ZZ_9999"):
        read_part(source, root, ("train",))


@pytest.mark.parametrize(
    ("changes", "part", "message"),
    [
        ({}, "trian", "parts train, validation, test, not 'trian'"),
        ({"dataset": "lgs"}, "train", "dataset is one of lgg, brats"),
    ],
)
def test_a_name_that_means_nothing_is_refused(
    root: Path, changes: dict[str, Any], part: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_part(tiny_source(root, **changes), root, (part,))


def test_two_sources_of_one_kind_are_both_validated(root: Path) -> None:
    sources = (tiny_source(root), tiny_source(root, validate_on=("test",)))
    found = read_validation(tiny_config(root, sources=sources), root)
    assert patients(found["lgg"]) == list(PATIENTS[1:])


def test_a_source_that_validates_on_nobody_is_left_out(root: Path) -> None:
    sources = (tiny_source(root, validate_on=()),)
    assert read_validation(tiny_config(root, sources=sources), root) == {}


# How it judges


def judging_config(**changes: Any) -> TrainingConfig:
    """For the network that marks what is bright on FLAIR."""
    return tiny_config(NOWHERE, network=THRESHOLD_SPEC, **changes)


def emptied(case: LabelledCase) -> LabelledCase:
    """The same image with a reference in which the tumour lies elsewhere."""
    return replace(case, mask=np.roll(case.mask, 16, axis=2) & ~case.mask)


def test_a_network_that_marks_the_tumour_scores_high_and_one_that_does_not_scores_nothing() -> None:
    case = labelled_case(5)
    every = replace(case, mask=case.stack.pixels[1] > 100)

    right = validate(threshold_network(), {"lgg": [every]}, judging_config())
    wrong = validate(threshold_network(level=100.0), {"lgg": [every]}, judging_config())

    assert right.figures["dice_lgg"] > 0.8
    assert wrong.figures["dice_lgg"] == 0
    assert right.score == right.figures["dice_lgg"]


def test_a_patient_with_several_cases_counts_once() -> None:
    good = replace(labelled_case(5), mask=labelled_case(5).stack.pixels[1] > 100)
    bad = emptied(good)
    other = replace(good, patient="other")
    config = judging_config()
    alone = validate(threshold_network(), {"lgg": [good]}, config).figures["dice_lgg"]

    found = validate(threshold_network(), {"lgg": [good, bad, bad, other]}, config)

    assert alone > 0.8
    assert found.figures["dice_lgg"] == pytest.approx((alone / 3 + alone) / 2)


def test_a_network_that_is_shown_flair_alone_is_judged_on_that_as_well() -> None:
    cases = {"lgg": [labelled_case(3)]}
    network = threshold_network()
    sampling = Sampling(flair_only_share=0.5)

    assert validate(network, cases, judging_config()).figures.keys() == {"dice_lgg"}
    found = validate(network, cases, judging_config(sampling=sampling))
    assert found.figures.keys() == {"dice_lgg", "dice_lgg_flair"}
    flair = {"brats": [replace(labelled_case(3), stack=flair_only(labelled_case(3).stack))]}
    assert validate(network, flair, judging_config(sampling=sampling)).figures.keys() == {
        "dice_brats"
    }


def test_cases_without_flair_are_judged_by_what_they_have() -> None:
    case = labelled_case(3)
    without = replace(case, stack=only_channels(case.stack, ("T1", "T1ce")))
    config = judging_config(sampling=Sampling(flair_only_share=0.5))

    found = validate(threshold_network(), {"lgg": [without]}, config)

    assert found.figures.keys() == {"dice_lgg"}


def test_the_score_is_the_mean_of_the_data_sets_and_none_without_any() -> None:
    gallery = validate(threshold_network(), {}, judging_config()).examples
    assert Validation({"a": 0.2, "b": 0.6}, gallery).score == pytest.approx(0.4)
    assert Validation({}, gallery).score is None
