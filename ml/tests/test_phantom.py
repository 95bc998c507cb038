"""The phantoms are what they say: size and side of a lesion, and the same bytes each time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from ml.phantom import (
    GREY_MATTER,
    Phantom,
    PhantomLesion,
    axial_picture,
    grow_phantom,
    write_phantom,
)
from ml.samples import LESION, write_samples
from ml.stacks import volume_to_slices

COARSE = (3.0, 3.0, 4.0)
LEFT = PhantomLesion(centre_mm=(-34.0, 10.0, 30.0), radii_mm=(16.0, 16.0, 14.0))
RIGHT = PhantomLesion(centre_mm=(32.0, -50.0, 26.0), radii_mm=(12.0, 12.0, 12.0))


def coarse(*lesions: PhantomLesion, seed: int = 4, **options: object) -> Phantom:
    return grow_phantom(lesions=lesions, seed=seed, **{"spacing_mm": COARSE, **options})


def truth_centre(phantom: Phantom) -> np.ndarray:
    indices = np.argwhere(phantom.truth).mean(axis=0)
    return nib.affines.apply_affine(phantom.affine, indices)


def box(phantom: Phantom, centre_mm: tuple[float, ...], reach_mm: tuple[float, ...]) -> np.ndarray:
    """The voxels around a point of the world, for axes that keep their order."""
    centre = nib.affines.apply_affine(np.linalg.inv(phantom.affine), centre_mm)
    steps = np.array(reach_mm) / nib.affines.voxel_sizes(phantom.affine)
    pairs = zip(
        np.rint(centre - steps).astype(int), np.rint(centre + steps).astype(int), strict=True
    )
    return phantom.volume[tuple(slice(low, high + 1) for low, high in pairs)]


def test_lesion_volumes_are_those_of_the_truth() -> None:
    phantom = coarse(LEFT, RIGHT)
    counted = phantom.truth.sum() * abs(np.linalg.det(phantom.affine)) / 1000
    assert sum(phantom.lesion_volumes_ml) == pytest.approx(counted)
    ellipsoid = 4 / 3 * np.pi * np.prod(LEFT.radii_mm) / 1000
    assert phantom.lesion_volumes_ml[0] == pytest.approx(ellipsoid, rel=0.35)


def test_overlapping_lesions_are_counted_once() -> None:
    phantom = coarse(LEFT, LEFT)
    counted = phantom.truth.sum() * np.prod(COARSE) / 1000
    assert sum(phantom.lesion_volumes_ml) == pytest.approx(counted)


def test_a_head_without_lesions_has_an_empty_truth() -> None:
    phantom = coarse()
    assert phantom.lesion_volumes_ml == ()
    assert not phantom.truth.any()
    assert phantom.truth.shape == phantom.volume.shape


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "LAS", "SPL"])
def test_a_lesion_on_the_left_lies_at_its_place_in_the_world(orientation: str) -> None:
    phantom = coarse(LEFT, orientation=orientation, rotation_degrees=0.0)
    assert "".join(nib.aff2axcodes(phantom.affine)) == orientation
    np.testing.assert_allclose(nib.affines.voxel_sizes(phantom.affine), COARSE)
    centre = truth_centre(phantom)
    assert centre[0] < 0
    np.testing.assert_allclose(centre, LEFT.centre_mm, atol=6)


def test_orientations_hold_the_same_head() -> None:
    left, right = coarse(LEFT, orientation="LPS"), coarse(LEFT, orientation="RAS")
    np.testing.assert_array_equal(left.volume[::-1, ::-1], right.volume)
    np.testing.assert_array_equal(
        volume_to_slices(left.truth, left.affine), volume_to_slices(right.truth, right.affine)
    )
    far_corner = np.array(left.volume.shape) - 1
    far_corner[2] = 0
    np.testing.assert_allclose(
        nib.affines.apply_affine(left.affine, far_corner), right.affine[:3, 3]
    )


def test_a_left_lesion_is_on_the_right_of_the_readers_picture() -> None:
    phantom = coarse(LEFT)
    slices = volume_to_slices(phantom.truth, phantom.affine)
    columns = np.nonzero(slices)[2]
    assert columns.mean() > slices.shape[2] / 2


def test_the_pose_moves_the_lesion_with_the_head() -> None:
    still, turned = (coarse(LEFT, rotation_degrees=degrees) for degrees in (0.0, 8.0))
    moved = np.linalg.norm(truth_centre(still) - truth_centre(turned))
    assert 0.5 < moved < 10
    assert np.array_equal(still.affine, turned.affine)


def test_the_lesion_outshines_white_matter_and_white_matter_the_ventricles() -> None:
    options = {"rotation_degrees": 0.0, "with_scalp": False, "orientation": "RAS"}
    phantom, healthy = coarse(LEFT, **options), coarse(**options)
    white = np.median(box(healthy, (-27, -24, 32), (3, 3, 2)))
    ventricle = np.percentile(box(healthy, (-14, -9, 24), (8, 6, 4)), 2)
    assert 0.75 * GREY_MATTER < white < 1.05 * GREY_MATTER
    assert ventricle < 0.5 * white
    assert 1.4 < np.median(phantom.volume[phantom.truth]) / white < 2.1


def test_without_scalp_there_is_nothing_around_the_brain() -> None:
    bare, whole = coarse(with_scalp=False), coarse(with_scalp=True)
    assert (bare.volume == 0).mean() > 0.5
    assert (whole.volume > 100).sum() > 1.2 * (bare.volume > 100).sum()
    assert whole.volume.dtype == np.int16
    assert 500 < whole.volume.max() <= 1000


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, 1.0, 50.0), (1.0, -1.0, 1.0)])
def test_an_impossible_spacing_is_refused(spacing: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="spacing"):
        coarse(spacing_mm=spacing)


@pytest.mark.parametrize("orientation", ["XYZ", "LRS", "LP", "lps", ""])
def test_an_unknown_orientation_is_refused(orientation: str) -> None:
    with pytest.raises(ValueError, match="orientation"):
        coarse(orientation=orientation)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name, seed, visit in (("a", 4, 0), ("b", 4, 0), ("c", 5, 0), ("d", 4, 1)):
        path = tmp_path / f"{name}.nii.gz"
        write_phantom(coarse(LEFT, seed=seed, visit=visit), path)
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_the_written_file_states_its_geometry(tmp_path: Path) -> None:
    phantom = coarse(LEFT)
    write_phantom(phantom, tmp_path / "head.nii.gz")
    image = nib.load(tmp_path / "head.nii.gz")
    for transform in (image.get_sform, image.get_qform):
        affine, code = transform(coded=True)
        assert code == 1
        np.testing.assert_allclose(affine, phantom.affine, atol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.get_data_dtype() == np.int16
    np.testing.assert_array_equal(np.asarray(image.dataobj), phantom.volume)


def test_the_picture_is_a_slice_in_the_readers_view() -> None:
    phantom = coarse(LEFT)
    picture = axial_picture(phantom, 22)
    width, height, _ = phantom.volume.shape
    assert picture.dtype == np.uint8
    assert picture.shape == (height, width)
    assert picture.max() > 180


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in write_samples(tmp_path_factory.mktemp("samples"))}


def test_sample_volumes_open_on_one_grid(samples: dict[str, Path]) -> None:
    first, later = (
        nib.load(samples[name]) for name in ("sample_flair.nii.gz", "sample_flair_followup.nii.gz")
    )
    assert first.shape == later.shape
    np.testing.assert_allclose(first.header.get_zooms(), (1, 1, 3))
    assert nib.aff2axcodes(first.affine) == ("L", "P", "S")
    # The lesion has grown: more of the left hemisphere is as bright as it.
    heads = [Phantom(np.asarray(i.dataobj), np.empty(0), i.affine, ()) for i in (first, later)]
    bright = [(box(head, LESION.centre_mm, (20, 20, 20)) > 500).sum() for head in heads]
    assert bright[1] > 1.3 * bright[0]


def test_sample_pictures_open_in_their_modes(samples: dict[str, Path]) -> None:
    with Image.open(samples["sample_flair_slice.png"]) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (256, 256))
        grey = np.asarray(picture)
    with Image.open(samples["sample_composite.tif"]) as picture:
        assert (picture.format, picture.mode, picture.size) == ("TIFF", "RGB", (256, 256))
        t1, flair, t1ce = np.moveaxis(np.asarray(picture), -1, 0)
    np.testing.assert_array_equal(flair, grey)
    assert not np.array_equal(t1, t1ce)
    assert not np.array_equal(t1, flair)
