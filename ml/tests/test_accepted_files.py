"""What a usable NIfTI file is, whatever its name, byte order, data type or version."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ml.tests.factories import (
    ORIENTATIONS,
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
from ml.volumes import load_image, mask_suffix, read_geometry, stored_suffix

DATA_TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.gz", "SCAN.NII.GZ"])
def test_plain_and_compressed_volumes_are_read(tmp_path: Path, name: str) -> None:
    content = nifti_bytes()
    if name.lower().endswith("gz"):
        content = gzip.compress(content)

    image = load_image(write_bytes(tmp_path / name, content))

    np.testing.assert_allclose(image.values, head())
    assert image.geometry.shape == (44, 52, 20)
    assert image.geometry.spacing_mm == (1.0, 1.0, 1.0)
    assert image.geometry.orientation == "RAS"


@pytest.mark.parametrize("name", ["scan.png", "scan.dcm", "scan", "scan.nii", "scan.txt"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_the_content_counts_and_not_the_name(tmp_path: Path, name: str, is_packed: bool) -> None:
    content = gzip.compress(nifti_bytes()) if is_packed else nifti_bytes()
    path = write_bytes(tmp_path / name, content)

    image = load_image(str(path))

    assert image.geometry.file_format == "NIfTI"
    assert stored_suffix(path, image.geometry) == (".nii.gz" if is_packed else ".nii")
    assert mask_suffix(image.geometry) == ".nii.gz"


@pytest.mark.parametrize("data_type", DATA_TYPES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_grey_data_type_is_read_in_either_byte_order(
    tmp_path: Path, data_type: str, order: str
) -> None:
    data = np.rint(head() / 2).clip(0, 127).astype(f"{order}{data_type}")
    image = nib.nifti1.Nifti1Image(
        data, ras_affine(), nib.nifti1.Nifti1Header(endianness=order), dtype=data.dtype
    )
    path = tmp_path / "scan.nii.gz"
    image.to_filename(path)

    loaded = load_image(path)

    np.testing.assert_array_equal(loaded.values, data.astype(np.float32))
    assert loaded.values.dtype == np.float32
    assert loaded.geometry.data_type == np.dtype(data_type).name


def test_nifti_2_is_read(tmp_path: Path) -> None:
    affine = tilt(ras_affine((0.9, 0.9, 4.0)))
    nib.nifti2.Nifti2Image(head(), affine).to_filename(tmp_path / "scan.nii.gz")

    image = load_image(tmp_path / "scan.nii.gz")

    np.testing.assert_array_equal(image.values, head())
    np.testing.assert_array_equal(image.affine, affine)
    assert image.geometry.spacing_mm == (0.9, 0.9, 4.0)


@pytest.mark.parametrize("tail", [(1,), (1, 1)])
def test_trailing_axes_of_one_are_read_as_a_volume(tmp_path: Path, tail: tuple[int, ...]) -> None:
    data = head().reshape(*head().shape, *tail)

    image = load_image(write_bytes(tmp_path / "scan.nii", nifti_bytes(data)))

    assert image.values.shape == image.geometry.shape == (44, 52, 20)
    assert image.geometry.stored_shape == (44, 52, 20, *tail)


def test_one_slice_is_a_volume_of_one_slice(tmp_path: Path) -> None:
    image = load_image(
        write_bytes(tmp_path / "scan.nii", nifti_bytes(head()[..., 10], ras_affine()))
    )

    assert image.values.shape == (44, 52, 1)
    assert image.geometry.slice_count == 1


def test_stored_values_are_scaled_as_the_header_says(tmp_path: Path) -> None:
    stored = head().astype(np.int16)
    content = nifti_bytes(stored, scl_slope=2.5, scl_inter=-30)

    image = load_image(write_bytes(tmp_path / "scan.nii", content))

    np.testing.assert_allclose(image.values, stored * 2.5 - 30)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_a_slope_of_nothing_scales_nothing(tmp_path: Path, slope: float) -> None:
    stored = head().astype(np.int16)
    content = nifti_bytes(stored, scl_slope=slope, scl_inter=0)

    image = load_image(write_bytes(tmp_path / "scan.nii", content))

    np.testing.assert_array_equal(image.values, stored)


def test_values_that_are_not_finite_become_zero(tmp_path: Path) -> None:
    data = head()
    data[20, 20, 10], data[21, 20, 10], data[22, 20, 10] = np.nan, np.inf, -np.inf

    image = load_image(write_bytes(tmp_path / "scan.nii", nifti_bytes(data)))

    assert (image.values[20:23, 20, 10] == 0).all()
    assert np.isfinite(image.values).all()


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_the_header_alone_gives_shape_spacing_orientation_and_slices(
    tmp_path: Path, codes: str
) -> None:
    data, affine = reorient(head(), ras_affine((0.8, 0.9, 5.0), head().shape), codes)

    geometry = read_geometry(save_nifti(tmp_path / "scan.nii.gz", data, affine))

    assert geometry.orientation == codes
    assert geometry.shape == data.shape
    expected = tuple({"R": 0.8, "L": 0.8, "A": 0.9, "P": 0.9, "S": 5.0, "I": 5.0}[c] for c in codes)
    assert geometry.spacing_mm == pytest.approx(expected)
    assert geometry.slice_count == 20


def test_the_sform_goes_before_the_qform(tmp_path: Path) -> None:
    image = nib.nifti1.Nifti1Image(head(), None)
    image.set_qform(ras_affine(), 1)
    image.set_sform(np.diag([-2.0, 2, 2, 1]), 2)
    image.to_filename(tmp_path / "scan.nii")

    geometry = read_geometry(tmp_path / "scan.nii")

    assert geometry.orientation == "LAS"
    assert geometry.spacing_mm == (2.0, 2.0, 2.0)


def test_the_qform_alone_places_the_voxels(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "scan.nii", head(), np.diag([-1.0, 1, 2, 1]), sform=0)

    image = load_image(path)

    assert image.geometry.orientation == "LAS"
    np.testing.assert_allclose(image.affine, np.diag([-1.0, 1, 2, 1]))


def test_a_file_without_codes_states_no_side(tmp_path: Path) -> None:
    """nibabel would guess an affine and with it the patient's left."""
    content = nifti_bytes(affine=np.diag([0.5, 0.5, 3, 1]), sform_code=0, qform_code=0)

    geometry = load_image(write_bytes(tmp_path / "scan.nii", content)).geometry

    assert geometry.affine is None
    assert geometry.orientation is None
    assert geometry.spacing_mm == (0.5, 0.5, 3.0)
    assert geometry.slice_count == 20


def test_a_file_without_codes_and_sizes_has_no_spacing(tmp_path: Path) -> None:
    content = nifti_bytes(sform_code=0, qform_code=0, pixdim=0)

    geometry = load_image(write_bytes(tmp_path / "scan.nii", content)).geometry

    assert geometry.affine is None
    assert geometry.spacing_mm is None


@pytest.mark.parametrize("unit", ["meter", "micron"])
def test_lengths_that_are_not_millimetres_are_not_taken_for_them(tmp_path: Path, unit: str) -> None:
    units = nib.nifti1.unit_codes[unit]
    path = write_bytes(tmp_path / "scan.nii", nifti_bytes(xyzt_units=units))

    geometry = read_geometry(path)

    assert geometry.spacing_mm is None
    assert geometry.orientation == "RAS"


@pytest.mark.parametrize("units", [0, 7, 136, 255])
def test_a_unit_that_is_not_stated_or_not_known_is_millimetres(tmp_path: Path, units: int) -> None:
    path = write_bytes(tmp_path / "scan.nii", nifti_bytes(xyzt_units=units))
    assert read_geometry(path).spacing_mm == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "slip",
    [
        {"pixdim": [0, 1, 1, 2, 0, 0, 0, 0]},
        {"pixdim": [5, 1, 1, 2, 0, 0, 0, 0]},
        {"pixdim": [1, -1, 1, 2, 0, 0, 0, 0]},
    ],
)
def test_a_slip_in_the_qform_is_taken_as_nibabel_takes_it(
    tmp_path: Path, slip: dict[str, object]
) -> None:
    """What the geometry states and what places the voxels must be the same."""
    content = nifti_bytes(affine=np.diag([1.0, 1, 2, 1]), sform_code=0, qform_code=1, **slip)

    image = load_image(write_bytes(tmp_path / "scan.nii", content))

    assert image.geometry.orientation == "RAS"
    np.testing.assert_array_equal(image.affine, np.array(image.geometry.affine))


def test_an_unknown_transform_code_is_no_transform(tmp_path: Path) -> None:
    content = nifti_bytes(sform_code=0, qform_code=200)
    assert load_image(write_bytes(tmp_path / "scan.nii", content)).geometry.affine is None


@pytest.mark.parametrize(
    ("shape", "spacing", "is_doubtful"),
    [
        ((240, 240, 155), (1.0, 1.0, 1.0), False),
        ((256, 256, 24), (0.94, 0.94, 6.5), False),
        ((256, 256, 24), (1.0, 1.0, 1.0), True),
        ((256, 24, 256), (1.0, 1.0, 1.0), True),
        ((256, 256, 1), (1.0, 1.0, 5.0), False),
    ],
)
def test_a_head_much_shallower_than_wide_makes_the_spacing_doubtful(
    tmp_path: Path,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    is_doubtful: bool,
) -> None:
    data = np.zeros(shape, dtype=np.uint8)
    path = write_bytes(tmp_path / "scan.nii", nifti_bytes(data, ras_affine(spacing)))
    assert read_geometry(path).spacing_is_doubtful is is_doubtful


def test_the_geometry_as_json_holds_plain_values(tmp_path: Path) -> None:
    plain = read_geometry(write_bytes(tmp_path / "scan.nii", nifti_bytes())).as_dict()

    assert plain["kind"] == "volume"
    assert plain["shape"] == [44, 52, 20]
    assert plain["spacing_mm"] == [1.0, 1.0, 1.0]
    assert plain["orientation"] == "RAS"
    assert plain["slice_count"] == 20
    assert len(plain["affine"]) == 4
    assert all(type(value) is float for row in plain["affine"] for value in row)


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.png", ".png"), ("a.jpeg", ".jpg"), ("a.tiff", ".tif")]
)
def test_a_stored_picture_gets_the_suffix_of_its_content(
    tmp_path: Path, name: str, suffix: str
) -> None:
    path = save_picture(tmp_path / name, grey_slice()).rename(tmp_path / "upload")
    geometry = read_geometry(path)

    assert stored_suffix(path, geometry) == suffix
    assert mask_suffix(geometry) == ".png"
    assert geometry.slice_count == 1
