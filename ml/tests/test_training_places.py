"""Teaching a network that names tumours where they are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ml.datasets.cases import DatasetError
from ml.datasets.figshare import NO_TUMOUR, iterate_types
from ml.datasets.splits import PatientSplit, write_split
from ml.networks.build import read_network
from ml.networks.places import STRIDE
from ml.preparation import Preparation
from ml.training.augmentation import Augmentation
from ml.training.config import DataSource, Sampling, TrainingConfig
from ml.training.loop import train
from ml.training.naming import PictureSampler, PlacesLoss

CLASSES = ("glioma", NO_TUMOUR)
SIDE = 64
CELLS = (SIDE // STRIDE) ** 2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Grey heads, every other one with a bright tumour in a corner and its mask."""
    folder = tmp_path / "types"
    folder.mkdir()
    rows, columns = np.mgrid[:60, :60]
    head = np.hypot(rows - 30, columns - 30) < 28
    with (folder / "index.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "fold"])
        for number in range(12):
            has_tumour = number % 2 == 0
            where = (16, 16) if number % 4 else (16, 44)
            tumour = (np.hypot(rows - where[0], columns - where[1]) < 8) & has_tumour
            picture = np.where(head, 100, 0) + np.where(tumour, 120, 0)
            Image.fromarray(picture.astype(np.uint8)).save(folder / f"{number}.png")
            if has_tumour:
                Image.fromarray(tumour).save(folder / f"{number}_mask.png")
            writer.writerow([f"{number}.png", CLASSES[number % 2], 1 + number // 2 % 3])
    parts = [frozenset({f"fold-{n}"}) for n in (1, 2, 3)]
    write_split(tmp_path / "folds.toml", PatientSplit(*parts), header="For a test.")
    return tmp_path


def config(root: Path, augmentation: Augmentation | None = None) -> TrainingConfig:
    kind = {"kind": "classifier", "in_channels": 1, "out_channels": 2, "background": 1}
    return TrainingConfig(
        name="places",
        classes=CLASSES,
        labels={},
        sources=(DataSource("types", "types", str(root / "folds.toml"), validate_on=()),),
        network=read_network(kind),
        preparation=Preparation(channels=("T1ce",), frame="fit", side=SIDE),
        sampling=Sampling(order="pass"),
        augmentation=augmentation or Augmentation(),
        epochs=2,
        batch_size=2,
        threads=1,
    )


def sampler(root: Path, augmentation: Augmentation | None = None) -> PictureSampler:
    slices = list(iterate_types(root / "types", with_masks=True))
    return PictureSampler(slices, config(root, augmentation))


def test_every_cell_is_shared_between_the_tumour_and_the_background(root: Path) -> None:
    drawn = sampler(root)
    items = [drawn[n] for n in range(12)]
    for _, shares in items:
        assert shares.shape == (2, 1 + CELLS)
        assert torch.allclose(shares.sum(dim=0), torch.ones(1 + CELLS))
        has_tumour = bool(shares[0, 0] == 1)
        assert bool(shares[0, 1:].sum() > 0) == has_tumour
    assert sum(float(shares[0, 0]) for _, shares in items) == 6


@pytest.mark.parametrize("strength", [Augmentation(), Augmentation(flip=1.0, rotation=20.0)])
def test_the_cells_move_with_the_picture(root: Path, strength: Augmentation) -> None:
    drawn = sampler(root, strength)
    for picture, shares in (drawn[n] for n in range(12)):
        if shares[0, 0] == 1:
            lit = (picture > picture.min() + 0.7 * (picture.max() - picture.min())).float()
            cells = torch.nn.functional.avg_pool2d(lit, STRIDE).flatten()
            assert torch.corrcoef(torch.stack([cells, shares[0, 1:]]))[0, 1] > 0.9


def test_a_tumour_without_its_mask_is_refused(root: Path) -> None:
    (root / "types" / "4_mask.png").unlink()
    with pytest.raises(DatasetError, match="4_mask"):
        list(iterate_types(root / "types", with_masks=True))


def test_places_are_answered_in_training_alone() -> None:
    kind = {"kind": "classifier", "in_channels": 1, "out_channels": 4, "background": 3}
    network = read_network(kind).build()
    pictures = torch.rand(2, 1, 96, 64)
    assert network.train()(pictures).shape == (2, 4, 1 + 6 * 4)
    assert network.eval()(pictures).shape == (2, 4)


def test_the_background_is_one_of_the_outputs() -> None:
    kind = {"kind": "classifier", "in_channels": 1, "out_channels": 2, "background": 2}
    with pytest.raises(ValueError, match="the background is one of the outputs"):
        read_network(kind).build()


def test_one_tumour_cell_missed_weighs_as_much_as_the_whole_background_missed() -> None:
    shares = torch.zeros(1, 2, 1 + 9)
    shares[:, 0, :2] = 1
    shares[:, 1, 2:] = 1
    right = 8 * (2 * shares - 1)
    missed, marked = right.clone(), right.clone()
    missed[..., 1] *= -1
    marked[..., 2:] *= -1
    loss = PlacesLoss(background=1)
    blamed = [float(loss(logits, shares)) for logits in (right, missed, marked)]
    assert blamed[0] < 0.5
    assert blamed[1] == pytest.approx(blamed[2])
    assert blamed[1] > blamed[0] + 4


def test_a_batch_without_a_tumour_has_a_loss() -> None:
    shares = torch.zeros(2, 2, 1 + 9)
    shares[:, 1] = 1
    assert torch.isfinite(PlacesLoss(background=1)(torch.zeros(2, 2, 10), shares))


def test_a_run_learns_and_its_card_builds_the_network_again(root: Path) -> None:
    weights = train(config(root), data_root=root, output=root / "run")
    with (root / "run" / "log.csv").open() as stream:
        losses = [float(row["loss"]) for row in csv.DictReader(stream)]
    assert losses[-1] < losses[0]
    assert "background = 1" in weights.with_suffix(".toml").read_text()
