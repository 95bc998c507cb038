"""Axial slices as a reader sees them: the one form in which the networks meet any image.

Rows run from anterior to posterior and columns from the patient's right to the patient's left
(the radiological convention: the patient's left is on the right of the picture). A volume of any
orientation is brought into this form by permuting and flipping its axes, which loses nothing,
and a mask is brought back the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import nibabel as nib
import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

from ml.intensity import BoolArray, head_mask

CHANNELS = ("T1", "FLAIR", "T1ce")
"""The order of a stack's channels, that of the published LGG composites."""

# Axes of a (Z, H, W) stack in nibabel's letters, each named by where it runs to.
STACK_AXES = ("S", "P", "L")


@dataclass(frozen=True)
class AxialStack:
    """Slices with their channels.

    ``pixels`` is (C, Z, H, W) in the order of ``channels``; an absent channel is all zero and
    ``present`` says so. ``pixel_mm`` is the size of a pixel along (H, W), ``slice_mm`` the distance
    from one slice to the next, both None where the file gives none that can be relied on.
    """

    pixels: NDArray[np.generic]
    present: tuple[bool, ...]
    pixel_mm: tuple[float, float] | None = None
    channels: tuple[str, ...] = CHANNELS
    slice_mm: float | None = None

    def __post_init__(self) -> None:
        count = len(self.channels)
        if self.pixels.ndim != 4 or self.pixels.shape[0] != count:
            raise ValueError(f"a stack is ({count}, Z, H, W), not {self.pixels.shape}")
        if len(self.present) != count or not any(self.present):
            raise ValueError("a stack needs at least one channel, and one flag for each")

    def has(self, channel: str) -> bool:
        """Whether ``channel`` was acquired."""
        return channel in self.channels and self.present[self.channels.index(channel)]

    @property
    def reference_index(self) -> int:
        """The channel that shows where the head is: FLAIR where there is one."""
        if self.has("FLAIR"):
            return self.channels.index("FLAIR")
        return self.present.index(True)

    @property
    def reference(self) -> NDArray[np.generic]:
        """The channel at ``reference_index`` (Z, H, W)."""
        channel: NDArray[np.generic] = self.pixels[self.reference_index]
        return channel

    @cached_property
    def head(self) -> BoolArray:
        """Where the reference (Z, H, W) is tissue; found once, as several steps ask for it."""
        return head_mask(self.reference)

    def redrawn(self, pixels: NDArray[np.generic], *, head: BoolArray) -> AxialStack:
        """The same channels with other ``pixels``, whose ``head`` (Z, H, W) is known."""
        other = replace(self, pixels=pixels)
        # Where cached_property keeps what it has found.
        other.__dict__["head"] = head
        return other


def stack_of_channels(
    channels: dict[str, NDArray[np.generic]],
    pixel_mm: tuple[float, float] | None = None,
    order: tuple[str, ...] = CHANNELS,
    *,
    slice_mm: float | None = None,
) -> AxialStack:
    """A stack in the given order from some of its channels, each (Z, H, W), by name."""
    unknown = set(channels) - set(order)
    if unknown:
        raise ValueError(f"no such channel: {', '.join(sorted(unknown))}")
    first = next(iter(channels.values()))
    # Fresh zeros cost nothing until they are touched, and nobody touches an absent channel.
    pixels = np.zeros((len(order), *first.shape), dtype=np.result_type(*channels.values()))
    for name, channel in channels.items():
        pixels[order.index(name)] = channel
    present = tuple(name in channels for name in order)
    return AxialStack(pixels, present, pixel_mm, order, slice_mm)


def select_channels(stack: AxialStack, order: tuple[str, ...]) -> AxialStack:
    """The stack with exactly the channels of ``order``; one that it lacks is absent.

    Raises ValueError where it has none of them.
    """
    if order == stack.channels:
        return stack
    held = {name: stack.pixels[stack.channels.index(name)] for name in order if stack.has(name)}
    if not held:
        raise ValueError(f"the stack has none of the channels {', '.join(order)}")
    return stack_of_channels(held, stack.pixel_mm, order, slice_mm=stack.slice_mm)


def only_channels(stack: AxialStack, kept: tuple[str, ...]) -> AxialStack:
    """The same stack as if nothing but ``kept`` had been acquired."""
    held = {name: stack.pixels[stack.channels.index(name)] for name in kept if stack.has(name)}
    if not held:
        raise ValueError(f"the stack has none of the channels {', '.join(kept)}")
    return stack_of_channels(held, stack.pixel_mm, stack.channels, slice_mm=stack.slice_mm)


def flair_only(stack: AxialStack) -> AxialStack:
    """The same stack as if only its FLAIR had been acquired."""
    return only_channels(stack, ("FLAIR",))


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


def stack_to_file(affine: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The matrix (4 x 4) that takes indices (Z, H, W) to those of the volume of ``shape``."""
    transform = ornt_transform(io_orientation(affine), axcodes2ornt(STACK_AXES))
    matrix: NDArray[np.float64] = inv_ornt_aff(transform, shape)
    return matrix


def stack_axes(affine: NDArray[np.float64]) -> tuple[int, int, int]:
    """For each axis of the volume, the axis (0 to 2) of the stack (Z, H, W) that it becomes."""
    order = ornt_transform(io_orientation(affine), axcodes2ornt(STACK_AXES))
    first, second, third = (int(target) for target, _ in order)
    return first, second, third


def stack_to_voxel(
    point: tuple[float, ...], affine: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[float, float, float]:
    """Indices of a stack (Z, H, W) as indices of the volume (X, Y, Z) of ``shape``."""
    order = ornt_transform(io_orientation(affine), axcodes2ornt(STACK_AXES))
    i, j, k = (
        float(point[int(target)]) if flip > 0 else length - 1 - float(point[int(target)])
        for (target, flip), length in zip(order, shape, strict=True)
    )
    return i, j, k


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
    return mask_box(head_mask(slices), margin)


def mask_box(mask: BoolArray, margin: int = 4) -> tuple[slice, slice]:
    """As :func:`head_box`, for a head that is already found (Z, H, W)."""
    boxes = []
    for axis, length in ((1, mask.shape[1]), (2, mask.shape[2])):
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
