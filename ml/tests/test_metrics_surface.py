"""Surface distances against boxes measured by hand and against MONAI's own functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

from ml.metrics.surface import Spread, measure_surface, merge_spreads, union_box
from ml.tests.factories import ellipsoid


def box(shape: tuple[int, ...], *ranges: tuple[int, int]) -> np.ndarray:
    """True inside the ranges of indices."""
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*each) for each in ranges)] = True
    return mask


def test_equal_masks_are_no_distance_apart() -> None:
    mask = box((10, 10), (2, 6), (3, 8))
    distances = measure_surface(mask, mask, spacing=(1.0, 1.0))
    assert distances is not None
    assert (distances.hd95, distances.average) == (0, 0)


@pytest.mark.parametrize(("axis", "size_mm"), [(0, 5.0), (1, 0.5), (2, 2.0)])
def test_two_points_lie_as_far_apart_as_their_shift_times_the_spacing(
    axis: int, size_mm: float
) -> None:
    one, other = np.zeros((2, 9, 9, 9), dtype=bool)
    place = [2, 2, 2]
    one[tuple(place)] = True
    place[axis] += 3
    other[tuple(place)] = True

    distances = measure_surface(one, other, spacing=(5.0, 0.5, 2.0))

    assert distances is not None
    assert distances.hd95 == distances.average == pytest.approx(3 * size_mm)


def test_a_plate_shifted_along_its_normal_is_that_shift_away_everywhere() -> None:
    """Every voxel of a plate one slice thick is surface, so both measures are the shift."""
    one = box((8, 10, 10), (2, 3), (0, 10), (0, 10))
    other = box((8, 10, 10), (5, 6), (0, 10), (0, 10))

    distances = measure_surface(one, other, spacing=(4.0, 1.0, 1.0))

    assert distances is not None
    assert (distances.hd95, distances.average) == (12, 12)


def test_boxes_shifted_along_one_axis_have_the_distances_counted_by_hand() -> None:
    """Squares of 4 x 4 pixels, shifted by two columns of 3 mm, rows of 1 mm; 12 edge pixels each.

    Seen from either square, row 0 and row 3 have 4 pixels each, of which the two in the overlap
    lie on the other's edge (0, 0) and two do not (6 and 3 mm); in rows 1 and 2 the far side is
    6 mm away from the other's near side, and the near side lies inside the other, where the
    nearest edge is a row off (1 mm).
    """
    one = box((8, 12), (2, 6), (2, 6))
    other = box((8, 12), (2, 6), (4, 8))
    by_hand = sorted([0, 0, 3, 6] * 2 + [6, 1] * 2)

    distances = measure_surface(one, other, spacing=(1.0, 3.0))

    assert distances is not None
    for way in (distances.outward, distances.inward):
        assert np.repeat(way.values, way.counts).tolist() == by_hand
    assert distances.average == pytest.approx(np.mean(by_hand))
    assert distances.hd95 == pytest.approx(np.percentile(by_hand, 95))


def test_both_measures_are_those_of_monai() -> None:
    shape, spacing = (20, 32, 28), (3.0, 0.9, 1.1)
    mask = ellipsoid(shape, (9, 15, 14), (5, 9, 7))
    reference = ellipsoid(shape, (11, 17, 12), (6, 7, 8))
    tensors = [torch.from_numpy(each[None, None]) for each in (mask, reference)]

    distances = measure_surface(mask, reference, spacing=spacing)

    assert distances is not None
    hausdorff = compute_hausdorff_distance(
        *tensors, include_background=True, percentile=95, spacing=spacing
    )
    average = compute_average_surface_distance(
        *tensors, include_background=True, symmetric=True, spacing=spacing
    )
    assert distances.hd95 == pytest.approx(float(hausdorff), rel=1e-5)
    assert distances.average == pytest.approx(float(average), rel=1e-5)


def test_the_greater_direction_decides_the_hausdorff_distance() -> None:
    """A speck far off counts from the mask to the reference, and not the other way."""
    reference = box((6, 30), (2, 4), (2, 4))
    mask = reference | box((6, 30), (2, 4), (22, 24))

    there = measure_surface(mask, reference, spacing=(1.0, 1.0))
    back = measure_surface(reference, mask, spacing=(1.0, 1.0))

    assert there is not None
    assert back is not None
    assert there.hd95 == back.hd95 == 20


@pytest.mark.parametrize("drawn", [True, False])
def test_a_distance_to_nothing_is_undefined(drawn: bool) -> None:
    some, none = box((6, 6), (1, 3), (1, 3)), np.zeros((6, 6), dtype=bool)
    assert measure_surface(some if drawn else none, none, spacing=(1.0, 1.0)) is None
    assert measure_surface(none, some if drawn else none, spacing=(1.0, 1.0)) is None


def test_a_mask_at_the_pictures_edge_has_a_surface_there() -> None:
    mask = box((4, 4), (0, 4), (0, 4))
    distances = measure_surface(mask, mask, spacing=(1.0, 1.0))
    assert distances is not None
    assert int(distances.outward.counts.sum()) == 12


def test_the_box_holds_both_masks_and_no_more() -> None:
    one, other = box((9, 9), (1, 3), (4, 5)), box((9, 9), (2, 6), (7, 8))
    assert union_box(one, other) == (slice(1, 6), slice(4, 8))


def test_spreads_are_added_up_value_by_value() -> None:
    merged = merge_spreads(
        [
            Spread(np.array([0.0, 2.0]), np.array([3, 1])),
            Spread(np.array([1.0, 2.0]), np.array([4, 5])),
        ]
    )
    assert merged.values.tolist() == [0, 1, 2]
    assert merged.counts.tolist() == [3, 4, 6]
    assert merge_spreads([]).values.size == 0
