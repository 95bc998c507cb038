"""A cross-validation as one result, and the labels that a glioma's regions become."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.datasets.cases import LabelledCase
from ml.datasets.regions import REGIONS, region_masks
from ml.engines.torch_engine import TorchEngine
from ml.evaluation.crossvalidation import Fold, as_table, join_scores, judge_fold, report_folds
from ml.glioma import labels_for, map_labels
from ml.models import Model
from ml.preparation import Preparation
from ml.stacks import stack_of_channels
from ml.tests.factories import threshold_model
from ml.uncertainty import volume_ratios

CHANNELS = ("FLAIR", "T1ce")
BOTH = [("FLAIR", "T1ce"), ("FLAIR",)]


class Nested(torch.nn.Module):
    """Whole tumour is bright on FLAIR, core and enhancing tumour brighter on T1ce."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        flair, t1ce = images[:, :1], images[:, 1:]
        return 50 * torch.cat([flair - 0.55, t1ce - 0.35, t1ce - 0.75], dim=1)


def model() -> Model:
    card = replace(
        threshold_model().card,
        regions=REGIONS,
        mirror=False,
        preparation=Preparation(channels=CHANNELS, frame="square", side=32, scale="range"),
    )
    return Model(card, TorchEngine(Nested(), precision="f32"))


def case(name: str, *, enhances: bool = True) -> LabelledCase:
    labels = np.zeros((3, 32, 32), dtype=np.uint8)
    labels[1, 8:24, 8:24], labels[1, 10:20, 10:20] = 2, 1
    if enhances:
        labels[1, 12:16, 12:16] = 4
    flair = np.where(labels > 0, 250, 100)
    t1ce = np.select([labels == 4, labels == 1], [250, 150], 60)
    t1ce[0, 0, 0] = 250
    flair[:, :2], t1ce[:, 1:2] = 0, 0
    stack = stack_of_channels({"FLAIR": flair, "T1ce": t1ce}, (1.0, 1.0), CHANNELS)
    return LabelledCase(name, name, stack, labels > 0, labels)


def judged(*folds: list[LabelledCase]) -> dict[str, object]:
    kept = [judge_fold(Fold(model(), cases), shown=BOTH, regions=REGIONS) for cases in folds]
    return report_folds(join_scores(kept), seed=0)


def test_each_patient_of_each_fold_counts_once_for_each_region() -> None:
    report = judged([case("one"), case("two")], [case("three")])
    sets = report["sets"]
    assert isinstance(sets, dict)
    assert sets.keys() == {"FLAIR+T1ce", "FLAIR"}
    assert sets["FLAIR+T1ce"].keys() == set(REGIONS)
    for region in REGIONS:
        found = sets["FLAIR+T1ce"][region]
        assert (found["patients"], found["dice"]["mean"]) == (3, pytest.approx(1.0))
    assert [row["patient"] for row in found["cases"]] == ["one", "two", "three"]


def test_nothing_is_said_of_core_and_enhancement_without_contrast() -> None:
    sets = judged([case("one")])["sets"]
    assert isinstance(sets, dict)
    assert sets["FLAIR"].keys() == {"whole"}


def test_where_nothing_enhances_silence_counts_and_not_dice() -> None:
    report = judged([case("one"), case("two", enhances=False)])
    found = report["sets"]["FLAIR+T1ce"]["enhancing"]  # type: ignore[index]
    # The network, which scales each scan by itself, takes the brightest voxels for enhancing.
    assert (found["patients"], found["without"]) == (2, 1)
    assert [row["dice"] is None for row in found["cases"]] == [False, True]
    assert "of 1" in as_table(report)


def test_the_report_is_plain_and_calibrates_volumes(tmp_path: Path) -> None:
    report = json.loads(json.dumps(judged([case("one"), case("two")])))
    (ratios,) = volume_ratios([report["sets"]["FLAIR+T1ce"]["whole"]])
    assert ratios == [pytest.approx(1.0), pytest.approx(1.0)]


def test_labels_are_those_of_brats_and_without_contrast_there_is_one() -> None:
    one = case("one")
    regions = region_masks(one, REGIONS)
    assert np.array_equal(map_labels(regions, ("FLAIR", "T1ce")), one.labels)
    assert set(np.unique(map_labels(regions, ("FLAIR", "T2")))) == {0, 1}
    assert labels_for(("FLAIR", "T2")) == {1: "whole tumour"}
    assert labels_for(("T1ce",))[4] == "enhancing tumour"
