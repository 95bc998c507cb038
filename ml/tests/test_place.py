"""Left and right are the patient's: from the affine, from a stated convention, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from ml.measures import measure
from ml.place import Convention, Place, Side
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


def place_of(mask: np.ndarray, volume: np.ndarray, affine: np.ndarray | None) -> Place:
    scan = medical_image(volume, affine)
    slices = volume_to_slices(mask, scan.affine).astype(bool)
    image = volume_to_slices(volume, scan.affine)
    return measure(slices, image=image, grid=make_grid(scan)).lesions[0].place


def lesion_at(x_mm: float, y_mm: float, z_mm: float, radius: float = 4) -> np.ndarray:
    """A ball around a point of the world, in the head that is centred on the origin."""
    volume = head()
    centre = [m + (n - 1) / 2 for m, n in zip((x_mm, y_mm, z_mm), volume.shape, strict=True)]
    return ellipsoid(volume.shape, tuple(centre), (radius, radius, 2)) & (volume > 0)


CENTRED = ras_affine(shape=(44, 52, 20))


@pytest.mark.parametrize(
    ("world", "words"),
    [
        ((-9, 12, 4), "left, anterior, superior"),
        ((9, 12, 4), "right, anterior, superior"),
        ((-9, -12, 4), "left, posterior, superior"),
        ((9, 12, -4), "right, anterior, inferior"),
    ],
)
@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("is_oblique", [False, True])
def test_a_lesion_is_on_its_side_of_the_world_in_every_orientation(
    world: tuple[float, float, float], words: str, codes: str, is_oblique: bool
) -> None:
    mask, affine = reorient(lesion_at(*world), CENTRED, codes)
    volume, _ = reorient(head(), CENTRED, codes)

    place = place_of(mask, volume, tilt(affine) if is_oblique else affine)

    assert place.words == words
    assert place.side == words.split(",")[0]
    assert place.left_share == (1.0 if place.side is Side.LEFT else 0.0)


def test_a_flipped_affine_moves_the_lesion_to_the_other_side() -> None:
    """The voxels are the same and only the header differs, so only the header can be trusted."""
    mask, volume = lesion_at(-9, 12, 4), head()

    assert place_of(mask, volume, CENTRED).side is Side.LEFT
    assert place_of(mask, volume, np.diag([-1.0, 1, 1, 1]) @ CENTRED).side is Side.RIGHT


def test_the_side_is_taken_from_the_heads_middle_and_not_from_the_grids() -> None:
    volume = np.pad(head(), ((60, 0), (0, 0), (0, 0)))
    mask = np.pad(lesion_at(-9, 12, 4), ((60, 0), (0, 0), (0, 0)))

    assert place_of(mask, volume, ras_affine(shape=volume.shape)).side is Side.LEFT


def test_a_lesion_over_the_midline_is_on_both_sides_with_its_shares() -> None:
    place = place_of(lesion_at(-2, 10, 2), head(), CENTRED)

    assert place.side is Side.BOTH
    assert 0.6 < place.left_share < 0.9
    assert place.words.startswith(f"on both sides ({place.left_share:.0%} left, ")


def test_a_lesion_on_the_midline_is_half_on_each_side() -> None:
    place = place_of(lesion_at(0, 10, 2), head(), CENTRED)
    assert place.left_share == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("z", "half"), [(-4, "first"), (4, "second")])
def test_without_an_affine_the_side_is_not_guessed(z: float, half: str) -> None:
    place = place_of(lesion_at(-9, 12, z), head(), None)

    assert place.side is Side.UNKNOWN
    assert place.left_share is None
    assert place.words.startswith(f"{half} half of the slices")
    assert "does not state" in place.words


def picture_place(row: int, column: int, convention: Convention = Convention.UNKNOWN) -> Place:
    pixels = head((96, 96, 3))[:, :, 1].T[None]
    scan = picture_image(pixels)
    mask = ellipsoid((1, 96, 96), (0, row, column), (1, 6, 6)) & (pixels > 0)
    grid = make_grid(scan, convention=convention)
    return measure(mask, image=pixels, grid=grid).lesions[0].place


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (30, 30, "upper left part of the picture"),
        (30, 65, "upper right part of the picture"),
        (65, 30, "lower left part of the picture"),
        (65, 65, "lower right part of the picture"),
    ],
)
def test_a_lesion_in_a_picture_has_a_place_in_the_picture_and_no_side(
    row: int, column: int, words: str
) -> None:
    place = picture_place(row, column)

    assert place.side is Side.UNKNOWN
    assert place.left_share is None
    assert place.words == f"{words}; the patient's side is not known"


@pytest.mark.parametrize(
    ("convention", "column", "side"),
    [
        (Convention.RADIOLOGICAL, 65, Side.LEFT),
        (Convention.RADIOLOGICAL, 30, Side.RIGHT),
        (Convention.NEUROLOGICAL, 65, Side.RIGHT),
        (Convention.NEUROLOGICAL, 30, Side.LEFT),
    ],
)
def test_a_stated_convention_gives_a_picture_its_sides(
    convention: Convention, column: int, side: Side
) -> None:
    place = picture_place(40, column, convention)

    assert place.side is side
    assert place.words.startswith(f"{side}; upper ")


def test_the_conventions_are_opposites_for_a_lesion_on_both_sides_too() -> None:
    radiological = picture_place(40, 45, Convention.RADIOLOGICAL)
    neurological = picture_place(40, 45, Convention.NEUROLOGICAL)

    assert radiological.side is neurological.side is Side.BOTH
    assert radiological.left_share == pytest.approx(1 - neurological.left_share)


def test_a_convention_says_nothing_about_a_volume() -> None:
    mask, volume = lesion_at(-9, 12, 4), head()
    scan = medical_image(volume, CENTRED)
    slices = volume_to_slices(mask, CENTRED).astype(bool)
    for convention in Convention:
        grid = make_grid(scan, convention=convention)
        found = measure(slices, image=volume_to_slices(volume, CENTRED), grid=grid)
        assert found.lesions[0].place.side is Side.LEFT
