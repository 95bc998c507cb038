"""Labels from a browser: whole and of the scan's grid, or refused in words."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from ml.drawings import MOST_PIECES, largest_packed, measure_labels, unpack_labels
from ml.errors import InvalidDrawingError
from ml.geometry import ImageKind
from ml.tests.factories import head_with_blob, medical_image, picture_image, ras_affine, reorient

SHAPE = (5, 4, 3)


def packed(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


def test_the_first_axis_of_a_volume_is_the_fastest() -> None:
    raw = bytearray(60)
    raw[2 + 5 * (1 + 4 * 2)] = 9
    labels = unpack_labels(packed(bytes(raw)), shape=SHAPE, kind=ImageKind.VOLUME)
    assert labels.shape == SHAPE
    assert np.argwhere(labels).tolist() == [[2, 1, 2]]
    assert labels[2, 1, 2] == 9


def test_a_picture_comes_row_after_row_from_its_upper_left_corner() -> None:
    raw = bytearray(12)
    raw[3 + 4 * 1] = 1
    labels = unpack_labels(packed(bytes(raw)), shape=(3, 4), kind=ImageKind.PICTURE)
    assert np.argwhere(labels).tolist() == [[1, 3]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut off"),
        (b"labels", "damaged"),
        (packed(bytes(60))[:-6], "cut off"),
        (packed(bytes(59)), "59 voxels and the scan 60"),
        (packed(bytes(61)), "more than the scan's 60 voxels"),
        (packed(bytes(60)) + packed(bytes(60)), "60 voxels"),
        (packed(bytes(60))[:-8] + b"\0\0\0\0" + packed(bytes(60))[-4:], "damaged"),
    ],
)
def test_what_is_not_exactly_the_grid_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(InvalidDrawingError, match=words):
        unpack_labels(content, shape=SHAPE, kind=ImageKind.VOLUME)


def test_a_bomb_is_not_unpacked_further_than_the_grid() -> None:
    with pytest.raises(InvalidDrawingError, match="more than"):
        unpack_labels(packed(bytes(200_000_000)), shape=SHAPE, kind=ImageKind.VOLUME)


def test_whatever_gzip_makes_of_noise_is_not_too_large() -> None:
    noise = np.random.default_rng(0).integers(0, 256, size=(60, 60, 60), dtype=np.uint8)
    assert len(packed(noise.tobytes(order="F"))) <= largest_packed(noise.shape)


@pytest.mark.parametrize("sequence", ["FLAIR", "T2"])
@pytest.mark.parametrize("codes", ["RAS", "LAS", "PIR"])
def test_touching_values_are_two_lesions_in_any_orientation(codes: str, sequence: str) -> None:
    volume, blob = head_with_blob()
    labels = blob.astype(np.uint8)
    labels[blob & (np.arange(volume.shape[1])[None, :, None] > 31)] = 4
    affine = ras_affine((2.0, 2.0, 5.0), volume.shape)
    turned, turned_affine = reorient(volume, affine, codes)
    turned_labels, _ = reorient(labels, affine, codes)

    _, found = measure_labels(
        turned_labels, medical_image(turned, turned_affine), sequence=sequence
    )

    sizes = sorted((int((labels == 1).sum()), int((labels == 4).sum())), reverse=True)
    assert [lesion.voxels for lesion in found.lesions] == sizes
    assert found.volume_ml == pytest.approx(sum(sizes) * 0.02)
    assert {lesion.mean_probability for lesion in found.lesions} == {None}
    assert found.mean_probability is None
    assert {str(lesion.place.side) for lesion in found.lesions} == {"left"}


@pytest.mark.parametrize(("channels", "sequence"), [(1, "FLAIR"), (1, "T2"), (3, "COMPOSITE")])
def test_a_picture_is_measured_in_pixels(channels: int, sequence: str) -> None:
    image = picture_image(np.random.default_rng(0).random((channels, 60, 70)) * 200)
    labels = np.zeros(image.geometry.shape, dtype=np.uint8)
    labels[10:14, 20:26] = 2
    _, found = measure_labels(labels, image, sequence=sequence)
    lesion = found.lesions[0]
    assert (lesion.voxels, lesion.volume_ml) == (24, None)
    assert lesion.centroid == (0.0, 11.5, 22.5)


def test_a_drawing_that_is_all_specks_is_refused_before_each_is_measured() -> None:
    volume, _ = head_with_blob()
    image = medical_image(volume, ras_affine((2.0, 2.0, 5.0), volume.shape))
    labels = np.zeros(volume.shape, dtype=np.uint8)
    labels[::2, ::2, ::2] = 1
    specks = int(labels.sum())
    assert specks > MOST_PIECES
    with pytest.raises(InvalidDrawingError, match=f"{specks} separate pieces"):
        measure_labels(labels, image, sequence="FLAIR")
