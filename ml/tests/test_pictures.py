"""Single pictures: read in every grey and colour mode that a scanner's export has, else refused."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.errors import InvalidVolumeError
from ml.geometry import ImageKind
from ml.tests.factories import (
    assert_plain,
    grey_slice,
    png_claiming,
    refusal,
    save_picture,
    write_bytes,
)
from ml.volumes import load_image, read_geometry

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def composite() -> np.ndarray:
    """A colour picture (H, W, 3) with three channels that differ."""
    grey = grey_slice()
    return np.stack([grey // 2, grey, grey // 4], axis=-1)


@pytest.mark.parametrize(
    ("name", "file_format"),
    [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.tif", "TIFF"), ("a.jpeg", "JPEG")],
)
def test_a_grey_picture_is_read_in_each_format(tmp_path: Path, name: str, file_format: str) -> None:
    pixels = grey_slice()[:80]

    image = load_image(save_picture(tmp_path / name, pixels))

    assert image.geometry.kind is ImageKind.PICTURE
    assert image.geometry.file_format == file_format
    assert image.geometry.shape == (80, 96)
    assert image.values.shape == (1, 80, 96)
    np.testing.assert_allclose(image.values[0], pixels, atol=60 if file_format == "JPEG" else 0)


def test_a_picture_has_no_millimetres_and_no_sides(tmp_path: Path) -> None:
    path = save_picture(tmp_path / "a.png", grey_slice(), dpi=(300, 300))

    geometry = read_geometry(path)

    assert geometry.spacing_mm is None
    assert geometry.affine is None
    assert geometry.orientation is None
    assert not geometry.spacing_is_doubtful


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.txt", "scan"])
def test_a_picture_under_another_name_is_still_a_picture(tmp_path: Path, name: str) -> None:
    path = save_picture(tmp_path / "a.png", grey_slice()).rename(tmp_path / name)
    assert load_image(path).geometry.file_format == "PNG"


def test_a_16_bit_png_keeps_its_grey_levels(tmp_path: Path) -> None:
    pixels = grey_slice().astype(np.uint16) * 200 + 7

    image = load_image(save_picture(tmp_path / "a.png", pixels))

    np.testing.assert_array_equal(image.values[0], pixels)


@pytest.mark.parametrize("data_type", ["<u2", ">u2", "<i4", "<f4"])
def test_a_tiff_of_more_than_8_bits_keeps_its_values(tmp_path: Path, data_type: str) -> None:
    pixels = (grey_slice().astype(np.float32) * 30).astype(data_type)

    image = load_image(save_picture(tmp_path / "a.tif", pixels))

    np.testing.assert_array_equal(image.values[0], pixels.astype(np.float32))


def test_values_of_a_tiff_that_are_not_finite_become_zero(tmp_path: Path) -> None:
    pixels = grey_slice().astype(np.float32)
    pixels[40, 40:43] = [np.nan, np.inf, -np.inf]

    image = load_image(save_picture(tmp_path / "a.tif", pixels))

    assert (image.values[0, 40, 40:43] == 0).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_grey_picture_stored_in_another_mode_has_one_channel(
    tmp_path: Path, mode: str, name: str
) -> None:
    Image.fromarray(grey_slice()).convert(mode).save(tmp_path / name)

    image = load_image(tmp_path / name)

    np.testing.assert_array_equal(image.values[0], grey_slice())
    assert image.values.shape == (1, 96, 96)


def test_a_grey_jpeg_stored_in_colour_has_one_channel(tmp_path: Path) -> None:
    Image.fromarray(grey_slice()).convert("RGB").save(tmp_path / "a.jpg", quality=80)
    assert load_image(tmp_path / "a.jpg").values.shape == (1, 96, 96)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_composite_keeps_its_three_channels_in_order(tmp_path: Path, name: str) -> None:
    image = load_image(save_picture(tmp_path / name, composite()))

    assert image.values.shape == (3, 96, 96)
    assert image.geometry.channels == 3
    np.testing.assert_array_equal(image.values, composite().transpose(2, 0, 1))


def test_a_composite_jpeg_has_three_channels(tmp_path: Path) -> None:
    assert load_image(save_picture(tmp_path / "a.jpg", composite())).values.shape == (3, 96, 96)


def test_a_cmyk_jpeg_is_refused(tmp_path: Path) -> None:
    Image.fromarray(composite()).convert("CMYK").save(tmp_path / "a.jpg")
    assert "CMYK" in refusal(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_1_bit_picture_is_refused(tmp_path: Path, name: str) -> None:
    assert "export it in grey" in refusal(save_picture(tmp_path / name, grey_slice() > 90))


def test_a_tiff_of_several_pages_is_refused_and_counted(tmp_path: Path) -> None:
    pages = [Image.fromarray(grey_slice()) for _ in range(4)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert "4 pictures" in refusal(tmp_path / "a.tif")


def test_an_animated_png_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(grey_slice() // (n + 1)) for n in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert "3 pictures" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize("side", [5000, 9400, 30_000, 1_000_000])
def test_a_pixel_bomb_is_refused_from_its_header(
    tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(Image.Image, "load", decode)
    path = write_bytes(tmp_path / "bomb.png", png_claiming(side, side))

    with pytest.raises(InvalidVolumeError) as caught:
        load_image(path)

    assert "4096 x 4096" in str(caught.value)
    assert_plain(str(caught.value))


def test_a_long_strip_is_refused(tmp_path: Path) -> None:
    refusal(write_bytes(tmp_path / "strip.png", png_claiming(5000, 60)))


def test_a_png_whose_text_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    content = save_picture(tmp_path / "a.png", grey_slice()).read_bytes()
    body = b"Comment\0\0" + zlib.compress(b"\0" * (64 << 20), 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"zTXt" + body))

    refusal(write_bytes(tmp_path / "bomb.png", content[:33] + chunk + content[33:]))


def test_a_stamp_is_refused(tmp_path: Path) -> None:
    assert "47 x 200" in refusal(save_picture(tmp_path / "a.png", np.zeros((200, 47), np.uint8)))


@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_picture_is_refused(tmp_path: Path, level: int) -> None:
    assert "blank" in refusal(save_picture(tmp_path / "a.png", np.full((64, 64), level, np.uint8)))


def test_a_file_of_another_picture_format_is_refused(tmp_path: Path) -> None:
    for file_format in ("GIF", "BMP", "WEBP"):
        content = io.BytesIO()
        Image.fromarray(grey_slice()).save(content, format=file_format)
        assert "neither" in refusal(write_bytes(tmp_path / "a.png", content.getvalue()))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
@pytest.mark.parametrize("kept", [8, 12, 20, 40, 60, 100, 500, -60])
def test_a_truncated_picture_is_refused(tmp_path: Path, name: str, kept: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    path = save_picture(tmp_path / name, pixels)
    refusal(write_bytes(path, path.read_bytes()[:kept]))


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}])
def test_no_damage_to_a_picture_ever_crashes(tmp_path: Path, options: dict[str, str]) -> None:
    """Random bytes anywhere: read or refused in words, and nothing else."""
    rng = np.random.default_rng(9)
    names = ["a.tif"] if options else ["a.tif", "a.png", "a.jpg"]
    for name in names:
        original = save_picture(tmp_path / name, grey_slice(48), **options).read_bytes()
        for attempt in range(100):
            damaged = bytearray(original)
            for place in rng.integers(4, 400 if attempt % 2 else len(damaged), size=4):
                damaged[place] = rng.integers(256)
            _load_or_refuse(write_bytes(tmp_path / name, bytes(damaged)))


def _load_or_refuse(path: Path) -> None:
    try:
        load_image(path)
    except InvalidVolumeError as error:
        assert_plain(str(error))
