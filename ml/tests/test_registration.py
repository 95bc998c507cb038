"""Laying one scan of a head over another: known motions are found, and misfits are admitted.

The motion is put into the later scan's affine, where it is exact; noise, shading, sequence, grid
and orientation differ as between two visits.
"""

from __future__ import annotations

from functools import cache

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ml.alignment_quality import normalised_information
from ml.errors import RegistrationError
from ml.phantom import FLAIR, Contrast, PhantomLesion, grow_phantom
from ml.registration import Registration, register_heads
from ml.tests.factories import shared_folder
from ml.volumes import load_image

T1 = Contrast("T1", (0.0, 0.15, 0.25, 0.5, 0.6, 0.75, 0.9, 1.0), scalp=1.2)
LESION = PhantomLesion(centre_mm=(-33.0, 18.0, 26.0), radii_mm=(15.0, 18.0, 14.0))
CENTRE = np.array([0.0, -15.0, 25.0])
# Millimetres, on average over the head; half a voxel of the finest of these grids and less.
TOLERANCE_MM = 0.6
TOLERANCE_DEGREES = 0.5
Grown = tuple[np.ndarray, np.ndarray]


@cache
def scan(
    visit: int,
    orientation: str = "LPS",
    spacing: tuple[float, float, float] = (3.0, 3.0, 3.0),
    contrast: Contrast = FLAIR,
    with_scalp: bool = True,
) -> Grown:
    """The same patient on another day, lying in the scanner in the same way."""
    grown = grow_phantom(
        lesions=(LESION,) if visit else (),
        seed=11,
        visit=visit,
        rotation_degrees=0.0,
        orientation=orientation,
        spacing_mm=spacing,
        contrast=contrast,
        with_scalp=with_scalp,
    )
    return grown.volume.astype(np.float32), grown.affine


def motion(degrees: tuple[float, float, float], moved_mm: tuple[float, float, float]) -> np.ndarray:
    """A turn about the head's middle, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(degrees)).as_matrix()
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ CENTRE + moved_mm
    return matrix


def register(earlier: Grown, later: Grown, moved: np.ndarray) -> Registration:
    return register_heads(*earlier, later[0], moved @ later[1])


def assert_found(found: np.ndarray, true: np.ndarray, earlier: Grown) -> None:
    values, affine = earlier
    inside = np.argwhere(values > 100)[::31].T
    points = affine @ np.vstack([inside, np.ones(inside.shape[1])])
    apart = np.linalg.norm(((found - true) @ points)[:3], axis=0)
    turn = Rotation.from_matrix(found[:3, :3] @ true[:3, :3].T).magnitude()
    assert apart.mean() < TOLERANCE_MM, f"{apart.mean():.2f} mm away"
    assert np.degrees(turn) < TOLERANCE_DEGREES


@pytest.mark.parametrize(
    ("orientation", "spacing"),
    [
        ("LAS", (3.0, 3.0, 3.0)),
        ("RAS", (3.0, 3.0, 3.0)),
        ("PIR", (3.0, 3.0, 3.0)),
        ("RAS", (2.0, 2.0, 6.0)),
        ("ASL", (5.0, 2.5, 2.5)),
    ],
)
def test_a_known_motion_is_found_in_any_orientation_and_grid(
    orientation: str, spacing: tuple[float, float, float]
) -> None:
    moved = motion((6.0, -8.0, 10.0), (10.0, -12.0, 8.0))
    later = scan(1, orientation, spacing)
    assert not np.allclose((moved @ later[1])[:3, :3], np.diag(np.diag(later[1][:3, :3])))
    assert_found(register(scan(0), later, moved).matrix, moved, scan(0))


@pytest.mark.parametrize("later", [{"contrast": T1}, {"with_scalp": False}])
def test_another_sequence_and_a_stripped_skull_are_no_obstacle(later: dict[str, object]) -> None:
    moved = motion((-5.0, 4.0, -9.0), (-8.0, 6.0, 12.0))
    assert_found(register(scan(0), scan(1, **later), moved).matrix, moved, scan(0))  # type: ignore[arg-type]


def test_a_head_far_away_and_far_turned_is_found() -> None:
    moved = motion((20.0, 10.0, -15.0), (-60.0, 40.0, 150.0))
    assert_found(register(scan(0), scan(1), moved).matrix, moved, scan(0))


def test_an_earlier_scan_that_is_oblique_is_as_good_as_a_straight_one() -> None:
    tilt = motion((14.0, 0.0, 0.0), (0.0, 5.0, -9.0))
    values, affine = scan(0, "LAS", (2.0, 2.0, 5.0))
    oblique = (values, tilt @ affine)
    moved = motion((3.0, 5.0, -4.0), (2.0, 3.0, 4.0))
    true = moved @ np.linalg.inv(tilt)
    assert_found(register(oblique, scan(1), moved).matrix, true, oblique)


def test_the_way_back_is_the_inverse_and_the_answer_is_the_same_every_time() -> None:
    moved = motion((4.0, 0.0, -6.0), (5.0, 0.0, 3.0))
    there = register(scan(0), scan(1), moved)
    assert np.array_equal(there.matrix, register(scan(0), scan(1), moved).matrix)
    back = register_heads(scan(1)[0], moved @ scan(1)[1], *scan(0))
    assert_found(back.matrix @ there.matrix, np.eye(4), scan(0))


def test_the_matrix_is_rigid_and_its_figures_say_what_it_did() -> None:
    moved = motion((0.0, 0.0, 12.0), (9.0, 0.0, 0.0))
    found = register(scan(0), scan(1), moved)
    turn = found.matrix[:3, :3]
    assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    assert found.matrix[3].tolist() == [0, 0, 0, 1]
    figures = found.as_dict()
    assert figures["degrees"] == pytest.approx(12.0, abs=0.5)
    assert figures["moved_mm"] == pytest.approx(9.0, abs=2.0)
    assert figures["information_after"] > figures["information_before"] + 0.05
    assert figures["overlap"] > 0.95 > figures["overlap_before"]
    assert figures["peak"] > 3


def test_half_a_head_is_laid_into_the_whole_one() -> None:
    values, affine = scan(1)
    half = values[:, :, : values.shape[2] // 2]
    moved = motion((5.0, 3.0, -7.0), (6.0, 4.0, 2.0))
    found = register(scan(0), (half, affine), moved)
    assert_found(found.matrix, moved, scan(0))
    assert found.quality.share < 0.7


@pytest.mark.parametrize("what", ["noise", "a ball", "a thin end of the head"])
def test_what_does_not_fit_is_admitted_in_a_sentence(what: str) -> None:
    values, affine = scan(0)
    noise = np.random.default_rng(0).random(values.shape).astype(np.float32)
    away = np.indices(values.shape) - np.array(values.shape).reshape(3, 1, 1, 1) / 2
    ball = ((away**2).sum(axis=0) < 200).astype(np.float32)
    later = {"noise": noise, "a ball": ball, "a thin end of the head": values[:, :, :9]}[what]
    with pytest.raises(RegistrationError, match=r"could not be aligned: .*\.$"):
        register_heads(values, affine, later, affine)


def test_an_empty_scan_is_admitted_too() -> None:
    values, affine = scan(0)
    for pair in ((values, np.zeros_like(values)), (np.zeros_like(values), values)):
        with pytest.raises(RegistrationError, match="no head"):
            register_heads(pair[0], affine, pair[1], affine)


def test_information_is_one_for_strangers_and_two_for_twins() -> None:
    bins = np.random.default_rng(3).integers(0, 32, 100_000)
    other = np.random.default_rng(4).integers(0, 32, 100_000)
    assert normalised_information(bins, bins) == pytest.approx(2.0)
    assert normalised_information(bins, 31 - bins) == pytest.approx(2.0)
    assert normalised_information(bins, other) == pytest.approx(1.0, abs=0.01)
    assert normalised_information(bins, np.zeros_like(bins)) == 1.0


def test_two_sequences_of_a_real_patient_are_found_again_within_a_third_of_a_millimetre() -> None:
    folder = shared_folder("samples")
    flair = load_image(folder / "BraTS2021_01485_flair.nii.gz")
    t1ce = load_image(folder / "BraTS2021_01485_t1ce.nii.gz")
    middle = nib.affines.apply_affine(flair.affine, [120, 120, 77])
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_rotvec(np.radians([10.0, 5.0, -12.0])).as_matrix()
    moved[:3, 3] = middle - moved[:3, :3] @ middle + [20.0, -15.0, 10.0]
    found = register_heads(flair.values, flair.affine, t1ce.values, moved @ t1ce.affine)
    shift = nib.affines.apply_affine(found.matrix, middle) - middle - [20.0, -15.0, 10.0]
    assert np.linalg.norm(shift) < 0.33
    assert (
        np.degrees(Rotation.from_matrix(found.matrix[:3, :3] @ moved[:3, :3].T).magnitude()) < 0.5
    )
