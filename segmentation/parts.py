"""The parts of a mask with several labels, as they are kept with a result and shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.parts import BY_HAND_NAME, measure_parts
from ml.prediction import make_grid
from ml.stacks import volume_to_slices
from ml.volumes import MedicalImage
from segmentation.files import PREVIEWS
from segmentation.found import Addition
from segmentation.previews import pixel_sizes, plan_atlas, write_part_atlas

FIELD = "parts"


def marked_names(labels: Mapping[str, str]) -> list[str]:
    """What a mask marks, in the order of its values.

    Not what a person added to a part-wise mask without saying of which part: it belongs to the
    same tumour, and a voxel more makes no other kind of mask.
    """
    return [str(name) for _, name in sorted(labels.items()) if name != BY_HAND_NAME]


def describe_parts(
    mask: NDArray[np.uint8],
    names: Mapping[int, str],
    *,
    image: MedicalImage,
    spacing_is_reliable: bool,
) -> Addition:
    """What the parts of ``mask`` (X, Y, Z), on the grid of ``image``, measure; with their picture.

    The list is empty for a mask with a single label, which has no picture either.
    """
    grid = make_grid(image, spacing_is_reliable=spacing_is_reliable)
    parts = measure_parts(mask, names, voxel_ml=grid.voxel_ml)
    if not parts:
        return Addition(FIELD, [])

    def draw(folder: Path) -> None:
        slices = np.asarray(volume_to_slices(mask, image.affine), dtype=np.uint8)
        layout = plan_atlas(slices.shape, pixel_sizes(image))
        name, _ = PREVIEWS[FIELD]
        write_part_atlas(folder / "previews" / name, slices, layout)

    return Addition(FIELD, [part.as_dict() for part in parts], draw)
