"""Lengths and angles of lines set by hand, in any grid."""

from __future__ import annotations

import numpy as np
import pytest

from ml.lines import angle_of, degrees_between, file_steps, length_of, slice_axis
from ml.tests.factories import ras_affine, reorient, tilt

CODES = ("RAS", "LAS", "LPI", "PIR", "SRP")
SPACING = (0.8, 1.1, 4.0)


@pytest.mark.parametrize("codes", CODES)
def test_a_length_is_that_between_the_two_places_in_the_world(codes: str) -> None:
    affine = tilt(reorient(np.zeros((20, 30, 10)), ras_affine(SPACING), codes)[1])
    ends = np.array([[2.0, 3.5, 4.0], [11.0, 8.0, 6.25]])
    placed = [(affine @ [*end, 1])[:3] for end in ends]
    expected = np.linalg.norm(placed[1] - placed[0])
    assert length_of(ends, file_steps(affine, ())) == pytest.approx(expected)


def test_without_an_affine_the_spacing_gives_the_length() -> None:
    ends = np.array([[0.0, 0, 0], [3, 4, 0]])
    assert length_of(ends, file_steps(None, (2.0, 2.0, 7.0))) == pytest.approx(10)
    assert length_of(ends, np.eye(3)) == pytest.approx(5)


def test_an_angle_is_one_of_millimetres_and_not_of_voxels() -> None:
    points = np.array([[10.0, 0, 0], [0, 0, 0], [10, 0, 5]])
    steps = file_steps(ras_affine((1.0, 1.0, 2.0)), ())
    assert angle_of(points, steps) == pytest.approx(45)
    assert angle_of(points, np.eye(3)) == pytest.approx(np.degrees(np.arctan(0.5)))


@pytest.mark.parametrize("degrees", [0, 0.001, 30, 90, 179.999, 180])
def test_flat_and_sharp_angles_are_exact(degrees: float) -> None:
    turn = np.radians(degrees)
    points = np.array([[7.0, 0, 0], [0, 0, 0], [5 * np.cos(turn), 5 * np.sin(turn), 0]])
    assert angle_of(points, np.eye(3)) == pytest.approx(degrees, abs=1e-9)


def test_lines_that_need_not_meet_are_square_to_each_other_whichever_way_they_run() -> None:
    one, other = np.array([[0.0, 0, 0], [4, 0, 0]]), np.array([[9.0, 9, 0], [9, 2, 0]])
    assert degrees_between(one, other, np.eye(3)) == pytest.approx(90)
    assert degrees_between(one, one[::-1], np.eye(3)) == pytest.approx(0)


@pytest.mark.parametrize("codes", CODES)
def test_the_axis_of_the_slices_is_that_of_the_patient(codes: str) -> None:
    affine = tilt(reorient(np.zeros((20, 30, 10)), ras_affine(SPACING), codes)[1])
    for plane, letters in (("sagittal", "RL"), ("coronal", "AP"), ("axial", "SI")):
        assert codes[slice_axis(plane, affine)] in letters


def test_a_file_without_an_affine_is_taken_as_it_is_stored() -> None:
    assert [slice_axis(plane, None) for plane in ("sagittal", "coronal", "axial")] == [0, 1, 2]
