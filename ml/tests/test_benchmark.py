"""The benchmark measures what it says; how fast this machine is, is no test."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ml.__main__ import main
from ml.benchmark import arithmetic
from ml.benchmark.arithmetic import CountingEngine, count_operations, measure_matrix_rate
from ml.benchmark.clock import best_batch, time_best_batch
from ml.benchmark.head import SHAPE, write_head
from ml.benchmark.memory import forget_peak, peak_mb, resident_mb
from ml.benchmark.plain import read_plainly, whole_frame
from ml.benchmark.report import STAGES, Report
from ml.benchmark.run import Effort, dice, run_benchmark
from ml.benchmark.yardstick import PlainUNet, YardstickSize, time_yardstick
from ml.engines.torch_engine import TorchEngine
from ml.networks.build import NetworkSpec
from ml.prediction import read_stack
from ml.tests.factories import (
    flair_stack,
    head_with_blob,
    ras_affine,
    save_nifti,
    threshold_model,
    threshold_network,
)
from ml.volumes import load_image

QUICK = Effort(repetitions=3, batches=(1, 2), yardstick=YardstickSize(3, 16), matrix_side=16)
SHAPE_OF_HEAD = (44, 52, 20)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    affine = ras_affine((1.0, 1.0, 4.0), SHAPE_OF_HEAD)
    return save_nifti(tmp_path / "flair.nii.gz", head_with_blob()[0], affine)


@pytest.fixture
def report(volume: Path, stub_weights: Path) -> Report:
    return run_benchmark(volume, name="flair2d", sequence="FLAIR", engine="torch", effort=QUICK)


def test_the_total_is_the_sum_of_the_stages_from_file_to_file(report: Report) -> None:
    told = report.as_dict()

    assert tuple(told["stages"]) == STAGES == ("read", "prepare", "infer", "post-process", "write")
    assert all(seconds > 0 for seconds in told["stages"].values())
    assert told["total_seconds"] == pytest.approx(sum(told["stages"].values()))
    assert told["total_seconds"] == sorted(told["runs"])[1]
    assert set(told["apart"]) == {"load model", "measure"}


def test_the_ratios_are_those_of_the_seconds(report: Report) -> None:
    told = report.as_dict()
    total, plain = told["total_seconds"], told["torch_float32"]

    assert told["speedup_over_torch_float32"] == pytest.approx(plain["total_seconds"] / total)
    assert told["yardstick_ratio"] == pytest.approx(told["yardstick"]["seconds"] / total)
    assert plain["stages"]["read"] == told["stages"]["read"]
    assert plain["batch"] in QUICK.batches
    floor = told["arithmetic"]
    assert floor["floor_seconds"] == pytest.approx(
        floor["operations"] / floor["operations_per_second"]
    )


def test_what_was_read_is_told(report: Report) -> None:
    told = report.as_dict()

    assert told["shape"] == list(SHAPE_OF_HEAD)
    assert told["slices_read"] == 20
    assert told["mirror"] is True
    assert told["engine"].startswith("torch")
    assert told["dice_with_torch_float32"] > 0.99
    assert told["memory"]["peak_mb"] > told["memory"]["above_loaded_mb"] >= 0


def test_the_table_says_what_the_json_says(report: Report) -> None:
    table = report.as_table()
    for stage, seconds in report.stages.items():
        assert f"{stage:14}{seconds:9.3f}" in table
    assert f"{report.total:9.3f}" in table
    assert "times as fast as the yardstick" in table


def test_the_command_prints_a_table_and_writes_json(
    volume: Path,
    stub_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        run_benchmark, "__kwdefaults__", {**run_benchmark.__kwdefaults__, "effort": QUICK}
    )
    out = tmp_path / "speed.json"

    assert main(["benchmark", "--input", str(volume), "--json", str(out)]) == 0

    assert "plain torch" in capsys.readouterr().out
    wanted = {"total_seconds", "speedup_over_torch_float32", "yardstick_ratio", "stages"}
    assert wanted <= set(json.loads(out.read_text(encoding="utf-8")))


def test_a_file_that_is_no_scan_is_refused_in_words(
    tmp_path: Path, stub_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.nii.gz").touch()
    assert main(["benchmark", "--input", str(tmp_path / "empty.nii.gz")]) == 1
    assert "The file is empty" in capsys.readouterr().err


def test_the_generated_head_is_a_brain_of_the_usual_size_and_grid(tmp_path: Path) -> None:
    litres = write_head(tmp_path / "head.nii.gz")
    image = load_image(tmp_path / "head.nii.gz")

    assert image.geometry.shape == SHAPE
    assert image.geometry.spacing_mm == (1.0, 1.0, 1.0)
    assert image.geometry.orientation == "LPS"
    assert 1.3 < litres < 1.5


def test_plain_torch_reads_every_slice_whole() -> None:
    shapes: list[tuple[int, ...]] = []

    class Recorder(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            shapes.append(tuple(images.shape))
            assert images.is_contiguous() or images.flip(-1).is_contiguous()
            return images[:, :1]

    stack = flair_stack(head_with_blob()[0].transpose(2, 1, 0), (1.0, 1.0))
    model = threshold_model()
    plain = read_plainly(Recorder(), model.card, stack, batches=(4,))

    assert whole_frame(stack, model.card).worked == (52, 44)
    # Two readings of each of five batches, and as many of one batch to warm up and to time.
    assert shapes == [(4, 3, 52, 44)] * (10 + 4)
    assert plain.batch == 4


def test_plain_torch_draws_the_same_mask_where_borders_do_not_matter() -> None:
    stack = flair_stack(head_with_blob()[0].transpose(2, 1, 0), (0.8, 1.1))
    model = threshold_model()

    plain = read_plainly(threshold_network(), model.card, stack, batches=(1, 3))

    assert dice(plain.mask, read_stack(model, stack)[1]) > 0.98


def test_the_operations_are_twice_the_multiplications_of_every_image() -> None:
    spec = NetworkSpec("unet", {"in_channels": 3, "widths": [4]})
    engine = CountingEngine(TorchEngine(spec.build()))
    engine.read(np.zeros((2, 3, 8, 16), dtype=np.float32))
    engine.read(np.zeros((1, 3, 8, 8), dtype=np.float32))

    assert engine.images == Counter({(3, 8, 16): 2, (3, 8, 8): 1})
    for_each_pixel = 9 * 3 * 4 + 9 * 4 * 4 + 4
    pixels = 2 * 8 * 16 + 8 * 8
    assert count_operations(spec, engine.images) == 2 * for_each_pixel * pixels


def test_the_yardstick_is_the_plain_network_of_sixteen_features() -> None:
    network = PlainUNet().eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 1, 32, 48)).shape == (2, 1, 32, 48)
    assert sum(value.numel() for value in network.parameters()) == 1_942_289
    timed = time_yardstick(YardstickSize(slices=3, side=16), (1, 2))
    assert timed.batch in (1, 2)
    assert timed.seconds > 0


def test_all_slices_are_timed_in_the_best_batches() -> None:
    read: list[int] = []
    timed = time_best_batch(read.append, slices=7, batches=(3,))
    assert timed.batch == 3
    assert read[-3:] == [3, 3, 1]


def test_the_best_batch_takes_least_for_each_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {1: 1.0, 4: 2.0, 8: 5.0}
    latest = [0]
    monkeypatch.setattr("ml.benchmark.clock.seconds_of", lambda work: (work(), costs[latest[0]])[1])
    assert best_batch(lambda size: latest.__setitem__(0, size), (1, 4, 8)) == 4


def test_the_matrix_rate_is_measured_at_the_precision_of_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates = {torch.float32: 1.0, torch.float16: 2.0, torch.bfloat16: 3.0}
    monkeypatch.setattr(arithmetic, "_rate", lambda side, dtype, device: rates[dtype])
    engines = ("openvino bf16", "openvino f16", "torch cpu f32", "torch cuda f16")
    assert [measure_matrix_rate(16, engine).own for engine in engines] == [3.0, 2.0, 1.0, 2.0]


@pytest.mark.parametrize("precision", ["f32", "f16", "bf16"])
def test_the_matrix_rate_of_this_machine(precision: str) -> None:
    rate = measure_matrix_rate(16, f"torch cpu {precision}")
    assert rate.own > 0
    assert rate.float32 > 0


def test_the_peak_covers_what_is_held_for_a_moment() -> None:
    forget_peak()
    before = resident_mb()
    block = np.ones(64 << 20, dtype=np.uint8)
    del block
    assert peak_mb() > before + 50


def test_two_empty_masks_agree() -> None:
    empty, full = np.zeros((2, 2), dtype=bool), np.ones((2, 2), dtype=bool)
    assert dice(empty, empty) == 1.0
    assert dice(empty, full) == 0.0
    assert dice(full, full) == 1.0
