"""Single pictures (PNG, JPEG, TIFF) from strangers: size and mode are judged before the pixels."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.errors import InvalidVolumeError
from ml.geometry import Geometry, ImageKind

FORMATS = ("PNG", "JPEG", "TIFF")
MIN_SIDE = 48
MAX_SIDE = 4096
GREY_MODES = {"L", "LA", "I;16", "I;16B", "I;16L", "I", "F"}
COLOUR_MODES = {"RGB", "RGBA", "P"}
# The largest difference between the channels of a grey picture that was stored in colour:
# JPEG's chroma rounding leaves a few grey levels.
GREY_TOLERANCE = 6
# What Pillow raises on damaged files, beyond its own errors: its TIFF reader trusts the tags, and
# its PNG reader asks for as many bytes as a chunk claims to have.
DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, MemoryError, struct.error, zlib.error),
)


def is_picture(head: bytes) -> bool:
    """Whether ``head``, the first bytes of a file, begin a PNG, JPEG or TIFF."""
    return head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*"))


def _open(path: Path) -> Image.Image:
    """The picture with its header read and no pixel decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise InvalidVolumeError(_too_large("far more")) from error
    except DAMAGE as error:
        raise InvalidVolumeError(
            "The picture is damaged or of an unknown kind. Please export it as PNG, JPEG or TIFF."
        ) from error


def _frame_count(picture: Image.Image) -> int:
    """The pictures in the file; counting them reads on in a TIFF."""
    try:
        return int(getattr(picture, "n_frames", 1))
    except DAMAGE as error:
        raise InvalidVolumeError(
            "The picture is cut off or damaged. Please upload it again from its source."
        ) from error


def _too_large(what: str) -> str:
    return f"The picture has {what} than the {MAX_SIDE} x {MAX_SIDE} pixels that are read."


def read_geometry(path: Path) -> Geometry:
    """The grid of a picture, from its header; raises InvalidVolumeError in plain words."""
    with _open(path) as picture:
        width, height = picture.size
        if max(width, height) > MAX_SIDE:
            raise InvalidVolumeError(_too_large(f"{width} x {height} pixels, more"))
        if min(width, height) < MIN_SIDE:
            raise InvalidVolumeError(
                f"The picture has only {width} x {height} pixels, too few for a brain slice."
            )
        frames = _frame_count(picture)
        if frames > 1:
            raise InvalidVolumeError(
                f"The file holds {frames} pictures. "
                "Please upload each slice as a file of its own, or the series as NIfTI."
            )
        mode, file_format = picture.mode, str(picture.format)
    if mode not in GREY_MODES | COLOUR_MODES:
        raise InvalidVolumeError(
            f"The picture's colours are of the kind {mode}, which no scanner writes. "
            "Please export it in grey or RGB."
        )
    return Geometry(
        kind=ImageKind.PICTURE,
        file_format=file_format,
        shape=(height, width),
        stored_shape=(height, width),
        channels=1 if mode in GREY_MODES else 3,
        data_type=mode,
        spacing_mm=None,
        affine=None,
    )


def read_pixels(path: Path) -> NDArray[np.float32]:
    """The picture as (C, H, W): one channel if it is grey, in whatever mode, else three."""
    try:
        with _open(path) as picture:
            if picture.mode in COLOUR_MODES:
                values = np.asarray(picture.convert("RGB"), dtype=np.float32).transpose(2, 0, 1)
            else:
                grey = picture.convert("L") if picture.mode == "LA" else picture
                values = np.asarray(grey, dtype=np.float32)[None]
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise InvalidVolumeError(
            "The picture is cut off or damaged. Please upload it again from its source."
        ) from error
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    spread = values.max(axis=0) - values.min(axis=0)
    return values[:1] if spread.max() <= GREY_TOLERANCE else values


def write_mask(path: Path, mask: NDArray[np.generic]) -> None:
    """Stores ``mask`` (H, W) as an 8-bit PNG, 255 where there is tumour."""
    Image.fromarray((np.asarray(mask) > 0).astype(np.uint8) * 255).save(path, format="PNG")
