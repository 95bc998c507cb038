"""Files from strangers that are no usable scan: each is refused in plain words, none crashes."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ml.errors import InvalidVolumeError
from ml.tests.factories import (
    assert_plain,
    edit_header,
    grey_slice,
    head,
    nifti_bytes,
    ras_affine,
    refusal,
    save_picture,
    write_bytes,
)
from ml.volumes import load_image, read_geometry, write_mask

NAN = float("nan")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "is empty" in refusal(write_bytes(tmp_path / "scan.nii.gz", b""))


def test_an_empty_gzip_is_refused(tmp_path: Path) -> None:
    refusal(write_bytes(tmp_path / "scan.nii.gz", gzip.compress(b"")))


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nii", "scan.png", "scan"])
def test_text_is_refused_whatever_its_name(tmp_path: Path, name: str) -> None:
    text = b"Dear colleague, the scan is attached. " * 40
    assert "neither" in refusal(write_bytes(tmp_path / name, text))


def test_gzip_of_text_is_refused(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "scan.nii.gz", gzip.compress(b"not a scan " * 200))
    assert "not a NIfTI volume" in refusal(path)


def test_a_dicom_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    content = b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0" * 50
    message = refusal(write_bytes(tmp_path / "IM0001", content))
    assert "DICOM" in message
    assert ".nii.gz" in message


def test_four_dimensions_with_several_volumes_are_refused_and_counted(tmp_path: Path) -> None:
    series = np.stack([head()] * 3, axis=-1)
    message = refusal(write_bytes(tmp_path / "dwi.nii", nifti_bytes(series)))
    assert "3 volumes (4D)" in message


def test_a_fifth_dimension_is_refused_too(tmp_path: Path) -> None:
    series = np.stack([head()[..., None]] * 2, axis=-1)
    assert "2 volumes" in refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes(series)))


@pytest.mark.parametrize(
    ("dim", "words"),
    [
        ([3, 0, 52, 20, 1, 1, 1, 1], "empty"),
        ([3, 44, 52, 0, 1, 1, 1, 1], "empty"),
        ([3, -44, 52, 20, 1, 1, 1, 1], "empty"),
        ([3, -1, 1, 1, 1, 1, 1, 1], "empty"),
        ([0, 44, 52, 20, 1, 1, 1, 1], "damaged"),
        ([-3, 44, 52, 20, 1, 1, 1, 1], "damaged"),
        ([4, 44, 52, 20, 0, 1, 1, 1], "empty"),
        ([1, 44, 1, 1, 1, 1, 1, 1], "too few"),
        ([3, 2000, 52, 20, 1, 1, 1, 1], "more than"),
        ([3, 30000, 30000, 1000, 1, 1, 1, 1], "more than"),
        ([3, 1024, 1024, 1024, 1, 1, 1, 1], "more than"),
        ([3, 32767, 32767, 32767, 1, 1, 1, 1], "more than"),
    ],
)
def test_impossible_dimensions_are_refused_from_the_header_alone(
    tmp_path: Path, dim: list[int], words: str
) -> None:
    path = write_bytes(tmp_path / "scan.nii", nifti_bytes(dim=dim))

    with pytest.raises(InvalidVolumeError) as caught:
        read_geometry(path)

    assert words in str(caught.value)
    assert_plain(str(caught.value))


@pytest.mark.parametrize("shape", [(8, 8, 8), (15, 15, 40), (200, 10, 3)])
def test_a_tiny_volume_is_refused(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    content = nifti_bytes(np.random.default_rng(0).random(shape, dtype=np.float32))
    assert "too few" in refusal(write_bytes(tmp_path / "scan.nii", content))


@pytest.mark.parametrize("kept", [3, 12, 200])
def test_a_gzip_cut_off_in_its_header_is_refused(tmp_path: Path, kept: int) -> None:
    packed = gzip.compress(nifti_bytes())
    refusal(write_bytes(tmp_path / "scan.nii.gz", packed[:kept]))


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_a_truncated_gzip_is_refused_in_one_sentence(tmp_path: Path, share: float) -> None:
    packed = gzip.compress(nifti_bytes())
    message = refusal(write_bytes(tmp_path / "scan.nii.gz", packed[: int(share * len(packed))]))
    assert "cut off or damaged" in message


def test_a_truncated_plain_file_is_refused(tmp_path: Path) -> None:
    message = refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes()[:-1]))
    assert "ends before its last slice" in message


def test_a_header_without_any_voxel_is_refused(tmp_path: Path) -> None:
    refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes()[:352]))


def test_half_a_header_is_refused(tmp_path: Path) -> None:
    refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes()[:200]))


def test_a_wrong_gzip_checksum_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(nifti_bytes()))
    packed[-6] ^= 0xFF
    message = refusal(write_bytes(tmp_path / "scan.nii.gz", bytes(packed)))
    assert "cut off or damaged" in message


def test_flipped_bits_in_a_gzip_are_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(nifti_bytes()))
    for place in range(len(packed) // 2, len(packed) // 2 + 40):
        packed[place] ^= 0x55
    refusal(write_bytes(tmp_path / "scan.nii.gz", bytes(packed)))


def test_rubbish_after_the_gzip_is_refused(tmp_path: Path) -> None:
    refusal(write_bytes(tmp_path / "scan.nii.gz", gzip.compress(nifti_bytes()) + b"rubbish"))


def test_a_gzip_bomb_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1) as packed:
        packed.write(nifti_bytes())
        for _ in range(64):
            packed.write(b"\0" * (1 << 20))
    path = write_bytes(tmp_path / "bomb.nii.gz", content.getvalue())

    tracemalloc.start()
    message = refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "far more data" in message
    assert peak < 16 << 20


def test_a_nifti_2_header_promising_a_million_million_voxels_is_refused(tmp_path: Path) -> None:
    header = nib.nifti2.Nifti2Header()
    header["dim"] = [3, 10_000, 10_000, 10_000, 1, 1, 1, 1]
    header["magic"] = b"n+2\x00\r\n\x1a\n"
    packed = gzip.compress(header.binaryblock + b"\0" * 1000)

    assert "more than" in refusal(write_bytes(tmp_path / "scan.nii.gz", packed))


def test_dimensions_that_overflow_64_bits_are_refused(tmp_path: Path) -> None:
    header = nib.nifti2.Nifti2Header()
    header["dim"] = [3, 2**62, 2**62, 2**62, 1, 1, 1, 1]
    header["magic"] = b"n+2\x00\r\n\x1a\n"
    path = write_bytes(tmp_path / "scan.nii", header.binaryblock + b"\0" * 1000)

    with pytest.raises(InvalidVolumeError, match="more than"):
        read_geometry(path)


def test_a_headers_half_of_a_pair_is_refused(tmp_path: Path) -> None:
    content = nifti_bytes(magic=b"ni1")
    assert "pair" in refusal(write_bytes(tmp_path / "scan.hdr", content[:348]))
    assert "pair" in refusal(write_bytes(tmp_path / "scan.nii", content))


def test_an_analyze_header_is_refused(tmp_path: Path) -> None:
    refusal(write_bytes(tmp_path / "scan.hdr", nifti_bytes(magic=b"")[:348]))


def test_colours_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((20, 20, 20), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    assert "colours" in refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes(colours)))


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    content = nifti_bytes(head().astype(np.complex64))
    assert "complex" in refusal(write_bytes(tmp_path / "scan.nii", content))


@pytest.mark.parametrize("datatype", [0, 1, 255, 999])
def test_an_unknown_or_bitwise_data_type_is_refused(tmp_path: Path, datatype: int) -> None:
    refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes(datatype=datatype)))


@pytest.mark.parametrize("value", [0.0, 7.0, NAN, float("inf")])
def test_a_blank_volume_is_refused(tmp_path: Path, value: float) -> None:
    content = nifti_bytes(np.full((20, 20, 20), value, dtype=np.float32))
    assert "blank" in refusal(write_bytes(tmp_path / "scan.nii", content))


@pytest.mark.parametrize(
    "rows",
    [
        {"srow_x": 0, "srow_y": 0, "srow_z": 0},
        {"srow_x": NAN},
        {"srow_y": [0, float("inf"), 0, 0]},
        {"srow_x": [1, 0, 0, 0], "srow_y": [2, 0, 0, 0]},
    ],
)
def test_an_unusable_orientation_matrix_is_refused(tmp_path: Path, rows: dict[str, object]) -> None:
    content = nifti_bytes(sform_code=1, **rows)
    assert "orientation matrix" in refusal(write_bytes(tmp_path / "scan.nii", content))


@pytest.mark.parametrize("size", [0.001, 100.0, 1e30])
def test_a_voxel_size_that_no_scanner_makes_is_refused(tmp_path: Path, size: float) -> None:
    sizes = {"pixdim": [1, size, 1, 1, 0, 0, 0, 0], "sform_code": 0, "qform_code": 0}
    assert "voxel size" in refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes(**sizes)))


def test_an_affine_with_an_impossible_voxel_size_is_refused(tmp_path: Path) -> None:
    content = nifti_bytes(affine=ras_affine((1, 1, 400)))
    assert "1 x 1 x 400 mm" in refusal(write_bytes(tmp_path / "scan.nii", content))


@pytest.mark.parametrize(
    "fields",
    [
        {"vox_offset": NAN},
        {"vox_offset": float("inf")},
        {"vox_offset": 1e12},
        {"vox_offset": -5000},
        {"scl_slope": 1.0, "scl_inter": NAN},
        {"sform_code": 0, "qform_code": 1, "quatern_b": 3.0},
        {"sform_code": 0, "qform_code": 1, "quatern_b": NAN},
    ],
)
def test_a_damaged_header_field_is_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    refusal(write_bytes(tmp_path / "scan.nii", nifti_bytes(**fields)))


def test_no_damage_to_the_header_ever_crashes(tmp_path: Path) -> None:
    """Random bytes over the header: read or refused in words, and nothing else."""
    rng = np.random.default_rng(5)
    original = nifti_bytes(np.random.default_rng(1).random((18, 18, 4), dtype=np.float32))
    for attempt in range(300):
        damaged = bytearray(original)
        for place in rng.integers(4, 352, size=6):
            damaged[place] = rng.integers(256)
        path = write_bytes(tmp_path / f"{attempt}.nii", bytes(damaged))
        _load_or_refuse(path)


def _load_or_refuse(path: Path) -> None:
    try:
        image = load_image(path)
    except InvalidVolumeError as error:
        assert_plain(str(error))
    else:
        image.geometry.as_dict()
        write_mask(path.with_suffix(".gz"), image.values > 0, like=path, geometry=image.geometry)


def test_a_picture_cannot_hide_in_a_gzip(tmp_path: Path) -> None:
    png = save_picture(tmp_path / "slice.png", grey_slice()).read_bytes()
    refusal(write_bytes(tmp_path / "slice.nii.gz", gzip.compress(png)))


def test_editing_a_header_leaves_the_voxels(tmp_path: Path) -> None:
    """The tests' own tool: without changes it returns what it was given."""
    content = nifti_bytes()
    assert edit_header(content) == content
