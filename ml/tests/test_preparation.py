"""Grey values without a unit, pixels of any size: brought to what the network was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from ml.brain import box_centre, brain_sections
from ml.intensity import IntensityScale, head_mask, measure_scale
from ml.preparation import measure_scales, resize_plane, standardise, zoom_factors
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


# The brain


def test_the_middle_of_a_box_is_not_pulled_by_what_fills_it() -> None:
    mask = np.zeros((10, 20, 30), dtype=bool)
    mask[2:5, 4, 10:21] = True
    mask[2, 4:15, 10] = True

    assert box_centre(mask) == (3.0, 9.0, 15.0)


def test_the_middle_of_an_empty_box_is_the_grids() -> None:
    assert box_centre(np.zeros((3, 4, 5), dtype=bool)) == (1.0, 1.5, 2.0)


def skull_and_brain() -> tuple[np.ndarray, np.ndarray]:
    """Slices (Z, H, W) of a brain in a dark ring of bone in bright scalp, and the brain."""
    shape, centre = (3, 200, 180), (99.5, 89.5)
    rings = {
        radius: ellipsoid(shape[1:], centre, (radius, 0.85 * radius)) for radius in (72, 80, 90)
    }
    plane = 120.0 * rings[90]
    plane[rings[80]] = 10
    plane[rings[72]] = 100
    return np.stack([plane] * 3), np.stack([rings[72]] * 3)


def test_the_brain_is_found_inside_bone_and_scalp() -> None:
    slices, brain = skull_and_brain()

    found = brain_sections(slices)

    assert (found & brain).sum() > 0.97 * brain.sum()
    assert (found & ~brain).sum() < 0.05 * brain.sum()


def test_a_stripped_brain_stays_as_it_is() -> None:
    slices, brain = skull_and_brain()

    found = brain_sections(slices * brain)

    assert (found ^ brain).sum() < 0.03 * brain.sum()


def test_ventricles_belong_to_the_brain() -> None:
    slices, brain = skull_and_brain()
    slices[:, 80:120, 70:110] = 0

    assert brain_sections(slices * brain)[:, 80:120, 70:110].all()


def test_a_slice_of_air_has_no_brain() -> None:
    slices, _ = skull_and_brain()
    slices[1] = 0

    found = brain_sections(slices)

    assert not found[1].any()
    assert found[0].any()


def test_an_empty_stack_has_no_brain() -> None:
    assert not brain_sections(np.zeros((2, 50, 50))).any()


def test_a_nearly_even_slice_is_not_blown_up() -> None:
    even = np.zeros((64, 64), dtype=np.float32)
    even[16:48, 16:48] = 200.0
    even[16:48, 16:32] += 0.001

    standardised = measure_scale(even).apply(even)

    assert np.abs(standardised).max() < 50
