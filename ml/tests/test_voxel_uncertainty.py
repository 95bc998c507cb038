"""Where a model is unsure: at what changes with the rendering, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.inference import BATCH_SLICES
from ml.intensity import FloatArray
from ml.models import Model
from ml.prediction import predict_mask, read_stack
from ml.preparation import Preparation, measure_scales
from ml.stacks import AxialStack
from ml.tests.factories import flair_stack, grey_slice, picture_image, threshold_model
from ml.uncertainty.voxels import (
    WORTH_ASKING,
    Readings,
    entropy_bits,
    mirrored,
    read_changed,
    read_unsure,
    with_gamma,
)


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


def tall_stack() -> AxialStack:
    """Thirty slices of a head, with something grey on slices 9 to 14 only."""
    found = np.zeros((30, 64, 64), dtype=np.float32)
    found[:, 6:58, 6:58] = 100 + np.random.default_rng(1).normal(0, 2, (30, 52, 52))
    found[9:15, 20:30, 12:22], found[9:15, 36:46, 12:22] = 600, 300
    return flair_stack(found)


def reads(model: Model, **how: bool) -> Model:
    return replace(model, card=replace(model.card, **how))


def again(model: Model, stack: AxialStack) -> tuple[FloatArray, Readings]:
    probability, _ = read_stack(model, stack)
    return probability, read_unsure(model, stack, probability)


@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("mirror", [False, True])
def test_the_bounded_reading_equals_the_whole_one_where_it_reads(mirror: bool, tight: bool) -> None:
    model, stack = reads(threshold_model(level=4.2), mirror=mirror, tight=tight), tall_stack()
    whole = read_changed(model, stack)
    _, found = again(model, stack)
    read = found.unsure[0].any(axis=(1, 2))
    assert read[9:15].all() and read.sum() <= BATCH_SLICES
    assert found.count == whole.count == 6
    assert found.unsure[0, read] == pytest.approx(whole.unsure[0, read], abs=1e-5)
    assert found.mean[0, read] == pytest.approx(whole.mean[0, read], abs=1e-5)
    assert found.unsure[0, 12, 38:44, 14:20].mean() > 0.2


def test_slices_that_are_not_read_again_count_as_sure_and_keep_the_first_reading() -> None:
    probability, found = again(threshold_model(level=4.2), tall_stack())
    left = ~found.unsure[0].any(axis=(1, 2))
    assert left.sum() >= 30 - BATCH_SLICES
    assert probability[left].max() < WORTH_ASKING
    assert np.array_equal(found.mean[0, left], probability[left])


def test_nothing_is_read_where_nothing_is_worth_asking() -> None:
    asked: list[tuple[int, int]] = []
    stack = tall_stack()
    probability = np.zeros(stack.reference.shape, dtype=np.float32)
    found = read_unsure(threshold_model(), stack, probability, progress=lambda *n: asked.append(n))
    assert (asked, found.unsure.max()) == ([], 0.0)


@pytest.mark.parametrize(("mirror", "readings"), [(False, 5), (True, 4)])
def test_the_reading_that_was_made_is_not_made_again(mirror: bool, readings: int) -> None:
    counted: list[tuple[int, int]] = []
    model, stack = reads(threshold_model(level=4.2), mirror=mirror), tall_stack()
    probability, _ = read_stack(model, stack)
    read_unsure(model, stack, probability, progress=lambda *n: counted.append(n))
    assert counted[-1] == (readings * BATCH_SLICES, readings * BATCH_SLICES)
    assert [done for done, _ in counted] == sorted(done for done, _ in counted)


def test_a_picture_is_a_stack_of_one_slice_that_is_read_again_whole() -> None:
    pixels = grey_slice().astype(np.float32)
    pixels[40:52, 60:72] = 255
    prediction = predict_mask(threshold_model(), picture_image(pixels[None]), sequence="FLAIR")
    found = read_unsure(threshold_model(), prediction.stack, prediction.probability)
    whole = read_changed(threshold_model(), prediction.stack)
    assert found.unsure.shape == (1, 1, 96, 96)
    assert found.unsure == pytest.approx(whole.unsure, abs=1e-5)


class Box:
    """A 3D network that is unsure wherever the first channel is."""

    dimensions = 3

    def read(self, images: FloatArray) -> FloatArray:
        return np.clip(images[:, :1], 0.0, 1.0)


def test_a_3d_network_reads_its_whole_box() -> None:
    stub = threshold_model()
    card = replace(stub.card, preparation=Preparation(channels=("FLAIR",), window=(16, 64, 64)))
    model, stack = Model(card, Box()), tall_stack()
    probability = np.zeros(stack.reference.shape, dtype=np.float32)
    probability[12, 20, 20] = 1.0
    found = read_unsure(model, stack, probability)
    assert found.unsure[0].any(axis=(1, 2)).all()


def test_what_is_head_stays_so_however_bright_it_is_drawn() -> None:
    stack = flair_stack(slices())
    assert with_gamma(stack, 0.8).head is stack.head
    assert np.array_equal(mirrored(stack).head, stack.head[..., ::-1])
