"""The two diameters against formulas and against a search through everything."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist

from ml.diameters import Diameters, find_diameters, plane_axes
from ml.measures import LesionMeasure, measure
from ml.prediction import make_grid
from ml.stacks import stack_to_file, volume_to_slices
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


def steps_of(affine: np.ndarray) -> np.ndarray:
    """The steps along (Z, H, W) of a volume whose axes run to R, A and S."""
    return np.array([affine[:3, 2], -affine[:3, 1], -affine[:3, 0]])


def ellipse(
    radii_mm: tuple[float, float], degrees: float, pixel_mm: tuple[float, float]
) -> np.ndarray:
    """One slice (1, H, W) with an ellipse turned by ``degrees``."""
    half = [int(max(radii_mm) / size) + 3 for size in pixel_mm]
    rows, columns = np.mgrid[-half[0] : half[0] + 1, -half[1] : half[1] + 1]
    y, x = rows * pixel_mm[0], columns * pixel_mm[1]
    turn = np.radians(degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    section: np.ndarray = (along / radii_mm[0]) ** 2 + (across / radii_mm[1]) ** 2 <= 1
    return section[None]


@pytest.mark.parametrize("pixel_mm", [(1.0, 1.0), (0.5, 0.5), (0.43, 0.9), (1.5, 0.7)])
@pytest.mark.parametrize("degrees", [0, 17, 45, 73, 90, 131])
@pytest.mark.parametrize("radii_mm", [(24.0, 15.0), (12.0, 11.0), (30.0, 6.0)])
def test_an_ellipses_diameters_are_its_axes(
    pixel_mm: tuple[float, float], degrees: float, radii_mm: tuple[float, float]
) -> None:
    steps = np.diag([3.0, *pixel_mm])
    longest, across = find_diameters(ellipse(radii_mm, degrees, pixel_mm), steps).lengths

    assert 2 * radii_mm[0] - 2 * max(pixel_mm) <= longest <= 2 * radii_mm[0]
    assert across == pytest.approx(2 * radii_mm[1], abs=2 * max(pixel_mm))


def blob(seed: int) -> np.ndarray:
    """The largest piece of smoothed noise (Z, H, W): concave, with holes."""
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.normal(size=(6, 26, 24)), (1, 2, 2)) > 0.02
    labels, _ = ndimage.label(values, structure=np.ones((3, 3, 3)))
    largest: np.ndarray = labels == 1 + int(np.bincount(labels.ravel())[1:].argmax())
    return largest


def longest_of_all_pairs(own: np.ndarray, steps: np.ndarray) -> float:
    sections = [np.argwhere(own & (np.arange(len(own)) == z)[:, None, None]) for z in range(6)]
    return max(float(pdist(points @ steps).max()) for points in sections if len(points) > 1)


def widest_across(section: np.ndarray, ends: np.ndarray) -> float:
    """The longest chord at a right angle to ``ends`` between any lines that join two points.

    Points and ends (N, 2) are in millimetres. Every line between two points of the lesion is
    followed to where it meets the chord; nothing is known here of a hull.
    """
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    points = (section - ends[0]) @ np.column_stack([along, [-along[1], along[0]]])
    pairs = np.array(list(combinations(range(len(points)), 2)))
    one, other = points[pairs[:, 0]], points[pairs[:, 1]]
    widest = 0.0
    for place in np.unique(points[:, 0]):
        meets = (one[:, 0] - place) * (other[:, 0] - place) < 0
        share = (place - one[meets, 0]) / (other[meets, 0] - one[meets, 0])
        heights = one[meets, 1] + share * (other[meets, 1] - one[meets, 1])
        heights = np.concatenate([heights, points[points[:, 0] == place, 1]])
        widest = max(widest, float(np.ptp(heights)))
    return widest


def in_the_world(found: Diameters, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    assert found.longest is not None
    assert found.perpendicular is not None
    return found.longest.ends @ steps, found.perpendicular.ends @ steps


SHEAR = np.array([[1.0, 0, 0, 0], [0.3, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "affine",
    [ras_affine(), tilt(ras_affine((0.7, 1.6, 4.0))), tilt(ras_affine((0.9, 0.9, 5.0)) @ SHEAR)],
    ids=["isotropic", "oblique", "sheared"],
)
def test_both_diameters_are_those_of_a_search_through_everything(
    seed: int, affine: np.ndarray
) -> None:
    own, steps = blob(seed), steps_of(affine)
    found = find_diameters(own, steps)
    assert found.longest is not None
    assert found.perpendicular is not None
    assert found.longest.length == pytest.approx(longest_of_all_pairs(own, steps), abs=1e-9)

    z = int(found.longest.ends[0, 0])
    plane = plane_axes(steps)
    points = np.argwhere(own[z]) @ plane
    ends = found.longest.ends[:, 1:] @ plane
    expected = widest_across(points[_thinned(points)], ends)
    assert found.perpendicular.length == pytest.approx(expected, abs=1e-6)


def _thinned(points: np.ndarray) -> np.ndarray:
    """The indices of points that no two others enclose in their row: pairs of all would be many."""
    order = np.lexsort((points[:, 1], points[:, 0].round(6)))
    rows = points[order, 0].round(6)
    is_end = np.r_[True, rows[1:] != rows[:-1]] | np.r_[rows[1:] != rows[:-1], True]
    kept: np.ndarray = order[is_end]
    return kept


@pytest.mark.parametrize("seed", range(8))
def test_the_lines_say_their_lengths_are_square_to_each_other_and_cross(seed: int) -> None:
    own, steps = blob(seed), steps_of(tilt(ras_affine((0.7, 1.6, 4.0)) @ SHEAR))
    found = find_diameters(own, steps)
    longest, across = in_the_world(found, steps)

    lengths = [float(np.linalg.norm(line[1] - line[0])) for line in (longest, across)]
    assert lengths == pytest.approx(found.lengths)
    assert np.dot(longest[1] - longest[0], across[1] - across[0]) == pytest.approx(0, abs=1e-6)
    assert found.longest is not None
    assert found.perpendicular is not None
    assert len({*found.longest.ends[:, 0], *found.perpendicular.ends[:, 0]}) == 1
    assert own[tuple(found.longest.ends.round().astype(int).T)].all()
    along = (longest[1] - longest[0]) / lengths[0] ** 2
    assert 0 <= (across[0] - longest[0]) @ along <= 1
    normal = (across[1] - across[0]) / lengths[1]
    sides = [(end - longest[0]) @ normal for end in across]
    assert sides[0] * sides[1] <= 1e-6


def test_a_perpendicular_is_no_longer_than_the_longest() -> None:
    for seed in range(12):
        longest, across = find_diameters(blob(seed), None).lengths
        assert 0 < across <= longest


def test_of_lines_of_one_length_that_with_the_longer_perpendicular_is_taken() -> None:
    own = np.zeros((4, 12, 12), dtype=bool)
    own[1, 3, 2:9] = True
    own[2, 3, 2:9] = own[2, 4, 4:6] = True
    found = find_diameters(own, None)
    assert found.lengths == (6.0, 1.0)
    assert found.longest is not None
    assert found.longest.ends[0, 0] == 2


def test_a_single_voxel_has_no_line() -> None:
    own = np.zeros((3, 5, 5), dtype=bool)
    own[1, 2, 2] = True
    found = find_diameters(own, np.diag([5.0, 1.0, 1.0]))
    assert found.lengths == (0.0, 0.0)
    assert found.points(np.eye(4), np.zeros(3)) == {}


def test_a_column_of_voxels_through_the_slices_has_no_line() -> None:
    assert find_diameters(np.ones((9, 1, 1), dtype=bool), None).lengths == (0.0, 0.0)


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (-1, 1), (2, 1)])
@pytest.mark.parametrize("count", [2, 3, 9])
def test_voxels_in_line_have_a_length_and_no_perpendicular(
    step: tuple[int, int], count: int
) -> None:
    own = np.zeros((1, 30, 30), dtype=bool)
    for n in range(count):
        own[0, 12 + n * step[0], 2 + n * step[1]] = True
    found = find_diameters(own, np.diag([5.0, 0.5, 2.0]))
    expected = (count - 1) * np.hypot(0.5 * step[0], 2.0 * step[1])
    assert found.lengths == (pytest.approx(expected), 0.0)
    assert set(found.points(np.eye(4), np.zeros(3))) == {"longest"}


def test_a_small_block_has_a_perpendicular_though_no_two_voxels_make_one() -> None:
    own = np.ones((1, 2, 3), dtype=bool)
    found = find_diameters(own, None)
    assert found.lengths == (pytest.approx(np.sqrt(5)), pytest.approx(np.sqrt(1.25)))


def test_a_lesion_of_every_pixel_is_measured_in_the_plane_of_its_slice() -> None:
    found = find_diameters(np.ones((2, 31, 41), dtype=bool), np.diag([9.0, 2.0, 1.0]))
    assert found.lengths[0] == pytest.approx(np.hypot(60, 40))


# In the file's own voxels


def lesion_of(mask: np.ndarray, affine: np.ndarray | None, **how: bool) -> LesionMeasure:
    scan = medical_image(head(mask.shape) + 1, affine)
    slices = volume_to_slices(mask, scan.affine).astype(bool)
    image = volume_to_slices(scan.values, scan.affine)
    return measure(slices, image=image, grid=make_grid(scan, **how)).lesions[0]


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_the_lines_lie_on_the_lesion_in_the_files_own_voxels(codes: str) -> None:
    mask = ellipsoid((40, 50, 12), (14, 30, 6), (9, 4, 3))
    turned, affine = reorient(mask, tilt(ras_affine((0.8, 1.1, 4.0), mask.shape)), codes)

    lesion = lesion_of(turned, affine)

    for name, length in (
        ("longest", lesion.longest_diameter_mm),
        ("perpendicular", lesion.perpendicular_diameter_mm),
    ):
        ends = np.array(lesion.diameter_lines[name])
        placed = ends @ affine[:3, :3].T
        assert float(np.linalg.norm(placed[1] - placed[0])) == pytest.approx(length, abs=0.006)
        assert turned[tuple(ends.round().astype(int).T)].all()


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_an_index_of_the_stack_names_the_same_voxel_of_the_file(codes: str) -> None:
    numbered, affine = reorient(np.arange(4 * 5 * 6).reshape(4, 5, 6), ras_affine(), codes)
    stack = volume_to_slices(numbered, affine)
    matrix = stack_to_file(affine, numbered.shape)
    for index in np.ndindex(stack.shape):
        i, j, k = (matrix @ [*index, 1]).astype(int)[:3]
        assert numbered[i, j, k] == stack[index]


@pytest.mark.parametrize("is_marked", [False, True])
def test_without_a_reliable_spacing_there_are_lines_and_no_millimetres(is_marked: bool) -> None:
    mask = ellipsoid((40, 50, 12), (14, 30, 6), (9, 4, 3))
    affine = ras_affine((0.5, 2.0, 4.0)) if is_marked else None

    lesion = lesion_of(mask, affine, spacing_is_reliable=False)

    assert (lesion.longest_diameter_mm, lesion.perpendicular_diameter_mm) == (None, None)
    ends = np.array(lesion.diameter_lines["longest"])
    assert np.abs(ends[1] - ends[0]).tolist() == [18, 0, 0]


def test_a_pictures_points_are_column_row_and_nought() -> None:
    pixels = np.ones((1, 40, 60), dtype=np.float32)
    mask = np.zeros((1, 40, 60), dtype=bool)
    mask[0, 10, 20:31] = mask[0, 8:13, 25] = True

    lesion = measure(mask, image=pixels, grid=make_grid(picture_image(pixels))).lesions[0]

    assert sorted(lesion.diameter_lines["longest"]) == [[20, 10, 0], [30, 10, 0]]
    assert sorted(lesion.diameter_lines["perpendicular"]) == [[25, 8, 0], [25, 12, 0]]
