"""Atlases of slices: every slice once, each millimetre as long across as down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.tests import factories as heads
from segmentation.palette import LESION_COLOURS, rgb
from segmentation.previews import MAX_ATLAS_PIXELS, MAX_TILE, plan_atlas, to_grey, write_previews


@pytest.mark.parametrize(
    ("shape", "pixel_mm"),
    [
        ((1, 96, 96), None),
        ((20, 52, 44), (2.0, 2.0)),
        ((155, 240, 240), (1.0, 1.0)),
        ((320, 512, 512), (0.5, 0.5)),
        ((24, 256, 128), (1.0, 2.0)),
        ((1000, 1000, 60), (0.3, 5.0)),
        ((7, 48, 4096), None),
    ],
)
def test_a_layout_has_room_for_every_slice_and_bounds(
    shape: tuple[int, int, int], pixel_mm: tuple[float, float] | None
) -> None:
    plan = plan_atlas(shape, pixel_mm)
    rows = -(-plan.count // plan.columns)
    assert plan.count == shape[0]
    assert rows * plan.columns >= plan.count > (rows - 1) * plan.columns
    assert max(plan.tile_height, plan.tile_width) <= MAX_TILE
    assert plan.count * plan.tile_height * plan.tile_width <= 1.1 * MAX_ATLAS_PIXELS
    row_mm, column_mm = pixel_mm or (1.0, 1.0)
    wanted = shape[1] * row_mm / (shape[2] * column_mm)
    tall, wide = plan.tile_height, plan.tile_width
    assert (tall - 0.51) / (wide + 0.51) <= wanted <= (tall + 0.51) / max(wide - 0.51, 0.01)


def test_each_slice_stands_in_its_place_with_its_lesions_colour(tmp_path: Path) -> None:
    image = heads.head((40, 60, 5)).transpose(2, 1, 0)
    labels = np.zeros(image.shape, np.int32)
    labels[1, 20:30, 10:20] = 1
    labels[3, 30:40, 20:30] = len(LESION_COLOURS) + 2
    plan = write_previews(tmp_path, image=image, labels=labels, pixel_mm=None, key_slice=2)
    assert (plan.tile_height, plan.tile_width) == (60, 40)
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.info["transparency"] == 0
        drawn = np.asarray(mask)
        coloured = np.asarray(mask.convert("RGB"))

    def tile(sheet: np.ndarray, n: int) -> np.ndarray:
        top, left = n // plan.columns * 60, n % plan.columns * 40
        return sheet[top : top + 60, left : left + 40]

    assert np.array_equal(tile(drawn, 1), labels[1])
    assert np.array_equal(tile(drawn, 3), np.where(labels[3] > 0, 2, 0))
    assert not tile(drawn, 0).any()
    assert tuple(tile(coloured, 1)[25, 15]) == rgb(1)
    assert tuple(tile(coloured, 3)[35, 25]) == rgb(2)


def test_grey_runs_from_air_to_the_brightest_tissue() -> None:
    grey = to_grey(heads.head().transpose(2, 1, 0))
    assert grey.dtype == np.uint8
    assert grey.min() == 0
    assert grey.max() == 255
    assert to_grey(np.zeros((3, 20, 20))).max() == 0


def test_a_result_without_a_lesion_has_a_thumbnail_of_the_middle(tmp_path: Path) -> None:
    image = heads.head((64, 64, 7)).transpose(2, 1, 0)
    labels = np.zeros(image.shape, np.int32)
    write_previews(tmp_path, image=image, labels=labels, pixel_mm=None, key_slice=None)
    with Image.open(tmp_path / "thumbnail.jpg") as thumbnail:
        assert np.asarray(thumbnail).max() > 100
