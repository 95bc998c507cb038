"""Grids that are one, scans laid onto another grid, and the difference of two masks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ml.difference import Change, compare_masks, resample, resample_mask, same_grid

SHAPE = (12, 14, 9)
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [12, -7, 20], degrees=True).as_matrix() * [1, 2, 3]
OBLIQUE[:3, 3] = [-5, 8, 3]


def test_each_voxel_is_stable_grown_gone_or_neither() -> None:
    earlier, later = np.zeros((2, *SHAPE), dtype=np.uint8)
    earlier[2:6, 3, 4] = 2
    later[4:9, 3, 4] = 1
    found = compare_masks(earlier, later)
    assert found.labels[2:10, 3, 4].tolist() == [3, 3, 1, 1, 2, 2, 2, 0]
    assert (found.stable, found.grown, found.gone) == (2, 3, 2)
    assert found.labels[5, 3, 4] == Change.STABLE


def test_a_grid_is_the_same_only_with_its_shape_and_all_its_corners() -> None:
    assert same_grid(SHAPE, OBLIQUE, SHAPE, OBLIQUE + 1e-4)
    assert not same_grid(SHAPE, OBLIQUE, (12, 14, 10), OBLIQUE)
    moved, turned = OBLIQUE.copy(), OBLIQUE.copy()
    moved[1, 3] += 0.5
    turned[:3, :3] = Rotation.from_euler("z", 2, degrees=True).as_matrix() @ turned[:3, :3]
    assert not same_grid(SHAPE, OBLIQUE, SHAPE, moved)
    assert not same_grid(SHAPE, OBLIQUE, SHAPE, turned)


@pytest.mark.parametrize("flipped", [(), (0,), (1,), (0, 2)])
def test_a_scan_stored_the_other_way_round_comes_back_voxel_by_voxel(
    flipped: tuple[int, ...],
) -> None:
    values = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    turn = np.eye(4)
    for axis in flipped:
        turn[axis, axis], turn[axis, 3] = -1, SHAPE[axis] - 1
    stored, affine = np.flip(values, flipped), OBLIQUE @ turn
    back = resample(stored, affine, shape=SHAPE, onto=OBLIQUE, matrix=np.eye(4))
    assert np.allclose(back, values, atol=1e-4)


def test_a_point_lands_where_the_matrix_says() -> None:
    later = np.zeros((20, 20, 20), dtype=np.float32)
    later[5, 6, 7] = 1
    motion = np.eye(4)
    motion[:3, 3] = [2.0, 0.0, -1.0]
    moved = resample(later, np.eye(4), shape=(20, 20, 20), onto=np.eye(4), matrix=motion)
    # The matrix goes from the earlier scan to the later one: earlier + (2, 0, -1) = later.
    assert np.unravel_index(moved.argmax(), moved.shape) == (3, 6, 8)


def test_a_mask_keeps_its_volume_on_a_finer_and_a_coarser_grid() -> None:
    fine = np.indices((40, 40, 40)) - 19.5
    ball = (fine**2).sum(axis=0) < 12**2
    coarse = np.diag([2.0, 2.0, 2.0, 1.0])
    coarse[:3, 3] = 0.5
    half = resample_mask(ball, np.eye(4), shape=(20, 20, 20), onto=coarse, matrix=np.eye(4))
    assert 8 * half.sum() == pytest.approx(ball.sum(), rel=0.03)
    again = resample_mask(half, coarse, shape=(40, 40, 40), onto=np.eye(4), matrix=np.eye(4))
    assert again.sum() == pytest.approx(ball.sum(), rel=0.05)
    assert (again != ball).sum() < 0.1 * ball.sum()


def test_what_the_later_scan_does_not_show_is_empty() -> None:
    full = np.ones((10, 10, 10), dtype=np.float32)
    away = np.eye(4)
    away[0, 3] = 100.0
    assert not resample(full, np.eye(4), shape=SHAPE, onto=np.eye(4), matrix=away).any()
