"""A small picture of a scan as it came, for lists: most scans of a visit have no result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ml.geometry import ImageKind
from ml.preparation import resize_plane
from ml.stacks import volume_to_slices
from ml.volumes import MedicalImage
from patients.models import Scan
from segmentation.previews import THUMBNAIL_SIDE, pixel_sizes, plan_atlas, to_grey

NAME = "thumbnail.jpg"


def thumbnail_path(scan: Scan) -> Path:
    """Beside the scan's file, where there may be none of a scan from before them."""
    return Path(scan.file.path).parent / NAME


def write_thumbnail(path: Path, image: MedicalImage) -> None:
    """The middle axial slice, or the picture, no side longer than ``THUMBNAIL_SIDE`` pixels."""
    if image.geometry.kind is ImageKind.PICTURE:
        plane = image.values.max(axis=0)
    else:
        slices = volume_to_slices(image.values, image.affine)
        plane = slices[len(slices) // 2]
    layout = plan_atlas((1, *plane.shape), pixel_sizes(image))
    tile = resize_plane(to_grey(plane[None])[0], (layout.tile_height, layout.tile_width))
    picture = Image.fromarray(np.clip(tile, 0, 255).astype(np.uint8))
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    picture.save(path, quality=88)
