"""Pictures of a result for the page: every slice in one atlas, its mask in another, a thumbnail.

An atlas is one picture with all slices in a grid, so the page loads two files and then scrolls
without asking the server again. They are for looking; measures never come from them.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ml.intensity import head_mask
from ml.preparation import resize_plane
from ml.stacks import slice_pixel_mm
from ml.volumes import MedicalImage
from segmentation.palette import LESION_COLOURS, PART_COLOURS, as_rgb, rgb

MAX_TILE = 384
MAX_ATLAS_PIXELS = 20_000_000
THUMBNAIL_SIDE = 176
OUTLINE_WIDTH = 2


@dataclass(frozen=True)
class AtlasLayout:
    """Where each slice stands: slice ``n`` (from 0) in row ``n // columns``; sizes in pixels."""

    count: int
    columns: int
    tile_width: int
    tile_height: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def plan_atlas(shape: tuple[int, ...], pixel_mm: tuple[float, float] | None) -> AtlasLayout:
    """A layout for slices (Z, H, W) in which a millimetre is as long across as down."""
    count, height, width = shape
    row_mm, column_mm = pixel_mm or (1.0, 1.0)
    finest = min(row_mm, column_mm)
    tall, wide = height * row_mm / finest, width * column_mm / finest
    scale = min(1.0, MAX_TILE / max(tall, wide), math.sqrt(MAX_ATLAS_PIXELS / count / tall / wide))
    tile_height, tile_width = max(1, round(tall * scale)), max(1, round(wide * scale))
    columns = max(1, min(count, round(math.sqrt(count * tile_height / tile_width))))
    return AtlasLayout(count, columns, tile_width, tile_height)


def pixel_sizes(image: MedicalImage) -> tuple[float, float] | None:
    """Row and column step of the slices in mm; None where the file gives no spacing."""
    if image.geometry.spacing_mm is None:
        return None
    _, row_mm, column_mm = slice_pixel_mm(image.affine)
    return row_mm, column_mm


def to_grey(slices: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Slices (Z, H, W) as 8-bit grey, from air at black to the head's brightest half per cent."""
    values = np.asarray(slices, dtype=np.float32)
    tissue = values[head_mask(values)]
    low, high = (0.0, 1.0) if tissue.size == 0 else (0.0, float(np.percentile(tissue, 99.5)))
    scaled = (values - low) / max(high - low, 1e-6)
    grey: NDArray[np.uint8] = (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return grey


def write_previews(
    folder: Path,
    *,
    image: NDArray[np.generic],
    labels: NDArray[np.int32],
    pixel_mm: tuple[float, float] | None,
    key_slice: int | None,
) -> AtlasLayout:
    """Writes image.jpg, mask.png and thumbnail.jpg; image and labels are (Z, H, W).

    ``key_slice`` counts from 1; without one the thumbnail shows the middle slice.
    """
    layout = plan_atlas(image.shape, pixel_mm)
    grey = to_grey(image)
    coloured = np.where(labels > 0, (labels - 1) % len(LESION_COLOURS) + 1, 0).astype(np.uint8)
    tile = (layout.tile_height, layout.tile_width)
    sheet = _lay_out(resize_plane(grey, tile), layout)
    Image.fromarray(sheet).save(folder / "image.jpg", quality=86)
    write_mask_atlas(folder / "mask.png", _lay_out(_nearest(coloured, tile), layout))
    index = (len(image) // 2) if key_slice is None else key_slice - 1
    thumbnail = draw_outline(
        resize_plane(grey[index], tile).clip(0, 255).astype(np.uint8),
        _nearest(coloured[index], tile),
    )
    picture = Image.fromarray(thumbnail)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    picture.save(folder / "thumbnail.jpg", quality=88)
    return layout


def _nearest(labels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Labels (..., H, W) on another grid; each tile pixel takes the label at its middle."""
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1)
        for new, old in zip(shape, labels.shape[-2:], strict=True)
    )
    return np.asarray(labels[..., rows[:, None], columns[None, :]], dtype=np.uint8)


def _lay_out(tiles: NDArray[np.generic], layout: AtlasLayout) -> NDArray[np.uint8]:
    rows = -(-layout.count // layout.columns)
    height, width = layout.tile_height, layout.tile_width
    sheet = np.zeros((rows * height, layout.columns * width), dtype=np.uint8)
    for n, tile in enumerate(tiles):
        top, left = n // layout.columns * height, n % layout.columns * width
        sheet[top : top + height, left : left + width] = np.clip(tile, 0, 255)
    return sheet


def write_mask_atlas(path: Path, sheet: NDArray[np.uint8]) -> None:
    """The numbers of colours, from 1, in the colours of lesions; recolour() changes these later."""
    _write_palette(path, sheet, [rgb(number) for number in range(1, len(LESION_COLOURS) + 1)])


def write_part_atlas(path: Path, slices: NDArray[np.uint8], layout: AtlasLayout) -> None:
    """The values of a mask (Z, H, W) in the colours of its parts, as the atlas of the slices."""
    tiles = _nearest(slices, (layout.tile_height, layout.tile_width))
    colours = [as_rgb(PART_COLOURS[value]) for value in sorted(PART_COLOURS)]
    _write_palette(path, _lay_out(tiles, layout), colours)


def _write_palette(
    path: Path, sheet: NDArray[np.uint8], colours: Sequence[tuple[int, int, int]]
) -> None:
    """A palette PNG: 0 is transparent, 1 is the first of ``colours``."""
    picture = Image.fromarray(sheet, mode="P")
    picture.putpalette([0, 0, 0, *(value for colour in colours for value in colour)])
    picture.save(path, optimize=True, transparency=0)


def recolour(picture: bytes, colours: list[int]) -> bytes:
    """The mask's picture (PNG) with ``colours``, from 1, in the place of its first, second ... one.

    Only the palette is written anew, so that a large picture costs no more than a small one.
    """
    at = picture.find(b"PLTE")
    if at < 0:
        return picture
    length = int.from_bytes(picture[at - 4 : at], "big")
    palette = bytearray(picture[at + 4 : at + 4 + length])
    for n, colour in enumerate(colours, start=1):
        palette[3 * n : 3 * n + 3] = bytes(rgb(colour))
    chunk = b"PLTE" + bytes(palette[:length])
    check = zlib.crc32(chunk).to_bytes(4, "big")
    return picture[:at] + chunk + check + picture[at + 8 + length :]


def draw_outline(grey: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One slice (H, W) as (H, W, 3) with each lesion's edge in its colour."""
    picture = np.repeat(grey[..., None], 3, axis=-1)
    for number in np.unique(labels[labels > 0]):
        own = labels == number
        edge = own & ~ndimage.binary_erosion(own, iterations=OUTLINE_WIDTH)
        picture[edge] = rgb(int(number))
    return picture
