"""The brain among skull and scalp."""

from __future__ import annotations

import numpy as np

from ml.brain import box_centre, brain_sections, holds_scalp
from ml.geometry import Geometry, ImageKind
from ml.measures import HEAD, Grid, measure
from ml.place import Convention
from ml.tests.factories import ellipsoid


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


def slice_of_a_head(*, scalp: float) -> np.ndarray:
    """A disc of tissue (H, W) with a rim as bright as ``scalp`` and no ring of bone."""
    rows, columns = np.indices((256, 256))
    radius = np.hypot(rows - 128, columns - 128)
    return np.where(radius < 92, 100.0, np.where(radius < 100, scalp, 0.0))


def test_an_outline_that_takes_the_scalp_in_is_the_heads_and_not_the_brains() -> None:
    with_scalp, stripped = slice_of_a_head(scalp=220.0), slice_of_a_head(scalp=95.0)
    assert holds_scalp(brain_sections(with_scalp[None])[0], with_scalp)
    assert not holds_scalp(brain_sections(stripped[None])[0], stripped)
    ring = np.hypot(*(np.indices((256, 256)) - 128))
    with_bone = np.where((ring > 84) & (ring < 92), 5.0, with_scalp)
    assert not holds_scalp(brain_sections(with_bone[None])[0], with_bone)
    assert not holds_scalp(np.zeros((256, 256), dtype=bool), with_scalp)


def test_a_lone_slice_without_an_outline_of_the_brain_says_that_shares_are_of_the_head() -> None:
    slices = slice_of_a_head(scalp=220.0)[None]
    mask = np.zeros(slices.shape, dtype=bool)
    mask[0, 100:120, 100:120] = True
    grid = Grid(
        Geometry(ImageKind.PICTURE, "PNG", (256, 256), (256, 256), 1, "uint8", None, None),
        None,
        np.eye(4)[[2, 1, 0, 3]],
        Convention.UNKNOWN,
    )
    found = measure(mask, image=slices, grid=grid)
    assert found.brain_source == HEAD
    assert len(HEAD) <= 120
