"""One step of a training: its precision, its gradients, and numbers that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ml import hardware
from ml.tests.training_factories import SIDE, tiny_config, tiny_network, write_patients
from ml.training import loop
from ml.training.config import OptimiserConfig, TrainingConfig
from ml.training.losses import LossConfig, build_loss
from ml.training.run import Run, start_run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patients(tmp_path_factory.mktemp("data"))


def begin(config: TrainingConfig) -> Run:
    return start_run(config, steps_per_epoch=3, device=CPU)


def step(run: Run, config: TrainingConfig, images: Tensor) -> float:
    masks = torch.ones(2, 1, *images.shape[2:])
    return loop._step(run, build_loss(LossConfig()), images, masks, config)


def precisions_of_logits(run: Run) -> list[torch.dtype]:
    """Receives the kind of number of the logits of every step to come."""
    seen: list[torch.dtype] = []

    def watch(_: nn.Module, __: Any, logits: Tensor) -> None:
        seen.append(logits.dtype)

    run.network.register_forward_hook(watch)
    return seen


def spoil_freed_memory() -> None:
    """Leaves blocks full of what is no number to whoever takes memory next."""
    for exponent in range(4, 20):
        blocks = [torch.full((2**exponent,), float("nan"), dtype=torch.bfloat16) for _ in range(40)]
        del blocks


def test_bfloat16_is_used_where_the_processor_is_quick_at_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "bfloat16_is_fast", lambda: True)
    config = tiny_config(root)
    run = begin(config)
    seen = precisions_of_logits(run)

    assert step(run, config, torch.randn(2, 3, SIDE, SIDE)) > 0

    assert seen == [torch.bfloat16]
    assert all(value.dtype == torch.float32 for value in run.network.parameters())


def test_three_axes_are_trained_in_float32_on_a_processor(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In bfloat16 the gradients over the grid of two slices below would be of unwritten memory.
    monkeypatch.setattr(hardware, "bfloat16_is_fast", lambda: True)
    network = tiny_network(dimensions=3, normalisation="instance", residual=True)
    config = tiny_config(root, network=network)
    images = torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    gradients = []
    for _ in range(3):
        run = begin(config)
        seen = precisions_of_logits(run)
        spoil_freed_memory()
        step(run, config, images)
        assert seen == [torch.float32]
        gradients.append(torch.cat([value.grad.flatten() for value in run.network.parameters()]))

    assert torch.isfinite(gradients[0]).all()
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])


@pytest.mark.parametrize("bound", [0.0, 1e-3])
def test_the_gradients_norm_is_bounded_where_the_config_says_so(root: Path, bound: float) -> None:
    config = tiny_config(root, optimiser=OptimiserConfig(gradient_clip=bound))
    run = begin(config)

    step(run, config, torch.randn(2, 3, SIDE, SIDE))

    norm = torch.stack([value.grad.norm() for value in run.network.parameters()]).norm()
    assert (float(norm) <= 1.01e-3) == bool(bound)


def test_a_loss_that_is_no_number_ends_the_training_before_it_touches_the_weights(
    root: Path,
) -> None:
    config = tiny_config(root)
    run = begin(config)
    before = [value.detach().clone() for value in run.network.parameters()]

    with pytest.raises(FloatingPointError, match="loss of step 1 is not a number"):
        step(run, config, torch.full((2, 3, SIDE, SIDE), float("nan")))

    assert all(torch.equal(*pair) for pair in zip(before, run.network.parameters(), strict=True))
