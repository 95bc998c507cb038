"""Teaching the type of a tumour: what is shown, what stays as it was, and a run that learns."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from ml.datasets.cases import DatasetError
from ml.datasets.figshare import iterate_types
from ml.datasets.splits import PatientSplit, write_split
from ml.networks.build import read_network
from ml.networks.classifier import Classifier, ClassifierConfig
from ml.preparation import Preparation
from ml.training.augmentation import Augmentation
from ml.training.config import DataSource, Sampling, TrainingConfig
from ml.training.loop import train
from ml.training.naming import NamingTask, PictureSampler
from ml.tumour_type.pictures import fit_picture

CLASSES = ("glioma", "pituitary")
FITTED = Preparation(channels=("T1ce",), frame="fit", side=64)


def write_pictures(root: Path, folds: int = 3, each: int = 4) -> Path:
    """Discs with a bright (glioma) or a dark (pituitary) middle, four of each in every fold."""
    (root / "types").mkdir(parents=True)
    draw = np.random.default_rng(0)
    rows, columns = np.mgrid[:60, :50]
    distance = np.hypot(rows - 30, columns - 25)
    with (root / "types" / "index.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "fold"])
        for number in range(folds * each * 2):
            label = CLASSES[number % 2]
            picture = np.where(distance < 22, 120 + draw.normal(0, 5, distance.shape), 0)
            picture[distance < 8] = 230 if label == "glioma" else 40
            name = f"{number}.png"
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(root / "types" / name)
            writer.writerow([name, label, 1 + number // 2 % folds])
    parts = [frozenset({f"fold-{n}"}) for n in (1, 2, 3)]
    write_split(root / "folds.toml", PatientSplit(*parts), header="For a test.")
    return root


def config(root: Path, **changes: Any) -> TrainingConfig:
    values: dict[str, Any] = {
        "name": "kind",
        "classes": CLASSES,
        "labels": {},
        "sources": (DataSource("types", "types", str(root / "folds.toml")),),
        "network": read_network({"kind": "classifier", "in_channels": 1, "out_channels": 2}),
        "preparation": FITTED,
        "epochs": 2,
        "steps_per_epoch": 6,
        "batch_size": 4,
        "threads": 1,
        "seed": 3,
    }
    return TrainingConfig(**{**values, **changes})


def test_the_head_just_fits_and_keeps_its_shape(tmp_path: Path) -> None:
    one = next(iterate_types(write_pictures(tmp_path) / "types"))
    picture = fit_picture(one.stack, FITTED)
    assert picture.shape == (1, 64, 64)
    lit = picture[0] > picture[0].min() + 0.5
    height, width = np.ptp(np.flatnonzero(lit.any(axis=1))), np.ptp(np.flatnonzero(lit.any(axis=0)))
    assert height == pytest.approx(width, abs=3)
    # The head has a margin of four pixels before it is scaled.
    assert 50 <= height <= 63


def test_a_sample_unvaried_is_what_the_network_reads_in_use(tmp_path: Path) -> None:
    slices = list(iterate_types(write_pictures(tmp_path) / "types"))
    made = config(tmp_path, sampling=Sampling(order="pass"), augmentation=Augmentation())
    sampler = PictureSampler(slices, made)
    shown = [sampler[n] for n in range(len(slices))]
    for picture, label in shown:
        matches = [
            one
            for one in slices
            if np.allclose(fit_picture(one.stack, FITTED), picture.numpy(), atol=1e-4)
        ]
        assert [one.label for one in matches] == [CLASSES[int(label)]]


def test_classes_are_drawn_alike_however_many_pictures_they_have(tmp_path: Path) -> None:
    slices = list(iterate_types(write_pictures(tmp_path) / "types"))
    few = [one for one in slices if one.label == "glioma"][:1]
    rest = [one for one in slices if one.label == "pituitary"]
    sampler = PictureSampler([*few, *rest], config(tmp_path))
    labels = [int(sampler[n][1]) for n in range(200)]
    assert np.mean(labels) == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 200))


def test_a_class_without_pictures_is_refused(tmp_path: Path) -> None:
    slices = list(iterate_types(write_pictures(tmp_path) / "types"))
    with pytest.raises(ValueError, match="no picture of pituitary"):
        PictureSampler([one for one in slices if one.label == "glioma"], config(tmp_path))


def test_a_run_learns_ends_with_a_card_and_resumes_to_the_same_weights(tmp_path: Path) -> None:
    root = write_pictures(tmp_path)
    whole = train(config(root, epochs=3), data_root=root, output=tmp_path / "whole")
    with (tmp_path / "whole" / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert "accuracy" in rows[0]
    assert 'classes = ["glioma", "pituitary"]' in whole.with_suffix(".toml").read_text()
    part = tmp_path / "part"
    train(config(root, epochs=1), data_root=root, output=part)
    resumed = train(config(root, epochs=3), data_root=root, output=part, resume=True)
    mine, theirs = load_file(resumed), load_file(whole)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_fold_without_pictures_is_refused(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, folds=2)
    with pytest.raises(DatasetError, match="lacks fold-3"):
        train(
            config(root, sources=(
                DataSource("types", "types", str(root / "folds.toml"), train_on=("test",)),
            )),
            data_root=root, output=tmp_path / "out",
        )  # fmt: skip


def test_frozen_blocks_keep_weights_and_statistics() -> None:
    torch.manual_seed(0)
    network = Classifier(ClassifierConfig(out_channels=2, trained_blocks=3))
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.rand(4, 1, 64, 64)).sum().backward()
    optimiser.step()
    after = network.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    blocks = {int(name.split(".")[2]) for name in moved if name.startswith("encoder._blocks.")}
    assert blocks == {13, 14, 15}
    assert not any(name.startswith(("encoder._conv_stem", "encoder._bn0")) for name in moved)


def test_of_a_source_only_the_files_that_are_asked_for_are_shown(tmp_path: Path) -> None:
    root = write_pictures(tmp_path)
    source = DataSource("types", "types", str(root / "folds.toml"), only="1")
    run = NamingTask(config(root, sources=(source,)), root)
    # Of the first fold's 0, 1, 6, 7, 12, 13, 18 and 19.
    assert len(run.sampler.cases) == 5
