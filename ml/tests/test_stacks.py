"""Any orientation becomes the same slices, and goes back without loss."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ml.stacks import (
    AxialStack,
    flair_only,
    head_box,
    only_channels,
    select_channels,
    slice_pixel_mm,
    slices_to_volume,
    stack_axes,
    stack_of_channels,
    volume_to_slices,
)
from ml.tests.factories import ORIENTATIONS, ras_affine, reorient, tilt

SHAPE = (5, 7, 3)
SPACING = (0.8, 1.1, 5.0)
ALL_48 = [
    "".join(letters)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*axes)
]


@pytest.fixture
def volume() -> np.ndarray:
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


def test_a_ras_volume_becomes_slices_with_anterior_up_and_the_patients_left_on_the_right(
    volume: np.ndarray,
) -> None:
    slices = volume_to_slices(volume, ras_affine())

    assert slices.shape == (3, 7, 5)
    assert slices[0, 0, 0] == volume[4, 6, 0], "foot first, anterior first, the right side first"
    assert slices[2, 6, 4] == volume[0, 0, 2]


@pytest.mark.parametrize("codes", ALL_48)
def test_every_orientation_of_one_volume_gives_identical_slices(
    volume: np.ndarray, codes: str
) -> None:
    affine = ras_affine(SPACING, SHAPE)
    turned, turned_affine = reorient(volume, affine, codes)

    expected = volume_to_slices(volume, affine)
    np.testing.assert_array_equal(volume_to_slices(turned, turned_affine), expected)
    np.testing.assert_array_equal(slices_to_volume(expected, turned_affine), turned)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_an_oblique_copy_gives_the_slices_of_its_closest_orientation(
    volume: np.ndarray, codes: str
) -> None:
    affine = ras_affine(SPACING, SHAPE)
    turned, turned_affine = reorient(volume, affine, codes)
    oblique = tilt(turned_affine)

    slices = volume_to_slices(turned, oblique)

    np.testing.assert_array_equal(slices, volume_to_slices(volume, affine))
    np.testing.assert_array_equal(slices_to_volume(slices, oblique), turned)


@pytest.mark.parametrize("codes", ALL_48)
@pytest.mark.parametrize("is_oblique", [False, True])
def test_the_pixel_size_follows_the_axes_of_an_anisotropic_volume(
    volume: np.ndarray, codes: str, is_oblique: bool
) -> None:
    _, affine = reorient(volume, ras_affine(SPACING, SHAPE), codes)

    sizes = slice_pixel_mm(tilt(affine) if is_oblique else affine)

    assert sizes == pytest.approx((5.0, 1.1, 0.8))


def test_the_stack_axis_of_each_volume_axis_is_named() -> None:
    volume = np.zeros(SHAPE)
    affine = ras_affine()
    assert stack_axes(affine) == (2, 1, 0)
    assert stack_axes(reorient(volume, affine, "LPS")[1]) == (2, 1, 0)
    assert stack_axes(reorient(volume, affine, "PIR")[1]) == (1, 0, 2)
    assert stack_axes(reorient(volume, affine, "SRP")[1]) == (0, 2, 1)


def test_an_absent_channel_is_blank_and_says_so() -> None:
    stack = stack_of_channels({"FLAIR": np.ones((2, 4, 4))})

    assert stack.present == (False, True, False)
    assert stack.pixels[1].all()
    assert not stack.pixels[[0, 2]].any()


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="no such channel: PD"):
        stack_of_channels({"PD": np.ones((2, 4, 4))})


def test_a_stack_without_any_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one channel"):
        AxialStack(np.ones((3, 2, 4, 4)), present=(False, False, False))


def test_a_stack_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="a stack is"):
        AxialStack(np.ones((2, 4, 4)), present=(True, True, True))


def test_the_reference_is_flair_where_there_is_one_and_else_the_first_channel_present() -> None:
    flair, t1 = np.full((1, 4, 4), 2.0), np.full((1, 4, 4), 1.0)

    assert (stack_of_channels({"T1": t1, "FLAIR": flair}).reference == 2).all()
    assert (stack_of_channels({"T1ce": t1}).reference == 1).all()


def test_flair_only_blanks_the_other_channels_and_leaves_the_original_alone() -> None:
    stack = AxialStack(np.ones((3, 2, 4, 4)), (True, True, True), (0.5, 0.6))

    alone = flair_only(stack)

    assert alone.present == (False, True, False)
    assert alone.pixel_mm == (0.5, 0.6)
    assert alone.pixels.sum() == 32
    assert stack.pixels.all()


def numbered_stack() -> AxialStack:
    """T1 is 1, FLAIR 2 and T1ce 3 everywhere."""
    levels = np.arange(1.0, 4.0).reshape(3, 1, 1, 1)
    return AxialStack(np.broadcast_to(levels, (3, 2, 4, 4)).copy(), (True,) * 3, (0.5, 0.6))


def test_channels_are_selected_in_the_order_asked_for_and_what_is_lacking_is_absent() -> None:
    chosen = select_channels(numbered_stack(), ("T2", "T1ce", "FLAIR"))

    assert chosen.channels == ("T2", "T1ce", "FLAIR")
    assert chosen.present == (False, True, True)
    assert chosen.pixels[:, 0, 0, 0].tolist() == [0, 3, 2]
    assert chosen.pixel_mm == (0.5, 0.6)
    assert chosen.reference_index == 2
    assert not chosen.has("T2")


def test_a_stack_in_the_order_asked_for_is_not_copied() -> None:
    stack = numbered_stack()
    assert select_channels(stack, ("T1", "FLAIR", "T1ce")) is stack


def test_a_stack_that_has_none_of_the_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="none of the channels T2, PD"):
        select_channels(numbered_stack(), ("T2", "PD"))
    with pytest.raises(ValueError, match="none of the channels T1"):
        select_channels(flair_only(numbered_stack()), ("T1",))


def test_keeping_some_channels_keeps_the_places_of_the_others() -> None:
    kept = only_channels(numbered_stack(), ("T1ce", "T2"))

    assert kept.channels == ("T1", "FLAIR", "T1ce")
    assert kept.present == (False, False, True)
    assert kept.pixels[:, 0, 0, 0].tolist() == [0, 0, 3]
    with pytest.raises(ValueError, match="none of the channels T2"):
        only_channels(numbered_stack(), ("T2",))


def test_a_stack_may_have_channels_of_its_own() -> None:
    stack = stack_of_channels({"T1ce": np.ones((2, 4, 4))}, order=("T1ce",))

    assert stack.pixels.shape == (1, 2, 4, 4)
    assert (stack.channels, stack.present) == (("T1ce",), (True,))
    assert stack.reference_index == 0
    assert not stack.has("FLAIR")


def test_the_head_is_where_the_reference_is_tissue() -> None:
    flair, t1 = np.zeros((2, 4, 4)), np.full((2, 4, 4), 9.0)
    flair[1, 1:3, 1:3] = 5
    stack = stack_of_channels({"FLAIR": flair, "T1": t1})
    np.testing.assert_array_equal(stack.head, flair > 0)


def test_the_head_box_leaves_out_air_and_lone_bright_pixels() -> None:
    slices = np.zeros((3, 200, 200))
    slices[1, 60:120, 80:150] = 100
    slices[2, 5, 5] = 100

    assert head_box(slices, margin=4) == (slice(56, 124), slice(76, 154))


def test_the_head_box_of_an_empty_stack_is_the_whole_picture() -> None:
    assert head_box(np.zeros((2, 30, 40))) == (slice(0, 30), slice(0, 40))


def test_the_head_box_stays_inside_the_picture() -> None:
    assert head_box(np.ones((1, 30, 40))) == (slice(0, 30), slice(0, 40))
