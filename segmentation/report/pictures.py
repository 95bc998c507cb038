"""The report's pictures: a slice with its lesions outlined and numbered, sides and a scale bar.

They come from the previews that stand beside each mask, so a report never opens a volume. An
outline is white within black and carries its lesion's number, so it reads in print without colour
too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from ml.stacks import slice_pixel_mm, stack_axes
from patients.models import Scan
from segmentation.files import preview_path
from segmentation.models import Lesion, Segmentation
from segmentation.palette import colour_index, rgb
from segmentation.previews import AtlasLayout
from segmentation.selectors.lesion_names import LesionName
from segmentation.stage import SideLabel, side_labels

SIDE = 720
"""The longer side of a picture in pixels: 300 dots an inch at 6 cm."""
MOST = 3
BARS_MM = (50, 20, 10, 5)
MARGIN = 16
LETTER = 30
NUMBER = 26
SMALL = 22
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True)
class KeySlice:
    """One slice of the report, counted from 1 at the foot, and the lesions on it."""

    number: int
    lesions: tuple[int, ...]


def key_slices(result: Segmentation) -> list[KeySlice]:
    """The largest slices of the largest lesions, each slice once; the middle one without any."""
    lesions = list(result.lesions.all())
    chosen: list[int] = []
    for lesion in lesions:
        if lesion.key_slice not in chosen and len(chosen) < MOST:
            chosen.append(lesion.key_slice)
    if not chosen:
        return [KeySlice((result.scan.slice_count + 1) // 2, ())]
    return [KeySlice(number, _lesions_on(number, lesions)) for number in sorted(chosen)]


def _lesions_on(number: int, lesions: list[Lesion]) -> tuple[int, ...]:
    return tuple(one.number for one in lesions if one.first_slice <= number <= one.last_slice)


def draw_key_slice(
    result: Segmentation, slice_number: int, names: Mapping[int, LesionName]
) -> bytes:
    """The slice (counted from 1) as JPEG, each lesion in the colour and with the label of its name.

    Raises ValueError where the result has no such slice.
    """
    layout = AtlasLayout(**result.preview)
    if not 1 <= slice_number <= layout.count:
        raise ValueError(f"there is no slice {slice_number} of {layout.count}")
    grey = _tile(preview_path(result, "image"), layout, slice_number - 1)
    labels = _tile(preview_path(result, "mask"), layout, slice_number - 1)
    scale = SIDE / max(grey.shape)
    size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
    picture = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    canvas = np.asarray(picture).copy()
    named = _names_of_colours(result, slice_number, names)
    places = _outline(canvas, labels, size, named)
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    for colour, place in places.items():
        words = ", ".join(one.label for one in named.get(colour, []))
        _write(pen, place, words, NUMBER, "lm")
    _letters(pen, size, side_labels(result.scan))
    _write(pen, (MARGIN, MARGIN), f"slice {slice_number}", SMALL, "lt")
    millimetres = _millimetres_a_pixel(result.scan, layout)
    if millimetres is not None:
        _scale_bar(pen, size, millimetres / scale)
    content = BytesIO()
    picture.save(content, "JPEG", quality=88)
    return content.getvalue()


def _tile(path: Path, layout: AtlasLayout, index: int) -> NDArray[np.uint8]:
    """Slice ``index`` (from 0) of an atlas (H, W), grey or numbers of colours."""
    left = index % layout.columns * layout.tile_width
    top = index // layout.columns * layout.tile_height
    with Image.open(path) as atlas:
        box = (left, top, left + layout.tile_width, top + layout.tile_height)
        tile: NDArray[np.uint8] = np.asarray(atlas.crop(box), dtype=np.uint8)
    return tile


def _names_of_colours(
    result: Segmentation, slice_number: int, names: Mapping[int, LesionName]
) -> dict[int, list[LesionName]]:
    """The lesions on the slice by the colour that the atlas knows them by."""
    named: dict[int, list[LesionName]] = {}
    for number in _lesions_on(slice_number, list(result.lesions.all())):
        own = names.get(number) or LesionName(number, str(number), is_new=False)
        named.setdefault(colour_index(number), []).append(own)
    return named


def _outline(
    canvas: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    size: tuple[int, int],
    named: Mapping[int, list[LesionName]],
) -> dict[int, tuple[int, int]]:
    """Draws each colour's outline, and says where its name goes: right of its largest piece."""
    places = {}
    for colour in np.unique(labels[labels > 0]):
        own = Image.fromarray(np.where(labels == colour, 255, 0).astype(np.uint8))
        inside = np.asarray(own.resize(size, Image.Resampling.BICUBIC)) > 127
        if not inside.any():
            continue
        names = named.get(int(colour))
        canvas[_ring(inside, 3) | _ring(~inside, 2)] = BLACK
        canvas[_ring(inside, 2)] = rgb(names[0].name if names else int(colour))
        pieces, _ = ndimage.label(inside)
        largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
        rows, columns = np.nonzero(pieces == largest)
        places[int(colour)] = (int(columns.max()) + 8, int(rows.mean()))
    return places


def _ring(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    ring: NDArray[np.bool_] = mask & ~ndimage.binary_erosion(mask, iterations=width)
    return ring


def _letters(pen: ImageDraw.ImageDraw, size: tuple[int, int], labels: list[SideLabel]) -> None:
    width, height = size
    places = {
        "left": (MARGIN, height // 2),
        "right": (width - MARGIN, height // 2),
        "top": (width // 2, MARGIN),
        "bottom": (width // 2, height - MARGIN),
    }
    anchors = {"left": "lm", "right": "rm", "top": "mt", "bottom": "mb"}
    for edge, letter, _ in labels:
        _write(pen, places[edge], letter, LETTER, anchors[edge])


def _millimetres_a_pixel(scan: Scan, layout: AtlasLayout) -> float | None:
    """The size of a tile's pixel; None where the scan gives no reliable millimetres."""
    if not scan.has_physical_size:
        return None
    affine = np.array(scan.affine, dtype=np.float64)
    _, row_mm, _ = slice_pixel_mm(affine)
    rows = scan.shape[stack_axes(affine).index(1)]
    return rows * row_mm / layout.tile_height


def _scale_bar(pen: ImageDraw.ImageDraw, size: tuple[int, int], millimetres_a_pixel: float) -> None:
    """The longest bar that takes at most a third of the width."""
    width, height = size
    bar = next((mm for mm in BARS_MM if mm / millimetres_a_pixel <= width / 3), BARS_MM[-1])
    length = round(bar / millimetres_a_pixel)
    right, y = width - MARGIN, height - MARGIN
    pen.line([(right - length, y), (right, y)], fill=BLACK, width=8)
    pen.line([(right - length, y), (right, y)], fill=WHITE, width=4)
    _write(pen, (right, y - 8), f"{bar} mm", SMALL, "rb")


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], words: str, height: int, anchor: str
) -> None:
    pen.text(place, words, WHITE, _font(height), anchor=anchor, stroke_width=3, stroke_fill=BLACK)


@lru_cache(maxsize=4)
def _font(height: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(fonts_folder() / "DejaVuSans-Bold.ttf"), height)


def fonts_folder() -> Path:
    """Where matplotlib keeps DejaVu Sans: the same letters on every server, nothing to install."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"
