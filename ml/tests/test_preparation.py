"""Grey values without a unit, pixels of any size: brought to what the network was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.intensity import IntensityScale, head_mask, measure_range, measure_scale
from ml.preparation import (
    Preparation,
    measure_scales,
    read_preparation,
    resize_plane,
    standardise,
    zoom_factors,
)
from ml.stacks import AxialStack, stack_of_channels
from ml.tests.factories import ellipsoid, flair_stack, head


def test_tissue_is_told_from_air_whatever_the_unit_of_grey() -> None:
    volume = head()
    noisy = volume + np.random.default_rng(0).uniform(0, 2, volume.shape)
    expected = volume > 0

    for factor in (0.001, 1.0, 5000.0):
        np.testing.assert_array_equal(head_mask(noisy * factor), expected)


def test_air_has_no_head() -> None:
    assert not head_mask(np.zeros((2, 3, 4))).any()
    assert not head_mask(np.full((2, 3, 4), -5.0)).any()


def test_values_that_are_not_finite_are_air() -> None:
    values = np.array([[100.0, 90, np.nan], [np.inf, -np.inf, 80]])
    np.testing.assert_array_equal(head_mask(values), [[True, True, False], [False, False, True]])


def test_the_head_is_standardised_to_a_mean_of_zero_and_a_deviation_of_one() -> None:
    volume = head()
    scaled = measure_scale(volume).apply(volume)[volume > 0]

    assert scaled.mean() == pytest.approx(0, abs=0.02)
    assert scaled.std() == pytest.approx(1, abs=0.02)
    assert scaled.dtype == np.float32


def test_the_scale_does_not_depend_on_how_much_air_surrounds_the_head() -> None:
    volume = head()

    scale = measure_scale(np.pad(volume, 30))

    assert scale.mean == pytest.approx(measure_scale(volume).mean)
    assert scale.deviation == pytest.approx(measure_scale(volume).deviation)


def test_another_gain_of_the_scanner_changes_nothing() -> None:
    volume = head()
    louder = volume * 37

    np.testing.assert_allclose(
        measure_scale(louder).apply(louder), measure_scale(volume).apply(volume), atol=1e-3
    )


def test_lone_bright_voxels_are_clipped() -> None:
    volume = head()
    volume[22, 26, 10] = 1e6

    assert measure_scale(volume).apply(volume).max() < 5


@pytest.mark.parametrize("level", [0.0, 50.0, -1.0])
def test_a_channel_without_contrast_becomes_zero_and_not_infinite(level: float) -> None:
    volume = np.full((3, 4, 5), level)
    np.testing.assert_array_equal(measure_scale(volume).apply(volume.astype(np.float32)), 0)


def test_a_scale_clips_before_it_standardises() -> None:
    scale = IntensityScale(low=0, high=10, mean=4, deviation=2)
    np.testing.assert_array_equal(
        scale.apply(np.array([-5, 0, 6, 90], dtype=np.float32)), [-2, -2, 1, 3]
    )


def test_pixels_of_a_known_size_are_brought_to_one_millimetre() -> None:
    assert zoom_factors(flair_stack(np.ones((1, 64, 64)), (0.5, 2.0))) == (0.5, 2.0)


@pytest.mark.parametrize(
    ("side", "factor"), [(160, 1.0), (256, 1.0), (320, 1.0), (128, 2.0), (512, 0.5), (1024, 0.25)]
)
def test_a_picture_without_spacing_is_brought_to_the_usual_matrix(side: int, factor: float) -> None:
    assert zoom_factors(flair_stack(np.ones((1, side, side - 30)))) == (factor, factor)


def test_resizing_to_the_same_grid_changes_nothing() -> None:
    plane = np.random.default_rng(0).random((2, 9, 7), dtype=np.float32)
    np.testing.assert_array_equal(resize_plane(plane, (9, 7)), plane)


@pytest.mark.parametrize("shape", [(18, 28), (9, 10), (5, 4), (13, 6), (1, 1)])
def test_resizing_gives_the_shape_asked_for_and_keeps_a_flat_plane_flat(
    shape: tuple[int, int],
) -> None:
    resized = resize_plane(np.full((3, 9, 10), 4.0), shape)

    assert resized.shape == (3, *shape)
    np.testing.assert_allclose(resized, 4.0, rtol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 2.0, 1.7])
def test_resizing_leaves_things_where_they_are(factor: float) -> None:
    plane = ellipsoid((80, 60), (50, 20), (9, 7)).astype(np.float32)
    shape = (round(80 * factor), round(60 * factor))

    rows, columns = np.indices(shape)
    resized = resize_plane(plane, shape)
    middle = [float((axis * resized).sum() / resized.sum()) for axis in (rows, columns)]

    # Pixel centres: index i lies at (i + 1/2) pixels from the edge.
    expected = [(50.5 * shape[0] / 80) - 0.5, (20.5 * shape[1] / 60) - 0.5]
    assert middle == pytest.approx(expected, abs=0.15)


def test_a_thin_line_fades_when_shrunk_but_never_vanishes() -> None:
    for row in range(20, 28):
        plane = np.zeros((64, 64), dtype=np.float32)
        plane[row] = 1
        assert resize_plane(plane, (16, 16)).max() > 0.1


def test_each_channel_has_its_own_scale_and_an_absent_one_none() -> None:
    flair, t1 = head().transpose(2, 1, 0), 5 * head(seed=1).transpose(2, 1, 0)
    stack = stack_of_channels({"FLAIR": flair, "T1": t1})

    scales = measure_scales(stack)
    standardised = standardise(stack.pixels[:, 10], scales)

    assert scales[2] is None
    assert scales[0].mean == pytest.approx(500, rel=0.02)
    assert scales[1].mean == pytest.approx(100, rel=0.02)
    assert not standardised[2].any()
    assert standardised.dtype == np.float32


def test_a_present_channel_without_any_grey_is_zero() -> None:
    stack = AxialStack(np.zeros((3, 1, 8, 8)), present=(True, True, False))
    assert not standardise(stack.pixels[:, 0], measure_scales(stack)).any()


def test_a_nearly_even_slice_is_not_blown_up() -> None:
    even = np.zeros((64, 64), dtype=np.float32)
    even[16:48, 16:48] = 200.0
    even[16:48, 16:32] += 0.001

    standardised = measure_scale(even).apply(even)

    assert np.abs(standardised).max() < 50


# The other scale: 0 to 1


def test_the_range_scale_maps_everything_air_included_to_zero_to_one() -> None:
    volume = head() + 50
    scaled = measure_range(volume).apply(volume)

    assert (scaled.min(), scaled.max()) == (0, 1)
    assert scaled[0, 0, 0] == 0
    order = np.argsort(volume, axis=None)
    assert (np.diff(scaled.ravel()[order]) >= 0).all()


@pytest.mark.parametrize("level", [0.0, 7.0, np.nan])
def test_the_range_scale_of_one_grey_value_gives_zero(level: float) -> None:
    flat = np.full((2, 3, 4), level)
    known = np.nan_to_num(flat).astype(np.float32)
    np.testing.assert_array_equal(measure_range(flat).apply(known), 0)


@pytest.mark.parametrize("measure", [measure_scale, measure_range])
def test_a_scale_relative_to_the_brightest_gives_the_same_for_values_so_divided(
    measure: Any,
) -> None:
    volume = head()
    scale = measure(volume)
    np.testing.assert_allclose(
        scale.relative_to_high().apply(volume / scale.high), scale.apply(volume), atol=1e-4
    )


def test_each_channel_is_scaled_as_the_preparation_says() -> None:
    stack = flair_stack(head().transpose(2, 1, 0))
    assert measure_scales(stack, "range")[1] == measure_range(stack.pixels[1])
    assert measure_scales(stack, "standard")[1] == measure_scale(stack.pixels[1])
    assert measure_scales(stack, "range")[0] is None


# The table


def test_a_preparation_is_read_as_it_was_written() -> None:
    table = {
        "channels": ["FLAIR"],
        "frame": "square",
        "side": 96,
        "scale": "range",
        "context": 2,
        "window": [16, 64, 64],
        "views": ["axial", "sagittal"],
    }
    preparation = read_preparation(table)

    assert preparation.as_table() == table
    assert preparation.input_channels == 5
    assert read_preparation(preparation.as_table()) == preparation


def test_what_a_table_leaves_out_is_as_usual() -> None:
    assert read_preparation({}) == Preparation()
    assert Preparation().input_channels == 3


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"framing": "head"}, r"\[preparation\] has keys that mean nothing: framing"),
        ({"frame": "round"}, "a frame is one of head, square, fit, not 'round'"),
        ({"scale": "loud"}, "a scale is one of standard, range, signed_range, not 'loud'"),
    ],
)
def test_a_table_that_means_nothing_is_refused(table: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_preparation(table)
