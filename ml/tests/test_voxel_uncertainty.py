"""Where a model is unsure: at what changes with the rendering, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from ml.preparation import measure_scales
from ml.stacks import AxialStack
from ml.tests.factories import flair_stack, threshold_model
from ml.uncertainty.voxels import entropy_bits, read_changed, with_gamma


def slices() -> np.ndarray:
    """A head with a bright square on its left half, and a grey one beside it."""
    found = np.zeros((3, 64, 64), dtype=np.float32)
    found[:, 6:58, 6:58] = 100 + np.random.default_rng(0).normal(0, 3, (3, 52, 52))
    found[1, 20:30, 12:22], found[1, 36:46, 12:22] = 600, 250
    return found


def test_all_readings_are_brought_back_to_the_side_they_came_from() -> None:
    found = read_changed(threshold_model(level=3.0), flair_stack(slices()))
    assert found.count == 6
    assert found.mean[0, 1, 22:28, 14:20].min() > 0.9
    assert found.mean[0, 1, 22:28, 44:50].max() < 0.1


def test_it_is_sure_of_what_every_reading_shows_and_unsure_of_the_rest() -> None:
    stack = flair_stack(slices())
    level = 0.5 * sum(grey_level(stack, gamma) for gamma in (0.8, 1.25))
    found = read_changed(threshold_model(level=level), stack)
    assert found.unsure[0, 1, 22:28, 14:20].max() < 0.3
    assert found.unsure[0, 0].max() < 0.3
    assert found.unsure[0, 1, 38:44, 14:20].mean() > 0.5


def grey_level(stack: AxialStack, gamma: float) -> float:
    """The grey square on the network's scale, with that gamma."""
    changed = with_gamma(stack, gamma)
    scale = measure_scales(changed)[1]
    assert scale is not None
    return float(scale.apply(changed.pixels[1, 1, 40:41, 16:17].astype(np.float32))[0, 0])


def test_the_brightest_and_the_air_stay_what_they_are() -> None:
    stack = flair_stack(slices())
    changed = with_gamma(stack, 1.25)
    assert changed.pixels.max() == pytest.approx(stack.pixels.max())
    assert ((changed.pixels == 0) == (stack.pixels <= 0)).all()


def test_entropy_is_one_bit_at_even_odds() -> None:
    assert entropy_bits(np.array([0.0, 0.5, 1.0], dtype=np.float32)) == pytest.approx(
        [0.0, 1.0, 0.0], abs=1e-4
    )
