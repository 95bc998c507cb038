"""Whichever engine runs a network, the mask is the same; and OpenVINO never phones home."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ml
from ml import hardware
from ml.engines import choose, openvino_engine, precision
from ml.engines.choose import ENVIRONMENT_VARIABLE, make_engine
from ml.engines.openvino_engine import ConversionError, OpenVINOEngine
from ml.engines.torch_engine import TorchEngine
from ml.inference import segment_stack
from ml.models import WEIGHTS, load_model, load_network
from ml.networks.build import NetworkSpec
from ml.prediction import make_stack, read_stack
from ml.tests.factories import flair_stack, head_with_blob, shared_folder
from ml.volumes import load_image

UNET = NetworkSpec("unet", {"in_channels": 3, "widths": [8, 16, 16]})
TRANSPOSED = NetworkSpec(
    "unet", {"in_channels": 3, "widths": [8, 16], "upsampling": "transposed", "residual": True}
)
LITE = NetworkSpec(
    "encoder_unet", {"encoder": "efficientnet-lite0", "widths": [16, 16, 8, 8, 8], "full_width": 8}
)
SPECS = {"unet": UNET, "transposed": TRANSPOSED, "efficientnet-lite0": LITE}

needs_openvino = pytest.mark.skipif(
    not openvino_engine.openvino_is_installed(), reason="OpenVINO is an optional engine"
)


@pytest.fixture(autouse=True)
def _no_wish_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)


def random_network(spec: NetworkSpec) -> nn.Module:
    """The network with random weights and with statistics as if it had seen something."""
    torch.manual_seed(0)
    network = spec.build()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(4, 3, 64, 64))
    return network.eval()


def brain_stack() -> np.ndarray:
    """FLAIR (Z, H, W) of a head with a lesion."""
    return head_with_blob(shape=(60, 70, 6))[0].transpose(2, 1, 0)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


ATOL = {"f16": 0.01, "bf16": 0.05, "f32": 1e-3}


@needs_openvino
@pytest.mark.parametrize("numbers", ["f16", "bf16", "f32"])
@pytest.mark.parametrize("name", SPECS)
def test_engines_draw_the_same_mask(
    name: str, numbers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SPECS[name]
    network = random_network(spec)
    monkeypatch.setattr(openvino_engine, "choose_precision", lambda _kernels: numbers)
    stack = flair_stack(brain_stack(), (1.0, 1.0))

    precise, quick = (
        segment_stack(engine, stack, stride=spec.stride)
        for engine in (
            TorchEngine(network, precision="f32"),
            make_engine(network, spec=spec, wish="openvino"),
        )
    )

    tissue = stack.head
    level = float(np.median(precise[tissue]))
    np.testing.assert_allclose(quick, precise, atol=ATOL[numbers])
    if numbers == "f32":
        assert dice(quick[tissue] >= level, precise[tissue] >= level) > 0.998


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_cuda_in_half_precision_answers_as_the_cpu_does(spec: NetworkSpec) -> None:
    network = random_network(spec)
    images = np.random.default_rng(0).normal(size=(3, 3, 64, 96)).astype(np.float32)
    precise = TorchEngine(network, precision="f32").read(images)
    quick = TorchEngine(network, device="cuda")
    assert quick.name == "torch cuda f16"
    np.testing.assert_allclose(quick.read(images), precise, atol=0.05)


@needs_openvino
def test_one_compiled_network_reads_every_size_and_every_batch() -> None:
    network = random_network(UNET)
    engine = OpenVINOEngine(network, channels=3, stride=UNET.stride)
    precise = TorchEngine(network, precision="f32")

    for shape in ((1, 3, 16, 16), (5, 3, 20, 44), (2, 3, 64, 8)):
        images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        found = engine.read(images)
        assert found.shape == (shape[0], 1, *shape[2:])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, precise.read(images), atol=0.05)


@needs_openvino
def test_an_answer_stays_what_it_was_when_the_next_is_asked() -> None:
    engine = OpenVINOEngine(random_network(UNET), channels=3, stride=UNET.stride)
    first = engine.read(np.zeros((1, 3, 16, 16), dtype=np.float32))
    kept = first.copy()
    engine.read(np.ones((1, 3, 16, 16), dtype=np.float32))
    np.testing.assert_array_equal(first, kept)


@needs_openvino
def test_openvino_is_what_a_2d_network_gets_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert make_engine(random_network(UNET), spec=UNET).name.startswith("openvino")


def test_torch_is_what_a_network_gets_where_openvino_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choose, "openvino_is_installed", lambda: False)
    assert make_engine(random_network(UNET), spec=UNET).name.startswith("torch")
    with pytest.raises(ValueError, match="OpenVINO is not installed"):
        make_engine(random_network(UNET), spec=UNET, wish="openvino")


def test_a_3d_network_is_run_by_torch() -> None:
    spec = NetworkSpec("unet", {"in_channels": 1, "widths": [2, 2], "dimensions": 3})
    assert make_engine(spec.build(), spec=spec).dimensions == 3
    with pytest.raises(ValueError, match="2D"):
        make_engine(spec.build(), spec=spec, wish="openvino")


def test_the_environment_says_what_auto_means_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = random_network(UNET)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "torch")
    assert make_engine(network, spec=UNET).name.startswith("torch")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "nonsense")
    assert make_engine(network, spec=UNET, wish="torch").name.startswith("torch")
    with pytest.raises(ValueError, match="an engine is one of auto, torch, openvino"):
        make_engine(network, spec=UNET)


class FixedToItsExample(nn.Module):
    """Does for one size what a trace of it does for none other."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, :1] + 5.0 * float(images.shape[-1] == 2 * UNET.stride)


@needs_openvino
def test_a_network_that_openvino_does_not_run_as_torch_does_is_left_to_torch(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with caplog.at_level(logging.WARNING):
        engine = make_engine(FixedToItsExample(), spec=UNET)

    assert engine.name.startswith("torch")
    assert "probabilities are off" in caplog.text


@needs_openvino
@pytest.mark.parametrize("error", [RuntimeError, ValueError, TypeError])
def test_what_openvino_cannot_convert_is_left_to_torch(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise error("unknown operation")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(openvino_engine.import_openvino(), "convert_model", refuse)

    assert make_engine(random_network(UNET), spec=UNET).name.startswith("torch")
    with pytest.raises(ConversionError, match="unknown operation"):
        OpenVINOEngine(random_network(UNET), channels=3, stride=UNET.stride)


SILENCE = """
import socket, sys
def refuse(*_): raise SystemExit("something wanted the network")
socket.socket.connect = socket.getaddrinfo = refuse
from ml.engines.openvino_engine import import_openvino
import torch
openvino = import_openvino()
openvino.convert_model(torch.nn.Conv2d(1, 1, 1), example_input=torch.zeros(1, 1, 4, 4))
assert sys.modules["openvino_telemetry"] is None
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
"""


@needs_openvino
def test_openvino_sends_nothing_and_keeps_no_client_number(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", SILENCE],
        check=True,
        cwd=Path(ml.__file__).parents[1],
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert not (tmp_path / "intel").exists()


@pytest.mark.parametrize(
    ("kernels", "wish", "float16", "bfloat16", "expected"),
    [
        ("openvino", "", True, True, "f16"),
        ("openvino", "", False, True, "f32"),
        ("openvino", "fastest", False, True, "bf16"),
        ("openvino", "fastest", True, True, "f16"),
        ("openvino", "fastest", False, False, "f32"),
        ("cpu", "", True, True, "f32"),
        ("cpu", "fastest", True, True, "bf16"),
        ("cuda", "same-mask", False, False, "f16"),
    ],
)
def test_the_mask_does_not_hang_on_the_processor_unless_speed_is_asked_for(
    kernels: str,
    wish: str,
    float16: bool,
    bfloat16: bool,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SULCUS_PRECISION", wish)
    monkeypatch.setattr(precision, "float16_is_fast", lambda: float16)
    monkeypatch.setattr(precision, "bfloat16_is_fast", lambda: bfloat16)
    assert precision.choose_precision(kernels) == expected


def test_an_unknown_wish_for_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SULCUS_PRECISION", "quickest")
    with pytest.raises(ValueError, match="same-mask, fastest"):
        precision.choose_precision("cpu")


@needs_openvino
@pytest.mark.skipif(not hardware.float16_is_fast(), reason="this CPU has no float16 arithmetic")
def test_what_ships_draws_the_same_mask_in_half_precision_as_in_float32() -> None:
    sample = shared_folder("samples") / "BraTS2021_01485_flair.nii.gz"
    stack = make_stack(load_image(sample), sequence="FLAIR")
    quick = load_model("flair2d", engine="openvino")
    network = load_network(quick.card.network, WEIGHTS / "flair2d.safetensors")
    precise = replace(quick, engine=TorchEngine(network, precision="f32"))

    masks = [read_stack(model, stack)[1] for model in (quick, precise)]

    assert dice(*masks) > 0.998
