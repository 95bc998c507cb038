"""A run that was stopped, in whatever way, ends as one that was left alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ml.__main__ import main
from ml.tests.training_factories import (
    assert_finite,
    assert_same,
    read_log,
    timeless,
    tiny_config,
    tiny_network,
    write_config,
    write_patients,
)
from ml.training import loop, tasks
from ml.training.augmentation import Augmentation
from ml.training.checkpoints import load_checkpoint, save_checkpoint
from ml.training.config import Sampling, TrainingConfig
from ml.training.run import Run
from ml.training.schedules import OptimiserConfig, ScheduleConfig

REPOSITORY = Path(loop.__file__).parents[2]


class Stopped(Exception):  # noqa: N818 - not an error
    """Stands for whatever stops a run."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patients(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def config(root: Path) -> TrainingConfig:
    """With everything that could remember something: dropout, an average, a schedule, chance."""
    return tiny_config(
        root,
        network=tiny_network(dropout=0.3),
        augmentation=Augmentation(rotation=20, elastic=3, noise=0.05, bias=0.3),
        sampling=Sampling(channel_dropout=0.3, slice_scale_share=0.5),
        schedule=ScheduleConfig(name="plateau", patience=0, warmup_steps=2),
        optimiser=OptimiserConfig(gradient_clip=1.0, weight_decay=0.01),
        average_decay=0.9,
        checkpoint_steps=2,
    )


def train(config: TrainingConfig, root: Path, output: Path, *, resume: bool = False) -> Path:
    return loop.train(config, data_root=root, output=output, resume=resume, device="cpu")


@pytest.fixture(scope="module")
def whole(config: TrainingConfig, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run that was left alone."""
    return train(config, root, tmp_path_factory.mktemp("whole")).parent


def assert_same_run(one: Path, two: Path) -> None:
    assert_same(load_file(one / "tiny.safetensors"), load_file(two / "tiny.safetensors"))
    states = [load_checkpoint(folder / "checkpoint.pt") for folder in (one, two)]
    for part in ("network", "average"):
        assert_same(states[0][part], states[1][part])
    assert states[0]["schedule"] == states[1]["schedule"]
    assert timeless(read_log(one)) == timeless(read_log(two))


def stop_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> Callable[[], None]:
    """Has a function of the loop, or the validation, stop the run at its n-th call; returns what
    mends it."""
    module = tasks if name == "validate" else loop
    real = getattr(module, name)
    calls = iter(range(1, 1000))

    def stop(*arguments: Any) -> Any:
        if next(calls) == call:
            raise Stopped
        return real(*arguments)

    monkeypatch.setattr(module, name, stop)
    return lambda: monkeypatch.setattr(module, name, real)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("_step", 1),
        ("_step", 4),
        ("_step", 6),
        ("validate", 1),
        ("validate", 2),
        ("write_card", 1),
        ("write_records", 2),
        ("save_checkpoint", 3),
    ],
)
def test_a_run_that_was_stopped_anywhere_ends_as_one_that_was_not(
    config: TrainingConfig,
    root: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    call: int,
) -> None:
    mend = stop_at(monkeypatch, name, call)
    try:
        with pytest.raises(Stopped):
            train(config, root, tmp_path)
    finally:
        mend()
    torch.manual_seed(999)

    train(config, root, tmp_path, resume=True)

    assert_same_run(tmp_path, whole)


def test_resuming_begins_where_the_checkpoint_was_and_not_at_the_start(
    config: TrainingConfig, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = stop_at(monkeypatch, "_step", 6)
    with pytest.raises(Stopped):
        train(config, root, tmp_path)
    mend()
    assert load_checkpoint(tmp_path / "checkpoint.pt")["counters"]["step"] == 5

    real, steps = loop._step, []

    def watch(run: Run, *rest: Any) -> float:
        steps.append(run.step)
        return real(run, *rest)

    monkeypatch.setattr(loop, "_step", watch)
    train(config, root, tmp_path, resume=True)

    assert steps == [5]


def test_resuming_a_finished_run_changes_nothing(
    config: TrainingConfig, root: Path, whole: Path
) -> None:
    before = {path.name: path.read_bytes() for path in whole.iterdir()}
    train(config, root, whole, resume=True)
    assert {path.name: path.read_bytes() for path in whole.iterdir()} == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_a_run_on_cuda_goes_on_where_it_was(
    config: TrainingConfig, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = stop_at(monkeypatch, "_step", 4)
    with pytest.raises(Stopped):
        loop.train(config, data_root=root, output=tmp_path, device="cuda")
    mend()
    weights = loop.train(config, data_root=root, output=tmp_path, resume=True, device="cuda")
    assert_finite(weights)
    assert [row["epoch"] for row in read_log(tmp_path)] == ["1", "2"]


def test_a_run_begun_anew_cannot_be_resumed_from_an_earlier_one(
    config: TrainingConfig, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path / "checkpoint.pt", {"of": "an earlier run"})
    mend = stop_at(monkeypatch, "_step", 1)
    with pytest.raises(Stopped):
        train(config, root, tmp_path)
    mend()
    assert not (tmp_path / "checkpoint.pt").exists()


def test_without_resume_a_run_begins_anew(
    config: TrainingConfig, root: Path, whole: Path, tmp_path: Path
) -> None:
    train(config, root, tmp_path)
    train(config, root, tmp_path)
    assert_same_run(tmp_path, whole)


# Killed


STEPS = 25


def write_long_config(folder: Path, root: Path) -> Path:
    return write_config(
        folder / "tiny.toml",
        root,
        network={"widths": [4, 8], "dropout": 0.3},
        augmentation={"rotation": 15.0, "noise": 0.05},
        steps_per_epoch=STEPS,
        average_decay=0.9,
        checkpoint_steps=3,
    )


def train_and_kill(arguments: list[str], output: Path) -> int:
    """``python -m ml train`` until it has saved itself a few times, then ``kill -9``.

    Returns the exit status. The whole process group goes, as its data loader is another process.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "ml", "train", *arguments, "--output", str(output)],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoint, saved = output / "checkpoint.pt", set()
    while process.poll() is None and len(saved) < 3:
        time.sleep(0.002)
        if checkpoint.exists():
            saved.add(checkpoint.stat().st_mtime_ns)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def test_a_run_killed_with_kill_9_and_resumed_ends_with_the_same_weights(
    root: Path, tmp_path: Path
) -> None:
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    config = write_long_config(tmp_path, root)
    arguments = [str(config), "--data", str(root), "--device", "cpu"]

    assert train_and_kill(arguments, broken) == -signal.SIGKILL
    killed_at = load_checkpoint(broken / "checkpoint.pt")["counters"]["step"]
    assert 0 < killed_at < 2 * STEPS
    assert main(["train", *arguments, "--output", str(broken), "--resume"]) == 0
    assert main(["train", *arguments, "--output", str(whole)]) == 0

    assert_same_run(broken, whole)
    assert len(read_log(broken)) == 2


# The checkpoint


def test_a_checkpoint_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "checkpoint.pt"
    save_checkpoint(path, {"epoch": 1})

    def fail(state: dict[str, Any], stream: Any) -> None:
        stream.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"epoch": 2})

    assert load_checkpoint(path) == {"epoch": 1}
    assert load_checkpoint(tmp_path / "none.pt") is None


def test_a_checkpoint_holds_no_code(tmp_path: Path) -> None:
    torch.save({"network": tiny_network().build()}, tmp_path / "checkpoint.pt")
    with pytest.raises(Exception, match=r"weights_only|Weights only"):
        load_checkpoint(tmp_path / "checkpoint.pt")
