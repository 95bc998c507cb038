"""Training on a handful of synthetic slices: it runs, it can be interrupted, it repeats itself."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ml.datasets import lgg
from ml.datasets.cases import LabelledCase
from ml.datasets.splits import PatientSplit, write_split
from ml.tests.factories import lgg_slices, write_packed_case
from ml.training import loop
from ml.training.augmentation import augment, build_augmentation
from ml.training.checkpoints import load_checkpoint, save_checkpoint
from ml.training.config import TrainingConfig, read_config
from ml.training.loop import BinaryLoss, average_weights, learning_rate_share, start_run, train
from ml.training.sampling import SliceSampler

CONFIG = """
name = "tiny"
version = "0"
seed = 7
epochs = 2
steps_per_epoch = 2
batch_size = 2
patch = [32, 32]
warmup_steps = 1
threads = 1

[network]
widths = [4, 8]

[[sources]]
dataset = "lgg"
folder = "lgg"
split = "tiny.toml"
"""
PATIENTS = ("TCGA_AA_0001", "TCGA_AA_0002", "TCGA_AA_0003")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients of three slices each, and their own split."""
    root = tmp_path_factory.mktemp("data")
    for seed, patient in enumerate(PATIENTS):
        write_packed_case(root / "lgg" / f"{patient}_20000101", *lgg_slices(3, side=48, seed=seed))
    parts = [frozenset({patient}) for patient in PATIENTS]
    write_split(root / "tiny.toml", PatientSplit(*parts), header="For a test.")
    return root


@pytest.fixture
def config(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingConfig:
    monkeypatch.setattr(loop, "SPLITS", data)
    (tmp_path / "tiny.toml").write_text(CONFIG, encoding="utf-8")
    return read_config(tmp_path / "tiny.toml")


@pytest.fixture
def cases(data: Path) -> dict[str, list[LabelledCase]]:
    return {"lgg": list(lgg.iterate_cases(data / "lgg", {PATIENTS[0]}))}


def read_log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


# The run


def test_a_run_writes_its_weights_its_log_and_its_checkpoint(
    config: TrainingConfig, data: Path, tmp_path: Path
) -> None:
    weights = train(config, data_root=data, output=tmp_path / "run")

    assert weights == tmp_path / "run" / "tiny.safetensors"
    state = load_file(weights)
    assert state.keys() == start_run(config).network.state_dict().keys()
    assert all(torch.isfinite(value.float()).all() for value in state.values())
    log = read_log(tmp_path / "run")
    assert [row["epoch"] for row in log] == ["1", "2"]
    assert all(np.isfinite(float(row["loss"])) for row in log)
    assert {"dice_lgg", "dice_lgg_flair"} <= log[0].keys()
    assert load_checkpoint(tmp_path / "run" / "checkpoint.pt")["epoch"] == 2


def interrupt_after_one_epoch(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has the second epoch stop as by Ctrl-C; returns what lets it run again."""
    train_epoch = loop._train_epoch

    def stop(run: Any, *arguments: Any) -> float:
        if run.epoch == 1:
            raise KeyboardInterrupt
        return train_epoch(run, *arguments)

    monkeypatch.setattr(loop, "_train_epoch", stop)
    return lambda: monkeypatch.setattr(loop, "_train_epoch", train_epoch)


def test_a_run_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(
    config: TrainingConfig, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(config, data_root=data, output=whole)

    let_run = interrupt_after_one_epoch(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(config, data_root=data, output=broken)
    assert load_checkpoint(broken / "checkpoint.pt")["epoch"] == 1
    let_run()
    torch.manual_seed(999)
    train(config, data_root=data, output=broken, resume=True)

    one, two = (load_checkpoint(folder / "checkpoint.pt") for folder in (whole, broken))
    for part in ("network", "average"):
        for name, value in one[part].items():
            assert torch.equal(value, two[part][name]), f"{part}: {name}"
    weights = [load_file(folder / "tiny.safetensors") for folder in (whole, broken)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert [row["epoch"] for row in read_log(broken)] == ["1", "2"]
    assert [row["loss"] for row in read_log(broken)] == [row["loss"] for row in read_log(whole)]


def test_resuming_a_finished_run_changes_nothing(
    config: TrainingConfig, data: Path, tmp_path: Path
) -> None:
    short = dataclasses.replace(config, epochs=1, steps_per_epoch=1)
    weights = train(short, data_root=data, output=tmp_path / "run")
    before = weights.read_bytes()

    assert train(short, data_root=data, output=tmp_path / "run", resume=True) == weights

    assert weights.read_bytes() == before
    assert len(read_log(tmp_path / "run")) == 1


def test_a_second_stage_begins_with_the_weights_it_is_given(
    config: TrainingConfig, data: Path, tmp_path: Path
) -> None:
    short = dataclasses.replace(config, epochs=1, steps_per_epoch=1)
    weights = train(short, data_root=data, output=tmp_path / "first")

    run = start_run(dataclasses.replace(config, start_from=str(weights)))

    for name, value in load_file(weights).items():
        assert torch.equal(run.network.state_dict()[name], value)
        assert torch.equal(run.average.module.state_dict()[name], value)


def test_the_parts_of_the_split_are_kept_apart(config: TrainingConfig, data: Path) -> None:
    for part, patient in zip(("train", "validation", "test"), PATIENTS, strict=True):
        cases = loop.read_part(config, data, part)
        assert [case.patient for case in cases["lgg"]] == [patient]


def test_a_checkpoint_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "checkpoint.pt"
    save_checkpoint(path, {"epoch": 1})

    def fail(state: dict[str, Any], partial: Path) -> None:
        partial.write_bytes(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"epoch": 2})

    assert load_checkpoint(path) == {"epoch": 1}
    assert load_checkpoint(tmp_path / "none.pt") is None


# Its parts


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    shares = [learning_rate_share(step, warmup=10, total=100) for step in range(101)]

    assert shares[0] == pytest.approx(0.1)
    assert shares[9] == shares[10] == 1.0
    assert shares[55] == pytest.approx(0.5)
    assert shares[100] == pytest.approx(0)
    steps = np.diff(shares)
    assert (steps[:9] > 0).all()
    assert (steps[10:] < 0).all()


def test_the_learning_rate_stays_at_nothing_after_the_end() -> None:
    assert learning_rate_share(500, warmup=10, total=100) == 0
    assert learning_rate_share(0, warmup=0, total=0) == 1


def test_the_average_follows_closely_at_first_and_slowly_later() -> None:
    update = average_weights(0.99)
    steps = {}
    for count in (0, 10, 10_000):
        mean = torch.zeros(2)
        update([mean], [torch.ones(2)], count)
        steps[count] = float(mean[0])

    assert steps[0] == pytest.approx(0.9)
    assert steps[10] == pytest.approx(1 - 11 / 20)
    assert steps[10_000] == pytest.approx(0.01, rel=1e-4)


def test_the_average_copies_counters() -> None:
    mean = torch.tensor(3)
    average_weights(0.99)([mean], [torch.tensor(8)], torch.tensor(5))
    assert mean == 8


def test_the_loss_is_least_where_the_logits_are_right() -> None:
    masks = torch.zeros(2, 1, 8, 8)
    masks[0, :, 2:5, 2:5] = 1
    loss = BinaryLoss()

    right, unsure, wrong = (float(loss(s * (2 * masks - 1), masks)) for s in (20.0, 0.0, -20.0))

    assert right == pytest.approx(0, abs=0.01)
    assert right < unsure < wrong


def test_the_loss_of_slices_without_tumour_is_finite() -> None:
    assert torch.isfinite(BinaryLoss()(torch.full((2, 1, 8, 8), -30.0), torch.zeros(2, 1, 8, 8)))


def test_a_drawn_slice_is_the_same_for_the_same_seed_and_position(
    config: TrainingConfig, cases: dict[str, list[LabelledCase]]
) -> None:
    one, two = SliceSampler(cases, config), SliceSampler(cases, config)
    two[5], two[0]

    for position in (0, 3, 1):
        for mine, other in zip(one[position], two[position], strict=True):
            assert torch.equal(mine, other)
    assert not torch.equal(one[0][0], one[1][0])


def test_a_drawn_slice_has_the_form_that_the_network_takes(
    config: TrainingConfig, cases: dict[str, list[LabelledCase]]
) -> None:
    sampler = SliceSampler(cases, config)
    assert len(sampler) == 8
    for position in range(12):
        image, mask = sampler[position]
        assert (image.shape, mask.shape) == ((3, 32, 32), (1, 32, 32))
        assert image.dtype == mask.dtype == torch.float32
        assert torch.isfinite(image).all()
        assert set(mask.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(("share", "expected"), [(1.0, True), (0.0, False)])
def test_slices_with_tumour_are_drawn_as_often_as_the_config_says(
    config: TrainingConfig, cases: dict[str, list[LabelledCase]], share: float, expected: bool
) -> None:
    still = {"rotation": 0.0, "scale": 0.0, "shift": 0.0}
    chosen = dataclasses.replace(
        config, tumour_slice_share=share, patch=(64, 64), augmentation=still
    )
    sampler = SliceSampler(cases, chosen)
    assert {bool(sampler[n][1].any()) for n in range(10)} == {expected}


@pytest.mark.parametrize(("share", "present"), [(1.0, {1}), (0.0, {0, 1, 2})])
def test_flair_stays_when_the_other_channels_are_hidden(
    config: TrainingConfig,
    cases: dict[str, list[LabelledCase]],
    share: float,
    present: set[int],
) -> None:
    sampler = SliceSampler(
        cases, dataclasses.replace(config, flair_only_share=share, channel_dropout=0.0)
    )
    for position in range(6):
        image, _ = sampler[position]
        assert {channel for channel in range(3) if image[channel].any()} == present


def test_a_source_to_be_stripped_is_there_with_and_without_its_skull(
    config: TrainingConfig, cases: dict[str, list[LabelledCase]]
) -> None:
    source = dataclasses.replace(config.sources[0], strip=True)
    sampler = SliceSampler(cases, dataclasses.replace(config, sources=(source,)))

    plain, stripped = sampler.cases
    assert stripped.mask.sum() == plain.mask.sum()
    assert (stripped.pixels > 0).sum() <= (plain.pixels > 0).sum()
    assert sampler[0][0].shape == (3, 32, 32)


def test_a_source_is_drawn_by_its_share(
    config: TrainingConfig, cases: dict[str, list[LabelledCase]]
) -> None:
    sources = tuple(
        dataclasses.replace(config.sources[0], dataset=name, share=share)
        for name, share in (("lgg", 1.0), ("other", 0.0))
    )
    empty = [dataclasses.replace(case, mask=~case.mask) for case in cases["lgg"]]
    chosen = dataclasses.replace(config, sources=sources)

    sampler = SliceSampler({**cases, "other": empty}, chosen)

    alone = SliceSampler(cases, config)
    assert sampler.shares.tolist() == [1.0, 0.0]
    assert all(torch.equal(sampler[n][1], alone[n][1]) for n in range(5))


def test_image_and_mask_are_varied_together() -> None:
    transform = build_augmentation((32, 32), {"noise": 0.0, "gamma": 0.0, "bias": 0.0})
    image = np.zeros((1, 40, 40), dtype=np.float32)
    image[0, 12:24, 14:20] = 1
    for seed in range(8):
        transform.set_random_state(seed=seed)
        varied, mask = augment(transform, image, (image[0] > 0).astype(np.float32))
        assert varied.shape == (1, 32, 32)
        inside, outside = varied[0][mask > 0.5], varied[0][mask <= 0.5]
        assert inside.size > 0
        assert inside.mean() > 0.7
        assert outside.mean() < 0.1


# Its configuration


def shipped_configs() -> Iterator[Path]:
    yield from sorted((Path(loop.__file__).parents[1] / "configs").glob("*.toml"))


def test_a_config_reads_its_values_and_keeps_the_defaults(config: TrainingConfig) -> None:
    assert config.patch == (32, 32)
    assert config.network.widths == (4, 8)
    assert config.total_steps == 4
    assert config.gradient_clip == 1.0


def test_a_key_that_means_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "typo.toml"
    path.write_text("learning_rat = 0.1\nepoch = 3\n" + CONFIG, encoding="utf-8")
    with pytest.raises(ValueError, match="mean nothing: epoch, learning_rat"):
        read_config(path)


def test_an_option_takes_the_place_of_the_files_value(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG, encoding="utf-8")

    config = read_config(path, epochs=9, batch_size=None, learning_rate=0.5)

    assert (config.epochs, config.batch_size, config.learning_rate) == (9, 2, 0.5)


@pytest.mark.parametrize("path", shipped_configs(), ids=lambda path: path.stem)
def test_the_shipped_configs_can_be_run(path: Path) -> None:
    config = read_config(path)

    assert config.name == path.stem
    assert all(side % config.network.stride == 0 for side in config.patch)
    for source in config.sources:
        assert source.dataset in loop.READERS
        assert (loop.SPLITS / source.split).exists()
