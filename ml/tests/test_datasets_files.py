"""Pictures, masks and volumes of a data set: whatever they were written as, or named if bad."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from ml.datasets.cases import DatasetError, LabelledCase
from ml.datasets.files import read_mask, read_picture, read_volume
from ml.tests.factories import (
    ellipsoid,
    flair_stack,
    grey_slice,
    head,
    nifti_bytes,
    png_claiming,
    ras_affine,
    reorient,
    save_nifti,
    save_picture,
)

DRAWN = ellipsoid((64, 48), (30, 20), (9, 7))
GREY = DRAWN.astype(np.uint8) * 255
BLACK = np.zeros_like(GREY)


@pytest.mark.parametrize(
    "written",
    [
        lambda: GREY,
        lambda: DRAWN.astype(np.uint8),
        lambda: DRAWN,
        lambda: DRAWN.astype(np.uint16) * 65535,
        lambda: np.dstack([GREY] * 3),
        lambda: np.dstack([GREY, BLACK, BLACK]),
        lambda: np.dstack([GREY, GREY, GREY, BLACK + 255]),
        lambda: np.dstack([GREY, BLACK + 255]),
    ],
    ids=["0/255", "0/1", "1 bit", "16 bit", "RGB", "red", "RGBA", "LA"],
)
def test_a_mask_may_be_written_in_any_values(
    tmp_path: Path, written: Callable[[], np.ndarray]
) -> None:
    path = save_picture(tmp_path / "mask.png", written())
    np.testing.assert_array_equal(read_mask(path, DRAWN.shape), DRAWN)


def test_a_mask_may_have_a_palette(tmp_path: Path) -> None:
    picture = Image.fromarray(DRAWN.astype(np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 128, 0, 0])
    picture.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", DRAWN.shape), DRAWN)


@pytest.mark.parametrize("quality", [30, 70, 95])
def test_what_jpeg_smears_into_a_mask_is_no_tumour(tmp_path: Path, quality: int) -> None:
    path = save_picture(tmp_path / "mask.jpg", GREY, quality=quality)
    empty = save_picture(tmp_path / "empty.jpg", BLACK, quality=quality)

    assert (read_mask(path, DRAWN.shape) != DRAWN).mean() < 0.01
    assert not read_mask(empty, DRAWN.shape).any()


def test_a_mask_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    path = save_picture(tmp_path / "mask.png", GREY)
    with pytest.raises(DatasetError, match=r"mask\.png measures 64 x 48 and its slice 48 x 64"):
        read_mask(path, (48, 64))


@pytest.mark.parametrize("values", [np.uint8(7), np.uint16(4000), np.float32(0.5)])
def test_a_grey_picture_keeps_its_values(tmp_path: Path, values: np.generic) -> None:
    pixels = grey_slice() * values
    path = save_picture(tmp_path / "slice.tif", pixels)
    np.testing.assert_array_equal(read_picture(path), pixels)


def test_the_transparency_of_a_picture_is_not_read(tmp_path: Path) -> None:
    grey = grey_slice()
    path = save_picture(tmp_path / "slice.png", np.dstack([grey, grey // 2, grey // 3, grey]))
    assert read_picture(path).shape == (96, 96, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        b"II*\x00" + bytes(40),
        png_claiming(64, 64),
        png_claiming(200_000, 200_000),
    ],
    ids=["empty", "text", "GIF", "JPEG", "TIFF", "PNG", "a bomb"],
)
def test_a_damaged_picture_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "slice.png").write_bytes(content)
    with pytest.raises(DatasetError, match=r"slice\.png is damaged or no picture at all"):
        read_picture(tmp_path / "slice.png")


@pytest.mark.parametrize("name", ["slice.png", "slice.jpg", "slice.tif"])
def test_a_picture_cut_off_is_refused_by_name(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96), dtype=np.uint8)
    path = save_picture(tmp_path / name, noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match=f"{name} is damaged"):
        read_picture(path)


def test_a_file_with_several_pictures_is_refused_by_name(tmp_path: Path) -> None:
    pages = [Image.fromarray(grey_slice()) for _ in range(3)]
    pages[0].save(tmp_path / "slices.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DatasetError, match=r"slices\.tif holds 3 pictures where one slice"):
        read_picture(tmp_path / "slices.tif")


def test_a_volume_of_any_orientation_gives_the_same_slices_in_the_same_places(
    tmp_path: Path,
) -> None:
    volume = head((20, 24, 10))
    affine = ras_affine((1.0, 1.5, 3.0), volume.shape)
    plain = read_volume(save_nifti(tmp_path / "ras.nii", volume, affine))
    turned = read_volume(save_nifti(tmp_path / "psr.nii.gz", *reorient(volume, affine, "PSR")))

    assert plain.spacing_mm == turned.spacing_mm == pytest.approx((3.0, 1.5, 1.0))
    np.testing.assert_array_equal(plain.slices, turned.slices)
    np.testing.assert_allclose(plain.affine, turned.affine, atol=1e-4)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is damaged or no NIfTI volume"),
        (b"no volume", "is damaged or no NIfTI volume"),
        (nifti_bytes()[:-3000], "is damaged or no NIfTI volume"),
        (nifti_bytes(datatype=9999), "is damaged or no NIfTI volume"),
        (nifti_bytes(srow_x=[0.0, 0.0, 0.0, 0.0]), "does not say where its voxels lie"),
        (nifti_bytes(srow_x=[np.nan, 0.0, 0.0, 0.0]), "does not say where its voxels lie"),
    ],
    ids=["empty", "text", "cut off", "data type", "flat", "not a number"],
)
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_damaged_volume_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(DatasetError, match=f"{name} {reason}"):
        read_volume(path)


@pytest.mark.parametrize("size", [100, 2000])
def test_a_packed_volume_cut_off_is_refused_by_name(tmp_path: Path, size: int) -> None:
    path = save_nifti(tmp_path / "scan.nii.gz", head(), np.eye(4))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DatasetError, match=r"scan\.nii\.gz is damaged"):
        read_volume(path)


def test_several_volumes_in_one_file_are_refused_by_name(tmp_path: Path) -> None:
    series = np.zeros((20, 20, 5, 2), dtype=np.uint8)
    nib.nifti1.Nifti1Image(series, np.eye(4)).to_filename(tmp_path / "scan.nii")
    with pytest.raises(DatasetError, match=r"is no single 3D volume \(20 x 20 x 5 x 2\)"):
        read_volume(tmp_path / "scan.nii")


def test_one_volume_with_an_empty_fourth_axis_is_read(tmp_path: Path) -> None:
    nib.nifti1.Nifti1Image(head()[..., None], np.eye(4)).to_filename(tmp_path / "scan.nii")
    assert read_volume(tmp_path / "scan.nii").slices.shape == (20, 52, 44)


def test_a_mask_that_is_not_of_its_slices_makes_no_case() -> None:
    stack = flair_stack(np.zeros((3, 8, 8), dtype=np.uint8))
    with pytest.raises(DatasetError, match="slices of 3 x 8 x 8 and a mask of 3 x 8 x 9"):
        LabelledCase("case", "patient", stack, np.zeros((3, 8, 9), dtype=bool))
