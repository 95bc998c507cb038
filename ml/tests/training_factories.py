"""A training run that takes a second: three synthetic patients and a network of two levels."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from ml.cards import write_toml
from ml.datasets.cases import LabelledCase
from ml.datasets.splits import PatientSplit, write_split
from ml.networks.build import NetworkSpec, read_network
from ml.preparation import Preparation
from ml.stacks import AxialStack
from ml.tests.factories import lgg_slices, write_packed_case
from ml.training.config import DataSource, TrainingConfig

PATIENTS = ("TCGA_AA_0001", "TCGA_AA_0002", "TCGA_AA_0003")
SIDE = 32
SQUARE = Preparation(frame="square", side=SIDE)
SMALL = {"widths": [4, 8]}


def write_patients(root: Path, slices: int = 4) -> Path:
    """One patient for each part of the split ``tiny.toml``, four slices each, one of them empty."""
    for seed, patient in enumerate(PATIENTS):
        pixels, masks = lgg_slices(slices, side=SIDE, seed=seed)
        write_packed_case(root / "lgg" / f"{patient}_20000101", pixels, masks, suffix=".png")
    parts = [frozenset({patient}) for patient in PATIENTS]
    write_split(root / "tiny.toml", PatientSplit(*parts), header="For a test.")
    return root


def tiny_source(root: Path, **changes: Any) -> DataSource:
    # A path is taken as it is, so that the split need not lie with those of the project.
    values: dict[str, Any] = {"dataset": "lgg", "folder": "lgg", "split": str(root / "tiny.toml")}
    return DataSource(**{**values, **changes})


def tiny_network(**options: Any) -> NetworkSpec:
    return read_network({**SMALL, **options})


def tiny_config(root: Path, **changes: Any) -> TrainingConfig:
    """Two epochs of three steps of two slices, on the patients of :func:`write_patients`."""
    values: dict[str, Any] = {
        "name": "tiny",
        "sources": (tiny_source(root),),
        "network": tiny_network(),
        "preparation": SQUARE,
        "sequences": ("COMPOSITE",),
        "seed": 7,
        "epochs": 2,
        "steps_per_epoch": 3,
        "batch_size": 2,
        "threads": 1,
    }
    return TrainingConfig(**{**values, **changes})


def write_config(path: Path, root: Path, **tables: Mapping[str, Any]) -> Path:
    """A configuration file of the same run; ``tables`` are added or take others' places."""
    document: dict[str, Any] = {
        "name": "tiny",
        "seed": 7,
        "epochs": 2,
        "steps_per_epoch": 3,
        "batch_size": 2,
        "threads": 1,
        "sources": [{"dataset": "lgg", "folder": "lgg", "split": str(root / "tiny.toml")}],
        "network": SMALL,
        "preparation": {"frame": "square", "side": SIDE},
    }
    write_toml(path, {**document, **tables})
    return path


def labelled_case(
    count: int = 6, side: int = SIDE, *, with_tumour: int | None = None, seed: int = 0
) -> LabelledCase:
    """A case in memory; its last ``with_tumour`` slices (or all but the first) show tumour."""
    pixels, masks = lgg_slices(count, side=side, seed=seed)
    if with_tumour is not None:
        masks[: count - with_tumour] = False
    stack = AxialStack(np.ascontiguousarray(pixels.swapaxes(0, 1)), (True, True, True))
    return LabelledCase(f"case{seed}", f"patient{seed}", stack, masks)


def read_log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def timeless(log: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "minutes"} for row in log]


def assert_same(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> None:
    """Bit by bit the same tensors under the same names."""
    assert one.keys() == two.keys()
    different = [name for name, value in one.items() if not torch.equal(value, two[name])]
    assert not different


def assert_finite(weights: Path) -> None:
    for name, value in load_file(weights).items():
        assert torch.isfinite(value).all(), name
