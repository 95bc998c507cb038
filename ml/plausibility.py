"""What looks wrong about an upload: said to the person, never decided for them.

These checks ask whether the image could be a head and whether it contradicts what was declared.
They are coarse on purpose: a doubt only holds the segmentation back until a person confirms.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.geometry import ImageKind
from ml.intensity import head_mask
from ml.stacks import volume_to_slices
from ml.volumes import MedicalImage

LEAST_AIR_AT_BORDER = 0.35
FRAME = 2
LEAST_MAIN_PART = 0.6
TISSUE_SHARE = (0.04, 0.95)
LEAST_FILL_OF_BOX = 0.4
HEAD_MM = (70.0, 320.0)

SEQUENCE_IN_NAME = (
    ("FLAIR", re.compile(r"(?<![a-z])flair(?![a-z])")),
    ("T1ce", re.compile(r"(?<![a-z0-9])t1[-_ ]?(ce|c|gd|post|km)(?![a-z0-9])")),
    ("T2", re.compile(r"(?<![a-z0-9])t2w?(?![a-z0-9*])")),
    ("T1", re.compile(r"(?<![a-z0-9])t1w?(?![a-z0-9])")),
)


def find_doubts(
    image: MedicalImage, *, sequence: str, file_name: str, spacing_is_reliable: bool = True
) -> list[str]:
    """Plain sentences about what does not look right; an empty list where nothing does.

    ``sequence`` is what the uploader declared ("FLAIR", "T1", "T1ce", "T2" or "COMPOSITE"). A
    spacing that was declared unreliable is not doubted once more.
    """
    doubts = _doubts_about_head(image)
    doubts += _doubts_about_channels(image, sequence)
    doubts += _doubts_about_name(file_name, sequence)
    if not spacing_is_reliable:
        return doubts
    doubts += _doubts_about_extent(image)
    if image.geometry.spacing_is_doubtful:
        sizes = " x ".join(f"{s:g}" for s in image.geometry.spacing_mm or ())
        doubts.append(
            f"The header gives a voxel size of {sizes} mm, but then the head would be too "
            "shallow for its width. Please check it, and mark the spacing as unreliable if so."
        )
    return doubts


def guess_sequence(file_name: str) -> str | None:
    """The sequence that a file's name speaks of, if it does."""
    lowered = file_name.lower()
    for sequence, pattern in SEQUENCE_IN_NAME:
        if pattern.search(lowered):
            return sequence
    return None


def _doubts_about_name(file_name: str, sequence: str) -> list[str]:
    named = guess_sequence(file_name)
    if named is not None and sequence != "COMPOSITE" and named != sequence:
        return [f"The file's name speaks of {named}, but {sequence} was declared."]
    return []


def _doubts_about_channels(image: MedicalImage, sequence: str) -> list[str]:
    is_composite = image.geometry.kind is ImageKind.PICTURE and image.values.shape[0] == 3
    if sequence == "COMPOSITE" and not is_composite:
        return [
            "A composite has three different channels (T1, FLAIR, T1 with contrast), "
            "but this image has one. Please declare its own sequence."
        ]
    if sequence != "COMPOSITE" and is_composite:
        return [
            f"{sequence} is a grey image, but this picture has three different channels. "
            "Please declare it as a composite if it is one."
        ]
    return []


def _doubts_about_head(image: MedicalImage) -> list[str]:
    slices = _grey_slices(image)
    levels = len(np.unique(slices[:: max(1, len(slices) // 16)]))
    if levels < 8:
        return [
            f"The image has only {levels} grey levels, so it looks like a mask, not like a scan."
        ]
    section = slices[len(slices) // 2] if len(slices) < 3 else _fullest(slices)
    mask = head_mask(section)
    doubt = "This does not look like a brain MRI"
    if _air_at_border(mask) < LEAST_AIR_AT_BORDER:
        return [f"{doubt}: there is no dark background around a head."]
    share = float(mask.mean())
    if not TISSUE_SHARE[0] <= share <= TISSUE_SHARE[1]:
        return [f"{doubt}: {share:.0%} of the picture is tissue."]
    main, fill = _main_part(mask)
    if main < LEAST_MAIN_PART or fill < LEAST_FILL_OF_BOX:
        return [f"{doubt}: what is bright does not form one head."]
    return []


def _doubts_about_extent(image: MedicalImage) -> list[str]:
    spacing = image.geometry.spacing_mm
    if spacing is None or image.geometry.kind is ImageKind.PICTURE:
        return []
    widest = max(n * s for n, s in zip(image.geometry.shape, spacing, strict=True))
    if not HEAD_MM[0] <= widest <= 2 * HEAD_MM[1]:
        return [
            f"The image spans {widest:.0f} mm by its header, which does not fit a head. "
            "Please check the voxel size."
        ]
    return []


def _grey_slices(image: MedicalImage) -> NDArray[np.generic]:
    """The image as grey slices (Z, H, W)."""
    if image.geometry.kind is ImageKind.PICTURE:
        return np.asarray(image.values.max(axis=0)[None])
    return volume_to_slices(image.values, image.affine)


def _fullest(slices: NDArray[np.generic]) -> NDArray[np.generic]:
    """The slice with most tissue among the middle third, where a head is widest."""
    third = len(slices) // 3
    middle = slices[third : 2 * third + 1]
    return np.asarray(middle[int(head_mask(middle).sum(axis=(1, 2)).argmax())])


def _air_at_border(mask: NDArray[np.bool_]) -> float:
    """The share of air at the border, or just inside it where an export drew a line around."""
    rings = [mask, mask[FRAME:-FRAME, FRAME:-FRAME]] if min(mask.shape) > 4 * FRAME else [mask]
    return max(
        1.0 - float(np.concatenate([ring[0], ring[-1], ring[:, 0], ring[:, -1]]).mean())
        for ring in rings
    )


def _main_part(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """The largest part's share of all tissue, and how much of its box it fills."""
    labels, count = ndimage.label(ndimage.binary_closing(mask, iterations=3))
    if count == 0:
        return 0.0, 0.0
    sizes = np.bincount(labels.ravel())[1:]
    largest = int(sizes.argmax())
    box = ndimage.find_objects(labels)[largest]
    part = ndimage.binary_fill_holes(labels[box] == largest + 1)
    return float(sizes[largest] / sizes.sum()), float(part.mean())
