"""Size in three dimensions and spread, against formulas and against every pair of voxels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from ml.measures import Brain, Grid, LesionMeasure, Measurement, measure
from ml.measures.rano import is_measurable, least_diameter_mm
from ml.measures.shape import longest_3d
from ml.prediction import make_grid
from ml.stacks import volume_to_slices
from ml.tests import brute_force
from ml.tests.ellipsoids import SPACINGS, Sizes, draw_ellipsoid, measured_lesion
from ml.tests.factories import (
    ORIENTATIONS,
    ellipsoid,
    head,
    medical_image,
    picture_image,
    ras_affine,
    reorient,
    shared_folder,
    tilt,
)
from ml.volumes import load_image

CASES = 18


def measured(mask: np.ndarray, affine: np.ndarray, *, is_reliable: bool = True) -> Measurement:
    """``mask`` (X, Y, Z) measured without a scan."""
    grid = make_grid(
        medical_image(mask.astype(np.float32), affine), spacing_is_reliable=is_reliable
    )
    return measure(volume_to_slices(mask, affine).astype(bool), image=None, grid=grid)


def shear(affine: np.ndarray) -> np.ndarray:
    """A tilted gantry: slices shifted against each other."""
    sheared = affine.copy()
    sheared[:3, 2] += 0.3 * affine[:3, 1]
    return sheared


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_an_ellipsoid_of_any_spacing_and_rotation_has_its_formulas_size(
    spacing: Sizes, is_turned: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    body = draw_ellipsoid(rng, spacing, 5.0, is_turned=is_turned)
    offset = rng.uniform(-0.5, 0.5, 3)

    lesion = measured_lesion(*body.on_grid(spacing, offset))

    longest, across = body.diameters_mm(offset[2] * spacing[2])
    in_plane, in_space = np.linalg.norm(spacing[:2]), np.linalg.norm(spacing)
    assert lesion.volume_ml == pytest.approx(body.volume_ml, rel=0.02)
    # From centre to centre a line is one voxel short, half of it at either end, give or take one.
    assert 0 <= longest - lesion.longest_diameter_mm + 0.01 <= 2 * in_plane
    assert lesion.perpendicular_diameter_mm == pytest.approx(across - in_plane, abs=in_plane)
    assert 0 <= 2 * max(body.radii_mm) - lesion.longest_3d_mm + 0.01 <= 2 * in_space
    if is_turned:
        assert lesion.surface_mm2 == pytest.approx(body.surface_mm2, rel=0.02)


def test_a_ball_is_as_round_as_can_be_and_a_rod_is_not() -> None:
    ball = ellipsoid((44, 44, 44), (21.5, 21.5, 21.5), (18, 18, 18))
    rod = np.zeros((60, 12, 12), dtype=bool)
    rod[5:55, 4:8, 4:8] = True

    assert measured(ball, ras_affine()).lesions[0].sphericity == pytest.approx(1, abs=0.01)
    assert measured(rod, ras_affine()).lesions[0].sphericity < 0.6


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((1, 1, 1), 0.0),
        ((5, 1, 1), 4 * 0.5),
        ((1, 1, 2), 6.0),
        ((4, 3, 1), np.hypot(3 * 0.5, 2 * 0.8)),
        ((1, 3, 2), np.hypot(2 * 0.8, 6)),
        ((2, 2, 2), np.sqrt(0.5**2 + 0.8**2 + 36)),
    ],
)
def test_points_lines_and_planes_have_a_longest_diameter_too(box: Sizes, expected: float) -> None:
    mask = np.zeros((20, 20, 8), dtype=bool)
    mask[tuple(slice(2, 2 + n) for n in box)] = True

    lesion = measured(mask, ras_affine((0.5, 0.8, 6.0))).lesions[0]

    assert lesion.longest_3d_mm == pytest.approx(expected, abs=0.006)
    assert lesion.surface_mm2 > 0
    assert lesion.sphericity is None


@pytest.mark.parametrize("seed", range(6))
def test_lengths_and_distances_are_those_of_all_pairs_of_voxels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(rng.normal(size=(26, 24, 12)), 1.6) > 0.08
    affine = tilt(shear(ras_affine((0.7, 1.6, 4.0), mask.shape)))

    result = measured(mask, affine)

    agrees_with_every_pair(result, mask, affine)


def agrees_with_every_pair(result: Measurement, mask: np.ndarray, affine: np.ndarray) -> None:
    parts = brute_force.lesions_of(mask)
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    slice_axis = int(np.argmax(np.abs(affine[2, :3])))
    assert [lesion.voxels for lesion in result.lesions] == [len(part) for part in parts]
    by_place = {tuple(np.round(part.mean(axis=0), 3)): part for part in parts}
    counted = {}
    for lesion in result.lesions:
        stack = np.argwhere(result.labels == lesion.number)
        part = by_place[tuple(np.round(_in_file(stack, affine, mask.shape).mean(axis=0), 3))]
        assert lesion.volume_ml == pytest.approx(len(part) * voxel_ml, abs=1e-4)
        if lesion.is_tiny:
            continue
        counted[lesion.number] = part
        expected = brute_force.axial_diameters(part, affine, slice_axis)
        found = (lesion.longest_diameter_mm, lesion.perpendicular_diameter_mm)
        assert found == pytest.approx(expected, abs=0.006)
        assert lesion.product_mm2 == pytest.approx(np.prod(expected), abs=0.006)
        assert lesion.longest_3d_mm == pytest.approx(
            brute_force.longest_3d(part, affine), abs=0.006
        )
    for one, other, mm in result.spread.distances_mm:
        expected_mm = brute_force.nearest(counted[one], counted[other], affine)
        assert mm == pytest.approx(expected_mm, abs=0.006)


def _in_file(stack: np.ndarray, affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    to_file = make_grid(medical_image(np.zeros(shape, dtype=np.float32), affine)).to_file
    return stack @ to_file[:3, :3].T + to_file[:3, 3]


@pytest.mark.parametrize("case", range(CASES))
def test_the_figures_of_experts_masks_are_those_of_all_pairs_of_voxels(case: int) -> None:
    paths = sorted(shared_folder("brats").glob("*/*_seg.nii*"))
    if case >= len(paths):
        pytest.skip(f"there are {len(paths)} masks")
    image = load_image(paths[case])
    mask = image.values > 0

    agrees_with_every_pair(measured(mask, image.affine), mask, image.affine)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_copies_that_are_stored_otherwise_measure_the_same(codes: str) -> None:
    mask = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(40, 44, 18)), 2) > 0.04
    affine = ras_affine((0.8, 1.1, 4.0), mask.shape)
    expected = measured(mask, affine).as_dict()

    turned, turned_affine = reorient(mask, affine, codes)
    found = measured(turned, tilt(turned_affine)).as_dict()

    assert len(expected["distances_mm"]) > 2
    for lesion in (*found["lesions"], *expected["lesions"]):
        del lesion["diameter_lines"]
    assert sizes_of(found) == sizes_of(expected)


def sizes_of(found: dict) -> tuple:
    """What does not depend on the order of lesions that are equally large."""
    return found["volume_ml"], found["sum_of_products_mm2"], sorted(map(str, found["lesions"]))


# RANO


@pytest.mark.parametrize(
    ("longest", "across", "slices", "slice_mm", "expected"),
    [
        (10.0, 10.0, 2, 5.0, True),
        (30.0, 9.99, 2, 5.0, False),
        (30.0, 30.0, 1, 5.0, False),
        (13.1, 13.1, 2, 6.6, False),
        (13.2, 13.2, 2, 6.6, True),
    ],
)
def test_a_lesion_is_measurable_from_two_diameters_on_two_slices(
    longest: float, across: float, slices: int, slice_mm: float, expected: bool
) -> None:
    steps = np.diag([slice_mm, 0.5, 0.5])
    assert is_measurable(longest, across, slices, steps) is expected


def test_thick_slices_ask_for_twice_their_distance_in_whichever_plane_they_lie() -> None:
    assert least_diameter_mm(np.diag([5.0, 1.0, 1.0])) == 10
    assert least_diameter_mm(np.diag([6.0, 1.0, 1.0])) == 12
    assert least_diameter_mm(np.diag([1.0, 1.0, 6.0])) == 12
    sheared = np.array([[6.0, 3.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert least_diameter_mm(sheared) == 12


def test_the_sum_of_products_is_over_the_measurable_lesions() -> None:
    mask = np.zeros((60, 60, 12), dtype=bool)
    mask[5:20, 5:20, 2:6] = mask[30:50, 30:45, 3:8] = mask[50:57, 5:12, 2:9] = True

    result = measured(mask, ras_affine())

    assert [lesion.is_measurable for lesion in result.lesions] == [True, True, False]
    products = [lesion.product_mm2 for lesion in result.lesions]
    assert result.sum_of_products_mm2 == pytest.approx(sum(products[:2]), abs=0.02)


# Tiny lesions, spread


def test_tiny_lesions_count_in_the_total_and_are_listed_apart() -> None:
    mask = ellipsoid((60, 40, 20), (20, 20, 10), (9, 9, 6))
    mask[50:55, 2:7, 2:4] = mask[50:54, 30:34, 2:5] = mask[2, 2, 2] = True

    result = measured(mask, ras_affine())

    assert [lesion.voxels for lesion in result.main][1:] == [50]
    assert [lesion.voxels for lesion in result.tiny] == [48, 1]
    assert result.voxels == mask.sum()
    assert result.spread.is_multifocal
    assert all(other <= 2 for _, other, _ in result.spread.distances_mm)


def two_boxes(gap: int) -> np.ndarray:
    mask = np.zeros((80, 20, 20), dtype=bool)
    mask[2:14, 4:16, 4:16] = mask[13 + gap : 20 + gap, 6:14, 6:14] = True
    return mask


@pytest.mark.parametrize(("gap", "satellites"), [(20, (2,)), (21, ())])
def test_a_satellite_is_at_most_20_mm_from_the_largest(
    gap: int, satellites: tuple[int, ...]
) -> None:
    spread = measured(two_boxes(gap), ras_affine()).spread

    assert spread.is_multifocal is True
    assert spread.distances_mm == ((1, 2, float(gap)),)
    assert spread.satellites == satellites


def test_one_lesion_is_not_multifocal_and_neither_is_none() -> None:
    one = measured(two_boxes(1), ras_affine())
    none = measured(np.zeros((20, 20, 8), dtype=bool), ras_affine())

    assert len(one.lesions) == 1
    assert (one.spread.is_multifocal, one.spread.distances_mm) == (False, ())
    assert (none.spread.is_multifocal, none.spread.satellites) == (False, ())
    assert none.sum_of_products_mm2 == 0


def test_touching_lesions_that_a_person_told_apart_are_one_focus() -> None:
    pieces = two_boxes(1).astype(np.uint8)
    pieces[14:] *= 2
    slices = volume_to_slices(pieces, ras_affine())
    grid = make_grid(medical_image(pieces.astype(np.float32), ras_affine()))

    result = measure(slices > 0, image=None, grid=grid, pieces=slices)

    assert len(result.lesions) == 2
    assert result.spread.is_multifocal is False
    assert result.spread.distances_mm == ((1, 2, 1.0),)


def test_many_lesions_have_their_distances_to_the_largest_only() -> None:
    mask = np.zeros((100, 100, 8), dtype=bool)
    for x in range(0, 100, 20):
        for y in range(0, 100, 20):
            mask[x : x + 5, y : y + 5, 2:4] = True
    mask[0:5, 0:5, 4] = True

    distances = measured(mask, ras_affine()).spread.distances_mm

    assert len(distances) == 24
    assert {one for one, _, _ in distances} == {1}


# Without millimetres, without a scan, with a brain


def test_without_reliable_spacing_only_voxels_and_shares_are_given() -> None:
    mask = two_boxes(20)
    volume = np.where(ellipsoid(mask.shape, (40, 10, 10), (60, 14, 14)), 100.0, 0.0)
    grid = make_grid(medical_image(volume, ras_affine()), spacing_is_reliable=False)

    result = measure(
        volume_to_slices(mask, ras_affine()).astype(bool),
        image=volume_to_slices(volume, ras_affine()),
        grid=grid,
    )

    assert in_millimetres(result) == {None}
    assert result.spread.is_multifocal is True
    assert result.spread.distances_mm is None
    assert result.spread.satellites is None
    assert result.brain_volume_ml is None
    assert result.brain_percent == pytest.approx(
        100 * result.voxels / result.brain_voxels, abs=1e-4
    )


def in_millimetres(result: Measurement) -> set:
    """Every value that needs to know the size of a voxel."""
    lesion: LesionMeasure = result.lesions[0]
    names = ("volume_ml", "longest_diameter_mm", "perpendicular_diameter_mm", "product_mm2")
    more = ("longest_3d_mm", "surface_mm2", "sphericity", "is_measurable")
    values = {getattr(lesion, name) for name in names + more}
    return values | {result.volume_ml, result.surface_mm2, result.sum_of_products_mm2}


def test_a_picture_is_not_called_multifocal_or_not() -> None:
    pixels = head((96, 96, 3))[:, :, 1].T[None]
    mask = ellipsoid((1, 96, 96), (0, 40, 60), (1, 8, 8)) & (pixels > 0)

    result = measure(mask, image=pixels, grid=make_grid(picture_image(pixels)))

    assert result.spread.is_multifocal is None
    assert in_millimetres(result) == {None}


def test_without_a_scan_there_is_no_share_and_no_place() -> None:
    result = measured(two_boxes(20), ras_affine())

    assert (result.brain_percent, result.brain_voxels, result.brain_source) == (None, None, "")
    assert result.key_area_percent is None
    assert result.lesions[0].place.side == "unknown"


def test_a_brain_that_is_known_is_used_and_named() -> None:
    mask = volume_to_slices(two_boxes(20), ras_affine()).astype(bool)
    known = np.zeros_like(mask)
    known[:, :10] = True
    grid: Grid = make_grid(medical_image(two_boxes(20).astype(np.float32), ras_affine()))

    result = measure(mask, image=None, grid=grid, brain=Brain(known, "the template's brain"))

    assert result.brain_source == "the template's brain"
    assert result.brain_voxels == (known | mask).sum()
    assert result.brain_percent == pytest.approx(100 * mask.sum() / (known | mask).sum(), abs=1e-4)
    shares = [lesion.brain_percent for lesion in result.lesions]
    assert sum(shares) == pytest.approx(result.brain_percent, abs=1e-3)


def test_a_long_thin_cloud_has_its_length() -> None:
    """As good as flat, which Qhull refuses."""
    own = np.zeros((2, 1, 900), dtype=bool)
    own[0, 0, :] = own[1, 0, 0] = True
    assert longest_3d(own, np.diag([1e-3, 1.0, 1.0])) == pytest.approx(899, abs=1e-3)
