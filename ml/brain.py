"""A rough outline of the brain, enough to say how large a share of it is taken and which side.

It separates the brain from scalp and skull by the dark ring of bone between them: tissue is
opened until the scalp falls away and the part nearest the middle is kept (the morphological idea
of Atkins and Mackiewich, IEEE TMI 1998). Files that are already skull-stripped come through
almost unchanged. It is no brain extraction for volumetry and is never used as one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import BoolArray, head_mask

# Shares of a head's pixels: below this the opening has lost the brain and the whole head is used.
LEAST_SHARE_OF_HEAD = 0.3
# Tissue against the median of the head: bone and air are below it in T1 and FLAIR alike.
TISSUE_SHARE_OF_MEDIAN = 0.45
WORKING_SIDE = 256
# An outline is the head's own where more than this share of it lies at the head's edge and the rim
# there is so much brighter than the inside: fat of the scalp. On 30 contrast-enhanced T1 slices of
# all views the two were at least 0.33 and 1.46 where the outline held scalp or face, and on 18
# slices without a skull the rim was at most 1.29 times as bright.
EDGE_SHARE = 0.3
SCALP_CONTRAST = 1.4


def brain_sections(slices: NDArray[np.generic]) -> BoolArray:
    """The brain's section on each of the slices (Z, H, W), holes filled.

    A slice without tissue has an empty section; where no ring of bone can be found the section
    is the whole head.
    """
    head = head_mask(slices)
    values = np.asarray(slices, dtype=np.float32)
    tissue_level = TISSUE_SHARE_OF_MEDIAN * float(np.median(values[head])) if head.any() else 0.0
    sections = np.zeros(head.shape, dtype=np.bool_)
    for z in np.flatnonzero(head.any(axis=(1, 2))):
        sections[z] = _section(values[z] > tissue_level, _filled_main_part(head[z]))
    return sections


def holds_scalp(section: BoolArray, values: NDArray[np.generic]) -> bool:
    """Whether the ``section`` (H, W) found on a slice is the whole head's and not the brain's.

    So it is where no ring of bone was to be followed, as on views with face and neck.
    """
    step = max(section.shape) / WORKING_SIDE
    head = np.pad(_filled_main_part(head_mask(values)), 1)
    depth = ndimage.distance_transform_cdt(head, metric="taxicab")[1:-1, 1:-1]
    edge = section & ~ndimage.binary_erosion(section)
    rim, inside = section & (depth <= 8 * step), section & (depth > 16 * step)
    if not (rim.any() and inside.any()):
        return False
    grey = np.asarray(values, dtype=np.float32)
    contrast = np.percentile(grey[rim], 75) / max(float(np.median(grey[inside])), 1e-6)
    at_edge = float((depth[edge] <= 4 * step).mean())
    return at_edge > EDGE_SHARE and bool(contrast > SCALP_CONTRAST)


def _filled_main_part(mask: BoolArray) -> BoolArray:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())[1:]
    filled: BoolArray = ndimage.binary_fill_holes(labels == 1 + int(sizes.argmax()))
    return filled


def _section(tissue: BoolArray, head: BoolArray) -> BoolArray:
    radius = max(1, round(3 * max(head.shape) / WORKING_SIDE))
    if not head.any():
        return head
    # Room enough for the closing, and nothing more: air takes up most of a slice.
    box = tuple(
        slice(int(along[0]), int(along[-1]) + 1)
        for along in (np.flatnonzero(head.any(axis=1)), np.flatnonzero(head.any(axis=0)))
    )
    inside = np.pad(head[box], 4 * radius)
    opened = _eroded(np.pad(tissue[box], 4 * radius) & inside, radius)
    labels, count = ndimage.label(opened)
    if count == 0:
        return head
    sizes = np.bincount(labels.ravel())[1:]
    core = labels == 1 + int(sizes.argmax())
    grown = _dilated(core, radius) & inside
    # Closing bridges the fissures and sulci that the opening has bitten out of the outline.
    closed = _eroded(_dilated(grown, 3 * radius), 3 * radius)
    section: BoolArray = np.zeros_like(head)
    inner = tuple(slice(4 * radius, -4 * radius) for _ in box)
    section[box] = ndimage.binary_fill_holes(closed)[inner] & head[box]
    if section.sum() < LEAST_SHARE_OF_HEAD * head.sum():
        return head
    return section


def _eroded(mask: BoolArray, radius: int) -> BoolArray:
    """``mask`` without what is at most ``radius`` steps along rows and columns from its outside."""
    distance: NDArray[np.int32] = ndimage.distance_transform_cdt(mask, metric="taxicab")
    return distance > radius


def _dilated(mask: BoolArray, radius: int) -> BoolArray:
    """``mask`` and what is at most ``radius`` steps along rows and columns from it."""
    distance: NDArray[np.int32] = ndimage.distance_transform_cdt(~mask, metric="taxicab")
    return distance <= radius


def box_centre(mask: BoolArray) -> tuple[float, ...]:
    """The middle of the box around ``mask``, in indices; the grid's middle where it is empty."""
    if not mask.any():
        return tuple((n - 1) / 2 for n in mask.shape)
    centre = []
    for axis in range(mask.ndim):
        along = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        centre.append((float(along[0]) + float(along[-1])) / 2)
    return tuple(centre)
