"""What the network is fed: the part of each slice that it sees, and the slices next to it."""

from __future__ import annotations

import numpy as np
import pytest

from ml.preparation import Preparation, make_frame, measure_scales, prepare_slices
from ml.stacks import AxialStack, stack_of_channels
from ml.tests.factories import flair_stack


def small_head() -> AxialStack:
    """Air around a head in the middle, 200 x 180 pixels of half a millimetre."""
    slices = np.zeros((4, 200, 180))
    slices[:, 60:140, 50:110] = 100 + np.arange(60)
    return flair_stack(slices, (0.5, 0.5))


def test_the_head_frame_is_the_head_with_a_margin_at_one_millimetre() -> None:
    frame = make_frame(small_head(), Preparation())

    assert (frame.rows, frame.columns) == (slice(56, 144), slice(46, 114))
    assert frame.grid == (88, 68)
    assert frame.worked == (44, 34)


def test_the_square_frame_is_the_whole_slice_at_its_side() -> None:
    frame = make_frame(small_head(), Preparation(frame="square", side=64))

    assert (frame.rows, frame.columns) == (slice(0, 200), slice(0, 180))
    assert frame.worked == (64, 64)


def prepared(stack: AxialStack, chosen: list[int], preparation: Preparation) -> np.ndarray:
    return prepare_slices(
        stack,
        np.array(chosen),
        scales=measure_scales(stack, preparation.scale),
        frame=make_frame(stack, preparation),
        context=preparation.context,
    )


def levelled(levels: list[int]) -> AxialStack:
    """FLAIR and T1 whose slices are even, FLAIR at ``levels`` and T1 at ten times as much."""
    flair = np.broadcast_to(np.array(levels, dtype=float)[:, None, None], (len(levels), 8, 8))
    return stack_of_channels({"FLAIR": flair, "T1": 10 * flair})


SQUARE = Preparation(channels=("T1", "FLAIR", "T1ce"), frame="square", side=8, scale="range")


def test_the_slices_asked_for_come_in_their_order() -> None:
    found = prepared(levelled([0, 10, 20, 40]), [3, 1], SQUARE)

    assert found.shape == (2, 3, 8, 8)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, :, 0, 0], [1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(found[1, :, 0, 0], [0.25, 0.25, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("chosen", "neighbours"),
    [(0, [0, 0, 10]), (2, [10, 20, 40]), (3, [20, 40, 40])],
)
def test_the_neighbours_of_a_slice_come_below_it_and_above_it_and_the_ends_repeat(
    chosen: int, neighbours: list[int]
) -> None:
    preparation = Preparation(frame="square", side=8, scale="range", context=1)
    found = prepared(levelled([0, 10, 20, 40]), [chosen], preparation)

    assert found.shape == (1, 9, 8, 8)
    # Three channels for each slice: T1, FLAIR and the absent T1ce.
    np.testing.assert_allclose(found[0, 1::3, 0, 0], np.array(neighbours) / 40, atol=1e-6)
    np.testing.assert_allclose(found[0, 0::3], found[0, 1::3], atol=1e-6)
    assert not found[0, 2::3].any()


def test_a_lone_slice_is_its_own_neighbour() -> None:
    preparation = Preparation(frame="square", side=8, scale="range", context=2)
    found = prepared(levelled([30]), [0], preparation)
    assert found.shape == (1, 15, 8, 8)
    assert len({one.tobytes() for one in found[0, 1::3]}) == 1
