"""A whole run on a handful of synthetic slices: what it keeps, when it stops, how it repeats."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.evaluation.gallery import Gallery
from ml.networks.build import read_network
from ml.preparation import Preparation
from ml.tests.training_factories import (
    SIDE,
    assert_finite,
    assert_same,
    read_log,
    tiny_config,
    tiny_network,
    tiny_source,
    write_patients,
)
from ml.training import loop, tasks
from ml.training.augmentation import Augmentation
from ml.training.checkpoints import load_checkpoint
from ml.training.config import Sampling, TrainingConfig
from ml.training.losses import LossConfig
from ml.training.run import start_run
from ml.training.schedules import OptimiserConfig, ScheduleConfig
from ml.training.validation import Validation

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patients(tmp_path_factory.mktemp("data"))


def train(config: TrainingConfig, root: Path, output: Path, *, resume: bool = False) -> Path:
    return loop.train(config, data_root=root, output=output, resume=resume, device="cpu")


class ScriptedValidation:
    """Gives the scores of a list in turn, and keeps the weights that it was shown."""

    def __init__(self, scores: list[float]) -> None:
        self.scores: Iterator[float] = iter(scores)
        self.seen: list[dict[str, Tensor]] = []

    def __call__(self, network: nn.Module, *_: Any) -> Validation:
        self.seen.append({k: v.clone() for k, v in network.state_dict().items()})
        return Validation({"dice_lgg": next(self.scores)}, Gallery())


def script(monkeypatch: pytest.MonkeyPatch, *scores: float) -> ScriptedValidation:
    scripted = ScriptedValidation(list(scores))
    monkeypatch.setattr(tasks, "validate", scripted)
    return scripted


# What it leaves


def test_a_run_leaves_its_weights_card_log_pictures_and_checkpoint(
    root: Path, tmp_path: Path
) -> None:
    config = tiny_config(root, sampling=Sampling(flair_only_share=0.5))
    weights = train(config, root, tmp_path / "run")

    assert weights == tmp_path / "run" / "tiny.safetensors"
    assert_finite(weights)
    assert load_file(weights).keys() == config.network.build().state_dict().keys()
    assert {path.name for path in weights.parent.iterdir()} >= {
        "checkpoint.pt",
        "curves.svg",
        "log.csv",
        "tiny.toml",
    }
    log = read_log(weights.parent)
    assert [row["epoch"] for row in log] == ["1", "2"]
    assert [row["steps"] for row in log] == ["3", "6"]
    assert all(float(row["loss"]) > 0 for row in log)
    assert {"dice_lgg", "dice_lgg_flair"} <= log[0].keys()
    state = load_checkpoint(weights.parent / "checkpoint.pt")
    assert (state["counters"]["epoch"], state["counters"]["step"]) == (2, 6)


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    root: Path, tmp_path: Path
) -> None:
    config = tiny_config(root, network=tiny_network(dropout=0.3), epochs=1)
    one, two = (load_file(train(config, root, tmp_path / name)) for name in "ab")
    other = load_file(train(replace(config, seed=8), root, tmp_path / "c"))

    assert_same(one, two)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_a_network_learns_what_it_is_shown(root: Path, tmp_path: Path) -> None:
    config = tiny_config(
        root, epochs=2, steps_per_epoch=30, optimiser=OptimiserConfig(learning_rate=0.02)
    )
    train(config, root, tmp_path)

    first, last = read_log(tmp_path)
    assert float(last["loss"]) < 0.7 * float(first["loss"])
    assert max(float(row["dice_lgg"]) for row in (first, last)) > 0.5


# Which weights it keeps


def test_the_best_weights_by_validation_are_kept_and_not_the_last(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = script(monkeypatch, 0.2, 0.6, 0.6, 0.5)
    weights = train(tiny_config(root, epochs=4, steps_per_epoch=1), root, tmp_path)

    assert_same(load_file(weights), scripted.seen[1])
    card = tomllib.loads(weights.with_suffix(".toml").read_text(encoding="utf-8"))
    assert card["about"]["epoch"] == 2
    assert [float(row["dice_lgg"]) for row in read_log(tmp_path)] == [0.2, 0.6, 0.6, 0.5]


def test_without_validation_patients_the_last_weights_are_kept(root: Path, tmp_path: Path) -> None:
    source = tiny_source(root, train_on=("train", "validation"), validate_on=())
    config = tiny_config(root, sources=(source,), epochs=3, steps_per_epoch=1, early_stopping=1)

    weights = train(config, root, tmp_path)

    last = load_checkpoint(tmp_path / "checkpoint.pt")
    assert last["counters"]["epoch"] == 3, "nothing to stop early by"
    assert torch.equal(load_file(weights)["head.weight"], last["network"]["head.weight"])
    assert not any(name.startswith("dice") for name in read_log(tmp_path)[0])


def test_the_average_is_what_is_kept_where_one_is_asked_for(root: Path, tmp_path: Path) -> None:
    weights = train(tiny_config(root, epochs=1, average_decay=0.9), root, tmp_path)

    state = load_checkpoint(tmp_path / "checkpoint.pt")
    found = load_file(weights)["head.weight"]
    assert torch.equal(found, state["average"]["module.head.weight"])
    assert not torch.equal(found, state["network"]["head.weight"])


def test_a_second_stage_begins_with_the_weights_it_is_given(root: Path, tmp_path: Path) -> None:
    weights = train(tiny_config(root, epochs=1, steps_per_epoch=1), root, tmp_path)

    run = start_run(tiny_config(root, start_from=str(weights)), steps_per_epoch=3, device=CPU)

    assert_same(load_file(weights), run.network.state_dict())
    assert_same(load_file(weights), run.average.module.state_dict())


def test_an_encoder_begins_with_imagenet_weights_where_the_config_says_so(root: Path) -> None:
    table = {"kind": "encoder_unet", "widths": [8, 8, 8, 8, 8], "full_width": 4}
    config = tiny_config(root, network=read_network(table))

    plain, pretrained = (
        start_run(replace(config, encoder_weights=source), steps_per_epoch=1, device=CPU)
        for source in ("", "package")
    )

    stems = [run.network.encoder._conv_stem.weight for run in (plain, pretrained)]
    assert not torch.equal(*stems)
    assert torch.equal(plain.network.head.weight, pretrained.network.head.weight)


# When it stops, and how fast it goes


def test_a_run_stops_early_when_validation_no_longer_gets_better(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, 0.3, 0.5, 0.4, 0.5, 0.9)
    config = tiny_config(root, epochs=9, steps_per_epoch=1, early_stopping=2)

    weights = train(config, root, tmp_path)

    assert len(read_log(tmp_path)) == 4
    before = weights.read_bytes()
    assert train(config, root, tmp_path, resume=True) == weights
    assert weights.read_bytes() == before, "it stays stopped"


@pytest.mark.parametrize(("wall", "worked"), [(10, 20), (40, 10)], ids=["quiet", "shared"])
def test_a_run_is_cut_at_its_own_time_and_says_so(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wall: int, worked: int
) -> None:
    clock, work = count(step=wall), count(step=worked * torch.get_num_threads())
    fake = SimpleNamespace(monotonic=lambda: next(clock), process_time=lambda: next(work))
    monkeypatch.setattr(loop, "time", fake)
    # Ten seconds a step and a validation: two epochs take 80 s, the third is cut at 100 s.
    config = tiny_config(root, epochs=5, minutes=100 / 60)

    weights = train(config, root, tmp_path)

    log = read_log(tmp_path)
    assert [row["cut"] for row in log] == ["0", "0", "1"]
    assert [row["steps"] for row in log] == ["3", "6", "8"]
    assert float(log[2]["loss"]) > 0
    assert_finite(weights)
    train(config, root, tmp_path, resume=True)
    assert len(read_log(tmp_path)) == 3


def test_the_log_has_the_rates_that_were_used(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, 0.5, 0.4, 0.4, 0.4)
    config = tiny_config(
        root,
        epochs=4,
        steps_per_epoch=1,
        schedule=ScheduleConfig(name="plateau", patience=0, factor=0.1),
        optimiser=OptimiserConfig(learning_rate=0.01),
    )
    train(config, root, tmp_path)

    rates = [float(row["learning_rate"]) for row in read_log(tmp_path)]
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.0001])


def test_a_cosine_ends_near_zero(root: Path, tmp_path: Path) -> None:
    schedule = ScheduleConfig(name="cosine", warmup_steps=2)
    train(tiny_config(root, epochs=2, steps_per_epoch=6, schedule=schedule), root, tmp_path)

    rates = [float(row["learning_rate"]) for row in read_log(tmp_path)]
    assert rates[1] < 0.03 * 1e-3 < 0.5e-3 < rates[0]


# The forms of network


FULL = Augmentation(flip=0.5, rotation=15, elastic=3, gamma=0.3, bias=0.3, blur=0.2, noise=0.02)


def test_a_2_5d_network_is_trained_from_end_to_end(root: Path, tmp_path: Path) -> None:
    config = tiny_config(
        root,
        network=tiny_network(in_channels=9),
        preparation=Preparation(frame="square", side=SIDE, context=1),
        augmentation=FULL,
    )
    assert_finite(train(config, root, tmp_path))
    assert [0 <= float(row["dice_lgg"]) <= 1 for row in read_log(tmp_path)] == [True, True]


def test_a_3d_network_is_trained_from_end_to_end(root: Path, tmp_path: Path) -> None:
    config = tiny_config(
        root,
        network=tiny_network(dimensions=3, normalisation="instance", residual=True),
        preparation=Preparation(window=(4, 16, 16)),
        augmentation=FULL,
        loss=LossConfig(name="dice_focal"),
    )
    assert_finite(train(config, root, tmp_path))
    assert [0 <= float(row["dice_lgg"]) <= 1 for row in read_log(tmp_path)] == [True, True]
