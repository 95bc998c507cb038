"""A mask lies on its scan voxel for voxel: shape, affine and transforms are the scan's own."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from ml.tests.factories import (
    ORIENTATIONS,
    edit_header,
    grey_slice,
    head,
    nifti_bytes,
    ras_affine,
    reorient,
    save_nifti,
    save_picture,
    tilt,
    write_bytes,
)
from ml.volumes import load_image, write_mask

TRANSFORMS = (
    *("pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)
SPACING = (0.4297, 0.4297, 6.6)


def written_mask(scan: Path) -> tuple[nib.nifti1.Nifti1Image, np.ndarray]:
    """The file written for a mask of the brighter voxels of ``scan``, and that mask."""
    image = load_image(scan)
    mask = image.values > np.median(image.values[image.values > 0])
    path = scan.with_name("mask.nii.gz")
    write_mask(path, mask, like=scan, geometry=image.geometry)
    return nib.load(path), mask


def assert_same_place(scan: Path, mask: nib.nifti1.Nifti1Image) -> None:
    original = nib.load(scan)
    assert mask.shape == original.shape
    np.testing.assert_array_equal(mask.affine, original.affine)
    for name in TRANSFORMS:
        np.testing.assert_array_equal(mask.header[name], original.header[name], err_msg=name)


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("is_oblique", [False, True])
def test_the_mask_keeps_shape_affine_and_transforms_to_the_last_bit(
    tmp_path: Path, codes: str, is_oblique: bool
) -> None:
    data, affine = reorient(head(), ras_affine(SPACING, head().shape), codes)
    scan = save_nifti(tmp_path / "scan.nii.gz", data, tilt(affine) if is_oblique else affine)

    stored, mask = written_mask(scan)

    assert_same_place(scan, stored)
    np.testing.assert_array_equal(np.asarray(stored.dataobj), mask)
    assert stored.get_data_dtype() == np.uint8
    assert stored.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize(("qform", "sform"), [(1, 0), (0, 2), (2, 4), (3, 1)])
def test_the_codes_of_both_transforms_are_kept(tmp_path: Path, qform: int, sform: int) -> None:
    affine = tilt(ras_affine(SPACING))
    scan = save_nifti(tmp_path / "scan.nii", head(), affine, qform=qform, sform=sform)

    stored, _ = written_mask(scan)

    assert_same_place(scan, stored)
    assert (stored.header["qform_code"], stored.header["sform_code"]) == (qform, sform)


def test_two_transforms_that_differ_both_stay_as_they_are(tmp_path: Path) -> None:
    image = nib.nifti1.Nifti1Image(head(), None)
    image.set_qform(tilt(ras_affine(SPACING)), 1)
    image.set_sform(np.diag([-1.1, 1.2, 2.3, 1]), 4)
    image.to_filename(tmp_path / "scan.nii")

    stored, _ = written_mask(tmp_path / "scan.nii")

    assert_same_place(tmp_path / "scan.nii", stored)


@pytest.mark.parametrize("tail", [(1,), (1, 1)])
def test_trailing_axes_of_one_are_kept(tmp_path: Path, tail: tuple[int, ...]) -> None:
    data = head().reshape(*head().shape, *tail)
    scan = save_nifti(tmp_path / "scan.nii.gz", data, ras_affine(SPACING))

    stored, _ = written_mask(scan)

    assert stored.shape == (44, 52, 20, *tail)
    assert_same_place(scan, stored)


@pytest.mark.parametrize(
    "fields",
    [
        {"sform_code": 0, "qform_code": 0},
        {"sform_code": 0, "qform_code": 0, "pixdim": 0},
        {"sform_code": 0, "qform_code": 1, "pixdim": [0, 1, 1, 1, 0, 0, 0, 0]},
        {"xyzt_units": 255},
    ],
)
def test_a_scan_with_a_poor_header_gets_its_mask(tmp_path: Path, fields: dict[str, object]) -> None:
    scan = write_bytes(tmp_path / "scan.nii", nifti_bytes(**fields))

    stored, mask = written_mask(scan)

    np.testing.assert_array_equal(np.asarray(stored.dataobj), mask)
    np.testing.assert_array_equal(stored.affine, nib.load(scan).affine)
    for code in ("qform_code", "sform_code"):
        assert stored.header[code] == nib.load(scan).header[code]


def test_a_big_endian_scan_gets_its_mask(tmp_path: Path) -> None:
    header = nib.nifti1.Nifti1Header(endianness=">")
    affine = tilt(ras_affine(SPACING))
    nib.nifti1.Nifti1Image(head(), affine, header).to_filename(tmp_path / "scan.nii")

    stored, mask = written_mask(tmp_path / "scan.nii")

    assert_same_place(tmp_path / "scan.nii", stored)
    np.testing.assert_array_equal(np.asarray(stored.dataobj), mask)


def test_a_nifti_2_scan_gets_a_mask_with_all_digits_of_its_affine(tmp_path: Path) -> None:
    affine = tilt(ras_affine((1 / 3, 1 / 3, 10 / 3)))
    nib.nifti2.Nifti2Image(head(), affine).to_filename(tmp_path / "scan.nii")

    stored, _ = written_mask(tmp_path / "scan.nii")

    assert_same_place(tmp_path / "scan.nii", stored)


def test_the_stored_scaling_of_the_scan_does_not_reach_the_mask(tmp_path: Path) -> None:
    content = edit_header(nifti_bytes(head().astype(np.int16)), scl_slope=3.0, scl_inter=-5)

    stored, mask = written_mask(write_bytes(tmp_path / "scan.nii", content))

    assert set(np.unique(stored.get_fdata())) == {0.0, 1.0}
    np.testing.assert_array_equal(stored.get_fdata(), mask)


def test_the_same_mask_gives_the_same_bytes(tmp_path: Path) -> None:
    scan = save_nifti(tmp_path / "scan.nii.gz", head(), ras_affine())
    geometry = load_image(scan).geometry

    for name in ("one.nii.gz", "two.nii.gz"):
        write_mask(tmp_path / name, head() > 90, like=scan, geometry=geometry)

    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()


def test_a_mask_file_carries_no_text_of_the_scan(tmp_path: Path) -> None:
    content = nifti_bytes(descrip=b"DOE^JANE", intent_name=b"DOE", aux_file=b"DOE.par")
    scan = write_bytes(tmp_path / "scan.nii", content)

    stored, _ = written_mask(scan)

    assert b"DOE" not in stored.header.binaryblock
    assert b"Research use only" in stored.header["descrip"].item()


def test_the_mask_of_a_picture_is_a_black_and_white_png_of_its_size(tmp_path: Path) -> None:
    scan = save_picture(tmp_path / "slice.jpg", grey_slice())
    mask = grey_slice() > 95

    write_mask(tmp_path / "mask.png", mask, like=scan, geometry=load_image(scan).geometry)

    with Image.open(tmp_path / "mask.png") as stored:
        assert stored.format == "PNG"
        np.testing.assert_array_equal(np.asarray(stored), np.where(mask, 255, 0))
