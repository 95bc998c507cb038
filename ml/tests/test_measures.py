"""Volumes, diameters and lesions, against numbers worked out in another way."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist

from ml.measures import Measurement, measure
from ml.prediction import make_grid
from ml.stacks import volume_to_slices
from ml.tests.factories import (
    ORIENTATIONS,
    ellipsoid,
    head,
    medical_image,
    picture_image,
    ras_affine,
    reorient,
    tilt,
)

SPACINGS = [
    (1.0, 1.0, 1.0),
    (0.5, 0.5, 0.5),
    (0.4297, 0.4297, 6.6),
    (0.9, 1.3, 3.0),
    (2.0, 0.7, 1.1),
]


def measured(
    mask: np.ndarray,
    affine: np.ndarray | None,
    *,
    image: np.ndarray | None = None,
    spacing_is_reliable: bool = True,
    probability: np.ndarray | None = None,
    pieces: np.ndarray | None = None,
) -> Measurement:
    """The measures of ``mask`` (X, Y, Z) as a volume with ``affine``."""
    volume = np.ones(mask.shape, dtype=np.float32) if image is None else image
    scan = medical_image(volume, affine)
    return measure(
        volume_to_slices(mask, scan.affine).astype(bool),
        image=volume_to_slices(volume, scan.affine),
        grid=make_grid(scan, spacing_is_reliable=spacing_is_reliable),
        probability=probability,
        pieces=None if pieces is None else volume_to_slices(pieces, scan.affine),
    )


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("is_oblique", [False, True])
def test_an_ellipsoids_volume_and_diameter_are_those_of_the_formula(
    spacing: tuple[float, float, float], is_oblique: bool
) -> None:
    radii_mm = (24.0, 18.0, 33.0)
    shape = tuple(int(2 * r / s) + 7 for r, s in zip(radii_mm, spacing, strict=True))
    centre = tuple((n - 1) / 2 for n in shape)
    radii = tuple(r / s for r, s in zip(radii_mm, spacing, strict=True))
    affine = ras_affine(spacing, shape)

    result = measured(ellipsoid(shape, centre, radii), tilt(affine) if is_oblique else affine)

    expected_ml = 4 / 3 * np.pi * np.prod(radii_mm) / 1000
    assert result.volume_ml == pytest.approx(expected_ml, rel=0.02)
    assert result.lesions[0].volume_ml == result.volume_ml
    assert result.lesions[0].longest_diameter_mm == pytest.approx(48, abs=1.1 * max(spacing[:2]))
    assert result.lesions[0].longest_diameter_mm <= 48


def test_a_volume_is_the_voxels_times_what_the_affine_gives_to_one() -> None:
    mask = np.zeros((20, 20, 10), dtype=bool)
    mask[4:8, 5:10, 2:5] = True

    result = measured(mask, tilt(ras_affine((0.5, 0.8, 5.0))))

    assert result.voxels == 60
    assert result.volume_ml == pytest.approx(60 * 0.5 * 0.8 * 5 / 1000)


def test_a_sheared_affine_is_measured_by_its_determinant() -> None:
    """A tilted gantry: the product of the spacings would be too much."""
    affine = ras_affine((1.0, 1.0, 5.0))
    affine[:3, 2] = [0, 5 * np.sin(0.35), 5 * np.cos(0.35)]
    mask = np.zeros((20, 20, 10), dtype=bool)
    mask[5:15, 5:15, 5] = True

    assert measured(mask, affine).volume_ml == pytest.approx(
        100 * 5 * np.cos(0.35) / 1000, rel=1e-3
    )


def brute_force_diameter(mask: np.ndarray, affine: np.ndarray, slice_axis: int) -> float:
    """The longest line between two voxel centres of one slice, over all pairs, in the world."""
    longest = 0.0
    for plane in range(mask.shape[slice_axis]):
        voxels = np.argwhere(mask)
        voxels = voxels[voxels[:, slice_axis] == plane]
        if len(voxels) > 1:
            longest = max(longest, pdist(voxels @ affine[:3, :3].T).max())
    return float(longest)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("codes", ["RAS", "LPI", "PIR"])
def test_the_longest_diameter_is_that_of_all_pairs_of_voxels(seed: int, codes: str) -> None:
    rng = np.random.default_rng(seed)
    blob = ndimage.gaussian_filter(rng.normal(size=(24, 26, 9)), 2) > 0.03
    labels, _ = ndimage.label(blob, structure=np.ones((3, 3, 3)))
    blob = labels == 1 + int(np.bincount(labels.ravel())[1:].argmax())
    turned, affine = reorient(blob, ras_affine((0.7, 1.6, 4.0), blob.shape), codes)
    affine = tilt(affine)

    result = measured(turned, affine)

    slice_axis = next(axis for axis, letter in enumerate(codes) if letter in "SI")
    expected = brute_force_diameter(turned, affine, slice_axis)
    assert len(result.lesions) == 1
    assert result.lesions[0].longest_diameter_mm == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    ("end", "expected"),
    [((10, 0), 5.0), ((0, 10), 20.0), ((10, 10), np.hypot(5, 20)), ((3, 4), np.hypot(1.5, 8))],
)
def test_a_diameter_is_measured_in_millimetres_along_its_own_direction(
    end: tuple[int, int], expected: float
) -> None:
    """In-plane pixels of 0.5 x 2 mm: no one factor turns pixels into millimetres."""
    mask = np.zeros((20, 20, 3), dtype=bool)
    steps = np.linspace(0, 1, 60)
    mask[np.rint(2 + steps * end[0]).astype(int), np.rint(2 + steps * end[1]).astype(int), 1] = True

    lesion = measured(mask, ras_affine((0.5, 2.0, 7.0))).lesions[0]

    assert lesion.longest_diameter_mm == pytest.approx(expected, abs=0.006)


def test_a_diameter_lies_within_one_slice() -> None:
    mask = np.zeros((10, 10, 8), dtype=bool)
    mask[5, 5:7, :] = True

    assert measured(mask, ras_affine((1, 1.5, 6))).lesions[0].longest_diameter_mm == 1.5


def test_one_voxel_is_a_lesion_without_a_length() -> None:
    mask = np.zeros((10, 10, 8), dtype=bool)
    mask[5, 5, 5] = True

    result = measured(mask, ras_affine((1, 1, 2)))

    assert len(result.lesions) == 1
    assert result.lesions[0].voxels == 1
    assert result.lesions[0].volume_ml == 0.002
    assert result.lesions[0].longest_diameter_mm == 0.0


def test_tiny_lesions_beside_a_large_one_are_kept() -> None:
    mask = ellipsoid((40, 40, 20), (20, 20, 10), (9, 9, 6))
    for corner in ((2, 2, 2), (37, 37, 17), (2, 37, 2)):
        mask[corner] = True

    result = measured(mask, ras_affine())

    assert [lesion.voxels for lesion in result.lesions][1:] == [1, 1, 1]
    assert sum(lesion.voxels for lesion in result.lesions) == result.voxels == mask.sum()


@pytest.mark.parametrize("step", [(1, 1, 1), (1, -1, 1), (1, 1, 0), (0, 1, -1), (1, 0, 0)])
def test_voxels_that_touch_at_a_corner_are_one_lesion(step: tuple[int, int, int]) -> None:
    mask = np.zeros((10, 10, 10), dtype=bool)
    mask[5, 5, 5] = mask[tuple(5 + np.array(step))] = True
    assert len(measured(mask, ras_affine()).lesions) == 1


def test_voxels_two_apart_are_two_lesions() -> None:
    mask = np.zeros((10, 10, 10), dtype=bool)
    mask[5, 5, 5] = mask[5, 5, 7] = True
    assert len(measured(mask, ras_affine()).lesions) == 2


def test_lesions_are_numbered_by_size_and_labelled_so() -> None:
    mask = np.zeros((40, 40, 20), dtype=bool)
    sizes = {(2, 2, 2): 2, (2, 30, 2): 5, (30, 2, 2): 3, (30, 30, 15): 4}
    for (x, y, z), side in sizes.items():
        mask[x : x + side, y : y + side, z : z + side] = True

    result = measured(mask, ras_affine())

    assert [lesion.number for lesion in result.lesions] == [1, 2, 3, 4]
    assert [lesion.voxels for lesion in result.lesions] == [125, 64, 27, 8]
    assert result.labels.shape == (20, 40, 40)
    for lesion in result.lesions:
        assert (result.labels == lesion.number).sum() == lesion.voxels
    np.testing.assert_array_equal(result.labels > 0, volume_to_slices(mask, ras_affine()))


def test_slices_count_from_one_at_the_foot() -> None:
    mask = np.zeros((30, 30, 12), dtype=bool)
    mask[10:12, 10:12, 3:8] = True
    mask[10:15, 10:15, 6] = True

    for codes in ORIENTATIONS:
        turned, affine = reorient(mask, ras_affine(), codes)
        result = measured(turned, affine)
        lesion = result.lesions[0]
        assert (lesion.first_slice, lesion.last_slice, lesion.slices) == (4, 8, 5)
        assert (lesion.key_slice, lesion.key_area_pixels) == (7, 25)
        assert (result.key_slice, result.key_area_pixels, result.slices) == (7, 25, 5)


def test_the_key_slice_of_all_lesions_holds_most_tumour_together() -> None:
    mask = np.zeros((30, 30, 10), dtype=bool)
    mask[2:8, 2:8, 2] = True
    mask[2:6, 2:6, 7] = mask[20:25, 20:25, 7] = True

    result = measured(mask, ras_affine())

    assert result.lesions[0].key_slice == 3
    assert (result.key_slice, result.key_area_pixels) == (8, 41)


def test_the_centroid_is_in_the_readers_indices() -> None:
    mask = np.zeros((30, 40, 12), dtype=bool)
    mask[4:7, 10:15, 3:8] = True

    assert measured(mask, ras_affine()).lesions[0].centroid == (5.0, 27.0, 24.0)


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("is_oblique", [False, True])
def test_every_orientation_of_one_scan_gives_the_same_measures(
    codes: str, is_oblique: bool
) -> None:
    volume = head()
    mask = ellipsoid(volume.shape, (14, 30, 9), (6, 4, 4)) & (volume > 0)
    mask |= ellipsoid(volume.shape, (30, 20, 12), (3, 3, 2)) & (volume > 0)
    affine = ras_affine((0.8, 1.1, 4.0), volume.shape)
    expected = measured(mask, affine, image=volume).as_dict()
    expected_places = placed_lines(expected, affine)

    turned, turned_affine = reorient(mask, affine, codes)
    turned_volume, _ = reorient(volume, affine, codes)
    if is_oblique:
        turned_affine = tilt(turned_affine)

    found = measured(turned, turned_affine, image=turned_volume).as_dict()

    if not is_oblique:
        np.testing.assert_allclose(placed_lines(found, turned_affine), expected_places, atol=1e-3)
    for lesion in (*found["lesions"], *expected["lesions"]):
        del lesion["diameter_lines"]
    assert found == expected


def placed_lines(result: dict[str, Any], affine: np.ndarray) -> np.ndarray:
    """The ends of every diameter in the world's millimetres."""
    ends = [
        end
        for lesion in result["lesions"]
        for name in ("longest", "perpendicular")
        for end in lesion["diameter_lines"][name]
    ]
    return np.array(ends) @ affine[:3, :3].T + affine[:3, 3]


def without_spacing(*, is_marked: bool) -> Measurement:
    volume = head()
    mask = ellipsoid(volume.shape, (22, 26, 9), (6, 6, 3)) & (volume > 0)
    affine = ras_affine((0.5, 0.5, 5)) if is_marked else None
    return measured(mask, affine, image=volume, spacing_is_reliable=False)


@pytest.mark.parametrize("is_marked", [False, True])
def test_without_reliable_spacing_no_millimetre_is_invented(is_marked: bool) -> None:
    result = without_spacing(is_marked=is_marked)
    lesion = result.lesions[0]

    assert result.volume_ml is None
    assert lesion.volume_ml is None
    assert lesion.longest_diameter_mm is None
    assert lesion.voxels > 0
    assert lesion.key_area_pixels > 0


@pytest.mark.parametrize("is_marked", [False, True])
def test_without_reliable_spacing_the_share_of_the_brain_is_given(is_marked: bool) -> None:
    result = without_spacing(is_marked=is_marked)
    section = np.pi * 0.4 * 44 * 0.42 * 52

    share = 100 * result.key_area_pixels / section
    assert result.key_area_percent == pytest.approx(share, rel=0.06)
    assert result.lesions[0].key_area_percent == result.key_area_percent


def test_spacing_marked_unreliable_leaves_the_side_known() -> None:
    lesion = without_spacing(is_marked=True).lesions[0]
    assert lesion.place.side != "unknown"


def test_a_picture_is_measured_in_pixels_and_per_cent() -> None:
    pixels = head((96, 96, 3))[:, :, 1].T[None]
    scan = picture_image(pixels)
    mask = ellipsoid((1, 96, 96), (0, 40, 60), (1, 8, 8)) & (pixels > 0)

    result = measure(mask, image=pixels, grid=make_grid(scan))

    assert result.volume_ml is None
    assert result.lesions[0].longest_diameter_mm is None
    assert result.key_area_pixels == mask.sum()
    share = 100 * mask.sum() / (pixels > 0).sum()
    assert result.key_area_percent == pytest.approx(share, rel=0.05)


def test_an_empty_mask_measures_nothing() -> None:
    result = measured(np.zeros((30, 30, 10), dtype=bool), ras_affine())

    assert result.lesions == ()
    assert (result.voxels, result.volume_ml, result.slices) == (0, 0.0, 0)
    assert result.key_slice is None
    assert result.key_area_percent is None
    assert result.mean_probability is None
    assert not result.labels.any()


def test_the_mean_probability_is_that_inside_each_lesion() -> None:
    mask = np.zeros((20, 20, 6), dtype=bool)
    mask[2:6, 2:6, 2], mask[12:14, 12:14, 2] = True, True
    probability = np.full((6, 20, 20), 0.1, dtype=np.float32)
    slices = volume_to_slices(mask, ras_affine()).astype(bool)
    probability[slices] = 0.9
    probability[:, :10][slices[:, :10]] = 0.6

    result = measured(mask, ras_affine(), probability=probability)

    assert [lesion.mean_probability for lesion in result.lesions] == [0.9, 0.6]
    assert result.mean_probability == pytest.approx((16 * 0.9 + 4 * 0.6) / 20, abs=1e-4)


def test_the_measures_are_plain_json() -> None:
    mask = ellipsoid((30, 30, 10), (9, 9, 5), (4, 4, 3))

    plain = json.loads(json.dumps(measured(mask, ras_affine()).as_dict()))

    assert "labels" not in plain
    assert plain["lesions"][0]["place"]["side"] == "left"
    assert plain["lesions"][0]["number"] == 1


# Pieces: what a person tells apart


def two_touching_boxes() -> np.ndarray:
    pieces = np.zeros((24, 24, 8), dtype=np.uint8)
    pieces[4:10, 4:12, 2:5] = 3
    pieces[10:14, 4:12, 2:5] = 1
    return pieces


def test_pieces_of_different_values_stay_two_lesions_though_they_touch() -> None:
    pieces = two_touching_boxes()
    affine = ras_affine((1.0, 1.0, 2.0), pieces.shape)

    told_apart = measured(pieces > 0, affine, pieces=pieces)

    assert [lesion.voxels for lesion in told_apart.lesions] == [6 * 8 * 3, 4 * 8 * 3]
    assert told_apart.voxels == 10 * 8 * 3
    assert told_apart.volume_ml == pytest.approx(0.48)
    assert np.array_equal(np.unique(told_apart.labels), [0, 1, 2])
    assert len(measured(pieces > 0, affine).lesions) == 1


def test_components_of_one_value_that_do_not_touch_are_lesions_of_their_own() -> None:
    pieces = two_touching_boxes()
    pieces[18:20, 18:20, 6] = 3

    result = measured(pieces > 0, ras_affine((1.0, 1.0, 2.0), pieces.shape), pieces=pieces)

    assert [lesion.voxels for lesion in result.lesions] == [144, 96, 4]


@pytest.mark.parametrize("seed", range(4))
def test_pieces_of_one_value_change_nothing(seed: int) -> None:
    mask = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(20, 22, 9)), 1) > 0.25
    affine = tilt(ras_affine((0.8, 1.1, 4.0), mask.shape))

    plain = measured(mask, affine)
    with_pieces = measured(mask, affine, pieces=mask.astype(np.uint8) * 7)

    assert len(plain.lesions) > 3
    assert with_pieces.as_dict() == plain.as_dict()
    assert np.array_equal(with_pieces.labels, plain.labels)


def test_pieces_that_mark_something_else_than_the_mask_are_refused() -> None:
    pieces = two_touching_boxes()
    with pytest.raises(ValueError, match="not those of the mask"):
        measured(pieces == 3, ras_affine((1.0, 1.0, 2.0), pieces.shape), pieces=pieces)


def test_no_pieces_are_no_lesions() -> None:
    nothing = np.zeros((20, 20, 6), dtype=np.uint8)
    result = measured(nothing > 0, ras_affine((1.0, 1.0, 2.0), nothing.shape), pieces=nothing)
    assert (result.lesions, result.voxels, result.key_slice) == ((), 0, None)
