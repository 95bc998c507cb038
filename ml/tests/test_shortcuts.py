"""Trials that unmask a network which knows pictures by their looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.datasets.figshare import NO_TUMOUR, TypedSlice
from ml.evaluation.shortcuts import as_table, run_shortcuts, tumour_free_slices
from ml.networks.build import NetworkSpec
from ml.preparation import Preparation
from ml.stacks import stack_of_channels
from ml.tests.factories import lgg_slices, write_packed_case
from ml.tumour_type import TypeModel
from ml.tumour_type.calibration import Calibration
from ml.tumour_type.model import TypeCard

CLASSES = ("glioma", NO_TUMOUR)
PREPARATION = Preparation(channels=("T1ce",), frame="fit", side=48, scale="range")


def shown(label: str, *, grey: float, tumour: bool) -> TypedSlice:
    """A head of that grey, of even look, with or without a bright square."""
    picture = np.zeros((60, 60), dtype=np.float32)
    picture[10:50, 10:50] = grey
    picture[10:12, 10:50] = 255
    if tumour:
        picture[24:34, 24:34] = 250
    stack = stack_of_channels({"T1ce": picture[None]}, order=("T1ce",))
    return TypedSlice("x", label, "fold-4", stack)


class ByGrey(nn.Module):
    """Cheats: dark heads are tumours."""

    def forward(self, pictures: Tensor) -> Tensor:
        dark = pictures[:, 0].median(dim=1).values.median(dim=1).values
        return torch.stack([0.5 - dark, dark - 0.5], dim=1)


class BySquare(nn.Module):
    """Honest: something in the middle is brighter than the rest."""

    def forward(self, pictures: Tensor) -> Tensor:
        middle = pictures[:, 0, 18:28, 18:28].mean(dim=(1, 2))
        rest = pictures[:, 0, 34:44, 34:44].mean(dim=(1, 2))
        return torch.stack([middle - rest - 0.02, rest - middle + 0.02], dim=1)


def model(network: nn.Module) -> TypeModel:
    card = TypeCard("t", "1", ("T1ce",), CLASSES, "", NetworkSpec(), PREPARATION, Calibration(), {})
    return TypeModel(card, network)


def pictures() -> list[TypedSlice]:
    return [
        *(shown("glioma", grey=60, tumour=True) for _ in range(3)),
        *(shown(NO_TUMOUR, grey=180, tumour=False) for _ in range(3)),
    ]


def right(network: nn.Module, change: str, truth: str) -> float:
    free = [shown(NO_TUMOUR, grey=60, tumour=False)]
    trials = run_shortcuts(model(network), pictures(), tumour_free=free)
    return next(one.right for one in trials if (one.change, one.truth) == (change, truth))


def test_a_network_that_knows_the_grey_values_is_unmasked() -> None:
    assert right(ByGrey(), "as they are", "glioma") == 1.0
    assert right(ByGrey(), "as they are", NO_TUMOUR) == 1.0
    assert right(ByGrey(), "grey values as of tumour-free pictures", "glioma") == 0.0
    assert right(ByGrey(), "tumour-free slices of LGG patients", NO_TUMOUR) == 0.0


@pytest.mark.parametrize(
    "change", ["as they are", "a wider black border", "no border", "darker", "brighter"]
)
def test_a_network_that_knows_the_tumour_passes(change: str) -> None:
    assert right(BySquare(), change, "glioma") == 1.0
    assert right(BySquare(), change, NO_TUMOUR) == 1.0


def test_the_table_has_a_line_for_each_change_and_class() -> None:
    table = as_table(run_shortcuts(model(BySquare()), pictures(), tumour_free=[]))
    assert len(table.splitlines()) == 2 + 8 * 2
    assert "called no tumour" in table


def test_tumour_free_slices_come_from_the_middle_and_have_no_tumour(tmp_path: Path) -> None:
    volume, masks = lgg_slices(10, side=32)
    masks[:] = False
    masks[5, 10:20, 10:20] = True
    write_packed_case(tmp_path / "TCGA_AA_0001_20000101", volume, masks, suffix=".png")
    found = list(tumour_free_slices(tmp_path, {"TCGA_AA_0001"}))
    assert {one.label for one in found} == {NO_TUMOUR}
    assert [int(one.file.rsplit("/", 1)[1]) for one in found] == [3, 4, 6]


def test_a_flair_that_stands_where_contrast_is_missing_is_no_contrast(tmp_path: Path) -> None:
    volume, masks = lgg_slices(10, side=32)
    volume[:, 2] = volume[:, 1]
    write_packed_case(tmp_path / "TCGA_AA_0001_20000101", volume, masks, suffix=".png")
    assert not list(tumour_free_slices(tmp_path, {"TCGA_AA_0001"}))
