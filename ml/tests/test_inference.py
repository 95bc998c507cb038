"""Every slice is read, whatever the number of slices and the size of the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.engines.torch_engine import TorchEngine
from ml.inference import BATCH_SLICES, segment_stack
from ml.stacks import stack_of_channels
from ml.stages import Stages
from ml.tests.factories import flair_stack, head, head_with_blob, threshold_network

MM = (1.0, 1.0)


def slices_with_blob(count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """FLAIR (Z, H, W) of a head with a column of tumour through all slices, and the tumour."""
    volume, blob = head_with_blob((14, 30, 0), (5, 5, 10_000), shape=(44, 52, count))
    return volume.transpose(2, 1, 0), blob.transpose(2, 1, 0)


class Recorder(nn.Module):
    """Says nowhere tumour, and remembers the shapes that it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.shapes.append(tuple(images.shape))
        return torch.full_like(images[:, :1], -20.0)


class LeftHalf(nn.Module):
    """Says tumour in the left half of what it is shown, whatever that is."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.full_like(images[:, :1], -20.0)
        logits[..., : images.shape[-1] // 2] = 20.0
        return logits


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 17, 24])
def test_every_slice_is_segmented_and_not_only_the_middle_one(count: int) -> None:
    flair, tumour = slices_with_blob(count)

    found = segment_stack(TorchEngine(threshold_network()), flair_stack(flair, MM), stride=1) > 0.5

    assert found.shape == flair.shape
    assert tumour.any(axis=(1, 2)).all()
    agreement = 2 * (found & tumour).sum(axis=(1, 2)) / (found.sum((1, 2)) + tumour.sum((1, 2)))
    assert (agreement > 0.8).all()


@pytest.mark.parametrize("z", [0, 19])
def test_tumour_in_the_first_or_last_slice_alone_is_found(z: int) -> None:
    flair = head().transpose(2, 1, 0).copy()
    flair[z, 20:32, 14:26] = 300

    found = segment_stack(TorchEngine(threshold_network()), flair_stack(flair, MM), stride=1) > 0.5

    assert np.flatnonzero(found.any(axis=(1, 2))).tolist() == [z]
    assert found[z, 22:30, 16:24].all()


@pytest.mark.parametrize("stride", [1, 4, 16])
@pytest.mark.parametrize("shape", [(3, 45, 37), (5, 64, 64), (2, 33, 80)])
def test_odd_sides_are_padded_for_the_network_and_cut_back(
    shape: tuple[int, int, int], stride: int
) -> None:
    network = Recorder()
    flair = np.random.default_rng(0).uniform(50, 100, shape)

    probability = segment_stack(TorchEngine(network), flair_stack(flair, MM), stride=stride)

    assert probability.shape == shape
    assert all(rows % stride == columns % stride == 0 for _, _, rows, columns in network.shapes)
    assert probability.max() < 1e-6


def test_padding_leaves_the_answer_where_it_was() -> None:
    flair, tumour = slices_with_blob(3)
    flair, tumour = flair[:, :, 3:40], tumour[:, :, 3:40]

    plain = segment_stack(TorchEngine(threshold_network()), flair_stack(flair, MM), stride=1)
    padded = segment_stack(TorchEngine(threshold_network()), flair_stack(flair, MM), stride=16)

    np.testing.assert_allclose(padded, plain, atol=0.02)


@pytest.mark.parametrize("pixel_mm", [(0.5, 0.5), (1.0, 1.0), (2.0, 2.0), (0.6, 1.7)])
def test_pixels_of_any_size_come_back_on_their_own_grid(pixel_mm: tuple[float, float]) -> None:
    flair, tumour = slices_with_blob(4)

    found = (
        segment_stack(TorchEngine(threshold_network()), flair_stack(flair, pixel_mm), stride=2)
        > 0.5
    )

    assert found.shape == flair.shape
    assert 2 * (found & tumour).sum() / (found.sum() + tumour.sum()) > 0.75


def test_pixels_of_no_known_size_come_back_on_their_own_grid() -> None:
    flair, tumour = slices_with_blob(2)

    found = segment_stack(TorchEngine(threshold_network()), flair_stack(flair), stride=16) > 0.5

    assert 2 * (found & tumour).sum() / (found.sum() + tumour.sum()) > 0.8


def test_the_network_sees_pixels_of_one_millimetre() -> None:
    network, flair = Recorder(), np.random.default_rng(0).uniform(50, 100, (2, 40, 60))

    segment_stack(TorchEngine(network), flair_stack(flair, (0.5, 2.0)), stride=1)

    assert network.shapes[0][2:] == (20, 120)


def test_slices_of_air_are_not_read_and_stay_empty() -> None:
    network = Recorder()
    flair, _ = slices_with_blob(10)
    flair = flair.copy()
    flair[[0, 4, 9]] = 0

    probability = segment_stack(
        TorchEngine(network), flair_stack(flair, MM), stride=1, mirror=False
    )

    assert sum(shape[0] for shape in network.shapes) == 7
    assert not probability[[0, 4, 9]].any()


def test_a_stack_of_air_is_empty() -> None:
    network = Recorder()
    assert not segment_stack(
        TorchEngine(network), flair_stack(np.zeros((3, 20, 20))), stride=1
    ).any()
    assert network.shapes == []


@pytest.mark.parametrize("count", [1, 8, 9, 20])
def test_progress_rises_to_the_number_of_slices(count: int) -> None:
    calls: list[tuple[int, int]] = []
    flair, _ = slices_with_blob(count)

    segment_stack(
        TorchEngine(Recorder()),
        flair_stack(flair, MM),
        stride=1,
        progress=lambda *step: calls.append(step),
    )

    assert [total for _, total in calls] == [count] * len(calls)
    assert [done for done, _ in calls] == [*range(BATCH_SLICES, count, BATCH_SLICES), count]


def test_the_mirrored_reading_is_flipped_back_and_averaged() -> None:
    flair = np.random.default_rng(0).uniform(50, 100, (1, 32, 32))

    once = segment_stack(TorchEngine(LeftHalf()), flair_stack(flair, MM), stride=1, mirror=False)
    twice = segment_stack(TorchEngine(LeftHalf()), flair_stack(flair, MM), stride=1, mirror=True)

    np.testing.assert_allclose(once[0, 0], [1.0] * 16 + [0.0] * 16, atol=1e-6)
    np.testing.assert_allclose(twice, 0.5, atol=1e-6)


def test_a_network_left_in_training_mode_is_put_to_reading() -> None:
    network = threshold_network().train()
    flair, _ = slices_with_blob(2)

    segment_stack(TorchEngine(network), flair_stack(flair, MM), stride=1)

    assert not network.training
    assert network.encoder[0][1].running_mean.item() == 0


def test_an_absent_channel_reaches_the_network_as_zero() -> None:
    seen: list[Tensor] = []

    class Keeper(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.clone())
            return images[:, :1]

    flair, _ = slices_with_blob(2)
    segment_stack(TorchEngine(Keeper()), flair_stack(flair, MM), stride=1, mirror=False)
    segment_stack(
        TorchEngine(Keeper()), stack_of_channels({"T1": flair, "FLAIR": flair}, MM), stride=1
    )

    assert not seen[0][:, [0, 2]].any()
    assert seen[0][:, 1].any()
    torch.testing.assert_close(seen[1][:, 0], seen[1][:, 1])


def test_probabilities_stay_between_zero_and_one() -> None:
    flair, _ = slices_with_blob(3)
    probability = segment_stack(
        TorchEngine(threshold_network()), flair_stack(flair, (0.7, 1.3)), stride=4
    )

    assert probability.dtype == np.float32
    assert probability.min() >= 0
    assert probability.max() <= 1


def cone(count: int = 24) -> np.ndarray:
    """FLAIR (Z, H, W) of a round head that is widest at the foot and ends in a point."""
    rows, columns = np.ogrid[:80, :80]
    radius = np.linspace(34, 4, count)[:, None, None]
    inside = (rows - 38) ** 2 + (columns - 42) ** 2 < radius**2
    return np.where(inside, np.random.default_rng(0).uniform(50, 150, inside.shape), 0.0)


def test_a_tight_reading_shows_the_network_less_of_the_small_slices() -> None:
    whole, tight = Recorder(), Recorder()
    stack = flair_stack(cone(), MM)

    segment_stack(TorchEngine(whole), stack, stride=4, mirror=False)
    segment_stack(TorchEngine(tight), stack, stride=4, mirror=False, tight=True)

    assert len({shape[2:] for shape in whole.shapes}) == 1
    assert tight.shapes[0] == whole.shapes[0]
    assert tight.shapes[-1][2] < whole.shapes[-1][2] * 0.7
    assert all(rows % 4 == columns % 4 == 0 for _, _, rows, columns in tight.shapes)


@pytest.mark.parametrize("pixel_mm", [MM, (0.7, 1.3)])
def test_a_tight_reading_finds_the_same_in_the_same_places(pixel_mm: tuple[float, float]) -> None:
    flair = cone()
    flair[:, 30:44, 38:46] *= 3
    stack = flair_stack(flair, pixel_mm)

    whole = segment_stack(TorchEngine(threshold_network()), stack, stride=4)
    tight = segment_stack(TorchEngine(threshold_network()), stack, stride=4, tight=True)

    assert (whole > 0.5).any(axis=(1, 2)).all()
    np.testing.assert_allclose(tight, whole, atol=0.01)


def test_the_time_of_each_stage_is_told() -> None:
    stages = Stages()
    flair, _ = slices_with_blob(2)

    segment_stack(TorchEngine(Recorder()), flair_stack(flair, MM), stride=1, stages=stages)

    assert set(stages.seconds) == {"prepare", "infer", "post-process"}
    assert all(seconds > 0 for seconds in stages.seconds.values())
