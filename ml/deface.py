"""Taking the face off a scan, so that nobody is known again by the shape of their head.

A rendering of a head with its skin can be recognised (Schwarz et al., NEJM 2019), so of a scan
with skull only the brain and what lies close to it is kept. The outline is rough and errs on the
side of keeping too little: parts of the brain's base are lost where skull and brain cannot be
told apart. The other way it is not perfect either: in tilted heads the eyeballs may stay. Nothing
that follows may be used for volumetry.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.brain import TISSUE_SHARE_OF_MEDIAN, brain_sections
from ml.intensity import BoolArray, head_mask

SizesMm = tuple[float, float, float]
"""Along (Z, H, W)."""

# A section that fills this share of its head shows no ring of bone.
RING_SHARE = 0.93
LEAST_RING_SLICES = 0.15
# Where the widest section of a brain lies in a scan of the head, as a share of its height.
MIDDLE = (0.35, 0.85)
# Skin, fat and the outer bone: nothing so close to the air is kept.
PEEL_MM = 7.0
# From the vertex to the foramen magnum, the largest heads included.
BRAIN_HEIGHT_MM = 160.0
OPENING_MM = 4.0
# Of the largest part: so large is another part of a section that is brain too.
LARGE_PART = 0.2
MARGIN_MM = 3.0
LESION_MARGIN_MM = 5.0
LEAST_SECTION_MM2 = 300.0
LEAST_SHARE_OF_HEAD = 0.2
# What tells a skull-stripped file. Of 9 of BraTS the air was zero to 97 % or more, the lowest slice
# took 4 % of the widest, and the section 92 % of the head; of 4 with skull it was at most 23 %, at
# least 21 %, and at most 83 %.
STRIPPED_ZEROS = 0.95
STRIPPED_TAPER = 0.1
STRIPPED_SHARE = 0.88


class FaceRemainsError(ValueError):
    """The brain could not be told from the rest of the head; the scan must not be given away."""


def keep_brain(
    slices: NDArray[np.generic], sizes_mm: SizesMm, lesion: BoolArray | None = None
) -> BoolArray:
    """Which voxels of (Z, H, W) ``slices`` may be given away; the others are to be zero.

    Slices are numbered from the foot (:data:`ml.stacks.STACK_AXES`). A file that is
    skull-stripped already is kept whole. ``lesion`` is always kept. Raises FaceRemainsError where
    no skull is found around a brain, or where most of the lesion lies outside what is found.
    """
    outline = _outlines(head_mask(slices))
    if not outline.any():
        raise FaceRemainsError("no head is seen in it")
    sections = brain_sections(slices)
    ringed = _has_ring(sections, outline)
    if _is_stripped(slices, outline, sections):
        return np.ones(outline.shape, dtype=np.bool_)
    if ringed.sum() < max(2, LEAST_RING_SLICES * outline.any(axis=(1, 2)).sum()):
        raise FaceRemainsError("the brain could not be told from the skull")
    brain = _grow_from_the_best(_tissue(slices), sections, ringed, sizes_mm)
    brain &= ~_too_low(outline, sizes_mm[0])
    inner = _each(outline, lambda plane: _erode(plane, PEEL_MM, sizes_mm[1:]))
    brain = _each(brain, lambda plane: _dilate(plane, MARGIN_MM, sizes_mm[1:])) & inner
    if brain.sum() < LEAST_SHARE_OF_HEAD * outline.sum():
        raise FaceRemainsError("too little of the head was recognised as brain")
    return brain if lesion is None else _with_lesion(brain, inner, lesion, sizes_mm)


def is_stripped(slices: NDArray[np.generic]) -> bool:
    """Whether (Z, H, W) ``slices``, counted from the foot, show a brain without its skull.

    For reading, not for giving away: the brain may be cut off below, where a face would begin.
    """
    outline = _outlines(head_mask(slices))
    if not outline.any():
        return False
    return _is_clean(slices, outline) and _is_ringless(outline, brain_sections(slices))


def _with_lesion(
    brain: BoolArray, inner: BoolArray, lesion: BoolArray, sizes_mm: SizesMm
) -> BoolArray:
    """The brain with all of the lesion and a margin about it that does not reach the skin."""
    if 2 * (lesion & brain).sum() < lesion.sum():
        raise FaceRemainsError("most of the signed lesion lies outside what was taken for brain")
    around = _each(lesion, lambda plane: _dilate(plane, LESION_MARGIN_MM, sizes_mm[1:]))
    kept: BoolArray = brain | (around & inner) | lesion
    return kept


def _each(stack: BoolArray, change: Callable[[BoolArray], BoolArray]) -> BoolArray:
    """Each slice of (Z, H, W) changed by itself; empty ones stay as they are."""
    return np.stack([change(plane) if plane.any() else plane for plane in stack])


def _outlines(head: BoolArray) -> BoolArray:
    """The main part of the head on each slice, closed and filled: what the air touches."""
    return _each(head, lambda plane: ndimage.binary_fill_holes(_largest(plane)))


def _largest(plane: BoolArray) -> BoolArray:
    labels, count = ndimage.label(plane)
    if count == 0:
        return plane
    sizes = np.bincount(labels.ravel())[1:]
    part: BoolArray = labels == 1 + int(sizes.argmax())
    return part


def _large_parts(plane: BoolArray) -> BoolArray:
    """The connected parts that are not much smaller than the largest."""
    labels, count = ndimage.label(plane)
    if count == 0:
        return plane
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    large: BoolArray = (sizes >= LARGE_PART * sizes.max())[labels] & plane
    return large


def _has_ring(sections: BoolArray, outline: BoolArray) -> BoolArray:
    """(Z,): whether bone was found around the section of each slice."""
    areas = outline.sum(axis=(1, 2))
    ringed: BoolArray = (areas > 0) & (sections.sum(axis=(1, 2)) < RING_SHARE * areas)
    return ringed


def _is_stripped(slices: NDArray[np.generic], outline: BoolArray, sections: BoolArray) -> bool:
    """Whether only a brain is in the file: no ring, clean air, and an end that tapers below.

    A head with its face ends below in a neck or is cut through the jaw, which is wide.
    """
    areas = outline.sum(axis=(1, 2))
    lowest = int(np.flatnonzero(areas)[0])
    tapers = areas[lowest] < STRIPPED_TAPER * areas.max()
    return bool(tapers) and _is_clean(slices, outline) and _is_ringless(outline, sections)


def _is_clean(slices: NDArray[np.generic], outline: BoolArray) -> bool:
    """Whether there is nothing at all in the air, as where a tool has cleared it."""
    air = np.asarray(slices)[~outline]
    return air.size > 0 and float((air == 0).mean()) >= STRIPPED_ZEROS


def _is_ringless(outline: BoolArray, sections: BoolArray) -> bool:
    """Whether the brain's sections reach the outline, with no bone between."""
    areas = outline.sum(axis=(1, 2))
    middle = areas > 0.5 * areas.max()
    shares = sections.sum(axis=(1, 2))[middle] / areas[middle]
    return bool(np.median(shares) > STRIPPED_SHARE)


def _tissue(slices: NDArray[np.generic]) -> BoolArray:
    values = np.asarray(slices, dtype=np.float32)
    level = TISSUE_SHARE_OF_MEDIAN * float(np.median(values[head_mask(values)]))
    tissue: BoolArray = values > level
    return tissue


def _grow_from_the_best(
    tissue: BoolArray, sections: BoolArray, ringed: BoolArray, sizes_mm: SizesMm
) -> BoolArray:
    """The brain from its widest slice with a ring, downwards and upwards.

    Away from there it only gets narrower. That is what keeps the face out where orbits and skull
    base leave no ring: nose, jaw and ears lie outside the outline of the slices above them.
    """
    best = _widest(sections, ringed)
    brain = np.zeros_like(sections)
    brain[best] = sections[best]
    for path in (range(best - 1, -1, -1), range(best + 1, len(sections))):
        allowed = brain[best]
        for z in path:
            inside = sections[z] if ringed[z] else tissue[z]
            if z > best:
                # There is no face above, and a section may be one hemisphere of two.
                inside = inside | tissue[z]
            inside = inside & allowed
            brain[z] = _opened(inside, sizes_mm[1:]) & allowed
            if brain[z].sum() * sizes_mm[1] * sizes_mm[2] < LEAST_SECTION_MM2:
                brain[z] = False
                break
            allowed = brain[z]
    return brain


def _widest(sections: BoolArray, ringed: BoolArray) -> int:
    """The slice with the largest section, among those in the middle of the head with a ring.

    Near the base a section may hold orbits and skull, and be the largest of all.
    """
    areas = sections.sum(axis=(1, 2))
    held = np.flatnonzero(areas)
    low, high = (held[0] + share * (held[-1] - held[0]) for share in MIDDLE)
    numbers = np.arange(len(sections))
    return int((areas * (ringed & (numbers >= low) & (numbers <= high))).argmax())


def _opened(plane: BoolArray, sizes_mm: tuple[float, ...]) -> BoolArray:
    """The large parts once thin bridges are cut, with their holes filled.

    Towards the vertex the hemispheres are apart, and at the base the temporal lobes.
    """
    core = _large_parts(_erode(plane, OPENING_MM, sizes_mm))
    filled: BoolArray = ndimage.binary_fill_holes(_dilate(core, OPENING_MM + 1.0, sizes_mm))
    return filled


def _too_low(outline: BoolArray, slice_mm: float) -> BoolArray:
    """What lies further below the vertex than any brain reaches."""
    top = int(np.flatnonzero(outline.any(axis=(1, 2)))[-1])
    low = np.zeros_like(outline)
    low[: max(0, top - int(BRAIN_HEIGHT_MM / slice_mm))] = True
    return low


def _erode(plane: BoolArray, distance_mm: float, sizes_mm: tuple[float, ...]) -> BoolArray:
    """Without what is nearer than ``distance_mm`` to the outside, the picture's edge included."""
    padded = np.pad(plane, 1)
    inside: BoolArray = ndimage.distance_transform_edt(padded, sampling=sizes_mm) > distance_mm
    return inside[1:-1, 1:-1]


def _dilate(plane: BoolArray, distance_mm: float, sizes_mm: tuple[float, ...]) -> BoolArray:
    if not plane.any():
        return plane
    near: BoolArray = ndimage.distance_transform_edt(~plane, sampling=sizes_mm) <= distance_mm
    return near
