"""Axial slices as a reader sees them: the one form in which the networks meet any image.

Rows run from anterior to posterior and columns from the patient's right to the patient's left
(the radiological convention: the patient's left is on the right of the picture). A volume of any
orientation is brought into this form by permuting and flipping its axes, which loses nothing,
and a mask is brought back the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

from ml.intensity import head_mask

CHANNELS = ("T1", "FLAIR", "T1ce")
"""The order of a stack's channels, that of the published LGG composites."""

# Axes of a (Z, H, W) stack in nibabel's letters, each named by where it runs to.
STACK_AXES = ("S", "P", "L")


@dataclass(frozen=True)
class AxialStack:
    """Slices with their channels.

    ``pixels`` is (C, Z, H, W) in the order of ``CHANNELS``; an absent channel is all zero and
    ``present`` says so. ``pixel_mm`` is the size of a pixel along (H, W), or None where the file
    gives none that can be relied on.
    """

    pixels: NDArray[np.generic]
    present: tuple[bool, ...]
    pixel_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.shape[0] != len(CHANNELS):
            raise ValueError(f"a stack is ({len(CHANNELS)}, Z, H, W), not {self.pixels.shape}")
        if len(self.present) != len(CHANNELS) or not any(self.present):
            raise ValueError("a stack needs at least one channel, and one flag for each")

    @property
    def reference(self) -> NDArray[np.generic]:
        """The channel (Z, H, W) that shows where the head is: FLAIR where there is one."""
        index = CHANNELS.index("FLAIR")
        if not self.present[index]:
            index = self.present.index(True)
        channel: NDArray[np.generic] = self.pixels[index]
        return channel


def stack_of_channels(
    channels: dict[str, NDArray[np.generic]], pixel_mm: tuple[float, float] | None = None
) -> AxialStack:
    """A stack from some of the channels, each (Z, H, W) and named as in ``CHANNELS``."""
    unknown = set(channels) - set(CHANNELS)
    if unknown:
        raise ValueError(f"no such channel: {', '.join(sorted(unknown))}")
    first = next(iter(channels.values()))
    blank = np.zeros_like(first)
    pixels = np.stack([channels.get(name, blank) for name in CHANNELS])
    return AxialStack(pixels, tuple(name in channels for name in CHANNELS), pixel_mm)


def flair_only(stack: AxialStack) -> AxialStack:
    """The same stack as if only its FLAIR had been acquired."""
    index = CHANNELS.index("FLAIR")
    pixels = np.zeros_like(stack.pixels)
    pixels[index] = stack.pixels[index]
    present = tuple(name == "FLAIR" for name in CHANNELS)
    return AxialStack(pixels, present, stack.pixel_mm)


def volume_to_slices(
    volume: NDArray[np.generic], affine: NDArray[np.float64]
) -> NDArray[np.generic]:
    """A volume (X, Y, Z) of any orientation as slices (Z, H, W) in the reader's view."""
    transform = ornt_transform(io_orientation(affine), axcodes2ornt(STACK_AXES))
    # The target names its axes (S, P, L) in that order, so the result is already (Z, H, W).
    slices: NDArray[np.generic] = apply_orientation(volume, transform)
    return slices


def slices_to_volume(
    slices: NDArray[np.generic], affine: NDArray[np.float64]
) -> NDArray[np.generic]:
    """The inverse of :func:`volume_to_slices`: back into the axes of ``affine``."""
    transform = ornt_transform(axcodes2ornt(STACK_AXES), io_orientation(affine))
    volume: NDArray[np.generic] = apply_orientation(slices, transform)
    return volume


def stack_axes(affine: NDArray[np.float64]) -> tuple[int, int, int]:
    """For each axis of the volume, the axis (0 to 2) of the stack (Z, H, W) that it becomes."""
    order = ornt_transform(io_orientation(affine), axcodes2ornt(STACK_AXES))
    first, second, third = (int(target) for target, _ in order)
    return first, second, third


def slice_pixel_mm(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """The voxel's size in millimetres along the (Z, H, W) axes of the stack."""
    spacing = nib.affines.voxel_sizes(affine)
    sizes = [0.0, 0.0, 0.0]
    for source, target in enumerate(stack_axes(affine)):
        sizes[target] = float(spacing[source])
    return sizes[0], sizes[1], sizes[2]


def head_box(slices: NDArray[np.generic], margin: int = 4) -> tuple[slice, slice]:
    """The rows and columns of (Z, H, W) ``slices`` that hold the head, with a margin.

    A row counts when at least 1 % of it is tissue on some slice, which leaves lone bright pixels
    of the background out. An empty stack gives the whole picture.
    """
    mask = head_mask(slices)
    boxes = []
    for axis, length in ((1, slices.shape[1]), (2, slices.shape[2])):
        other = 2 if axis == 1 else 1
        share = mask.mean(axis=other).max(axis=0)
        rows = np.flatnonzero(share > 0.01)
        if rows.size == 0:
            boxes.append(slice(0, length))
        else:
            boxes.append(
                slice(max(0, int(rows[0]) - margin), min(length, int(rows[-1]) + 1 + margin))
            )
    return boxes[0], boxes[1]
