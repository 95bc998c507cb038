"""What is left of a head once its face is taken off."""

from __future__ import annotations

import numpy as np
import pytest

from ml.deface import FaceRemainsError, keep_brain
from ml.stacks import slice_pixel_mm, volume_to_slices
from ml.tests.factories import ellipsoid, shared_folder
from ml.volumes import load_image

SHAPE = (30, 110, 100)
SIZES_MM = (5.0, 2.0, 2.0)
CENTRE = (16.0, 60.0, 50.0)


def head_with_face() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Slices (Z, H, W) from the foot: a brain in bone and scalp, with a nose, ears and a neck."""
    parts = {
        "scalp": ellipsoid(SHAPE, CENTRE, (14, 48, 39)),
        "bone": ellipsoid(SHAPE, CENTRE, (12.6, 44, 35)),
        "brain": ellipsoid(SHAPE, CENTRE, (11.4, 40, 31)),
        "nose": ellipsoid(SHAPE, (8, 14, 50), (5, 12, 6)),
        "neck": np.zeros(SHAPE, dtype=bool),
    }
    parts["neck"][:8] = ellipsoid(SHAPE[1:], CENTRE[1:], (40, 33))
    for edge in (10, 90):
        parts[f"ear {edge}"] = ellipsoid(SHAPE, (10, 60, edge), (3, 8, 5))
    slices = np.random.default_rng(0).normal(2, 0.5, SHAPE).clip(1)
    for name in parts:
        if name not in ("bone", "brain"):
            slices[parts[name]] = 120
    slices[parts["bone"]] = 10
    slices[parts["neck"]] = 90
    slices[parts["brain"]] = 100
    return slices, parts


def test_nose_ears_and_skin_are_gone_and_the_brain_is_kept() -> None:
    slices, parts = head_with_face()

    kept = keep_brain(slices, SIZES_MM)

    for name in ("nose", "ear 10", "ear 90"):
        assert not (kept & parts[name] & ~parts["bone"]).any(), name
    assert (kept & parts["brain"])[10:].sum() > 0.93 * parts["brain"][10:].sum()
    skin = parts["scalp"] & ~parts["bone"]
    assert (kept & skin)[10:24].sum() < 0.02 * skin[10:24].sum()


def test_below_the_skull_no_more_is_kept_than_lies_below_the_brain() -> None:
    slices, parts = head_with_face()

    kept = keep_brain(slices, SIZES_MM)

    footprint = np.stack([parts["bone"].any(axis=0)] * SHAPE[0])
    assert not (kept[:8] & ~footprint[:8]).any()


def test_nothing_near_the_air_is_kept() -> None:
    slices, parts = head_with_face()
    head = np.any([parts[name] for name in parts], axis=0)

    kept = keep_brain(slices, SIZES_MM)

    for shift in (-2, 2):
        assert not (kept & ~np.roll(head, shift, axis=1)).any()
        assert not (kept & ~np.roll(head, shift, axis=2)).any()


def test_a_lesion_is_kept_whole_even_where_it_reaches_the_bone() -> None:
    slices, parts = head_with_face()
    lesion = ellipsoid(SHAPE, (17, 24, 50), (2, 8, 8)) & parts["bone"]

    kept = keep_brain(slices, SIZES_MM, lesion)

    assert kept[lesion].all()
    assert not (kept & parts["nose"] & ~parts["bone"]).any()


def test_a_lesion_outside_of_what_is_taken_for_brain_is_refused() -> None:
    slices, parts = head_with_face()

    with pytest.raises(FaceRemainsError, match="signed lesion"):
        keep_brain(slices, SIZES_MM, parts["nose"] & ~parts["bone"])


def test_a_stripped_brain_is_kept_as_it_is() -> None:
    slices, parts = head_with_face()
    stripped = np.where(parts["brain"], slices, 0)

    assert keep_brain(stripped, SIZES_MM).all()


def test_clean_air_alone_does_not_make_a_head_a_stripped_one() -> None:
    slices, parts = head_with_face()
    head = np.any([parts[name] for name in parts], axis=0)

    assert not keep_brain(np.where(head, slices, 0), SIZES_MM).all()


def test_a_head_in_which_no_skull_is_seen_is_refused() -> None:
    slices, parts = head_with_face()
    head = np.any([parts[name] for name in parts], axis=0)
    slices[head] = 100

    with pytest.raises(FaceRemainsError, match="told from the skull"):
        keep_brain(slices, SIZES_MM)


def test_nothing_but_air_is_refused() -> None:
    with pytest.raises(FaceRemainsError, match="no head"):
        keep_brain(np.zeros((5, 60, 60)), SIZES_MM)


def test_the_face_of_a_real_scan_is_gone() -> None:
    """Looked at slice by slice; this holds that what was seen stays so."""
    image = load_image(shared_folder("samples") / "TCGA-FG-6692_flair_native.nii.gz")
    slices = volume_to_slices(image.values, image.affine)

    kept = keep_brain(slices, slice_pixel_mm(image.affine))

    rows = [np.flatnonzero(plane.any(axis=1)) for plane in kept]
    # On the slices through nose and eyeballs nothing in front of the temporal lobes is left.
    assert all(row.size == 0 or row[0] > 60 for row in rows[:7])
    voxel_ml = np.prod(slice_pixel_mm(image.affine)) / 1000
    assert 1200 < kept.sum() * voxel_ml < 1800


def test_both_hemispheres_are_kept_where_they_lie_apart() -> None:
    slices, parts = head_with_face()
    slices[19:, :, 48:52][parts["brain"][19:, :, 48:52]] = 10

    kept = keep_brain(slices, SIZES_MM)

    left, right = (kept[21] & parts["brain"][21] & side for side in sides())
    assert left.sum() > 0.8 * (parts["brain"][21] & sides()[0]).sum()
    assert right.sum() > 0.8 * (parts["brain"][21] & sides()[1]).sum()


def sides() -> tuple[np.ndarray, np.ndarray]:
    """The two halves of a slice (H, W), without what lies between them."""
    columns = np.broadcast_to(np.arange(SHAPE[2]), SHAPE[1:])
    return columns < 48, columns >= 52
