"""A volume seen from three sides: axial, coronal and sagittal slices of the same voxels.

What a 2D network takes for tumour from one side alone is doubtful, so its readings from several
sides are averaged (view aggregation: Roy et al., NeuroImage 2019;186:713). Only where the voxels
are about as long in every direction: in thick slices the other two sides are blurred.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.stacks import AxialStack

AXIAL, CORONAL, SAGITTAL = "axial", "coronal", "sagittal"
MOST_UNEVEN = 1.5
"""How many times as long as it is narrow a voxel may be for its other sides to be looked at."""

# Which axes of (Z, H, W) become those of the turned stack. Each swaps two, so it also turns back:
# coronal slices are (H, Z, W), sagittal ones (W, H, Z).
ORDERS = {AXIAL: (0, 1, 2), CORONAL: (1, 0, 2), SAGITTAL: (2, 1, 0)}

Scalar = TypeVar("Scalar", bound=np.generic)


def views_of(stack: AxialStack, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the ``wanted`` views that ``stack`` can be seen from.

    Axial alone where its voxels are uneven, or nobody knows.
    """
    if stack.pixel_mm is None or stack.slice_mm is None:
        return (AXIAL,)
    sizes = (stack.slice_mm, *stack.pixel_mm)
    return wanted if max(sizes) <= MOST_UNEVEN * min(sizes) else (AXIAL,)


def turn(values: NDArray[Scalar], view: str) -> NDArray[Scalar]:
    """``values`` (..., Z, H, W) as slices of ``view``, or such slices turned back; not a copy."""
    leading = values.ndim - 3
    order = (*range(leading), *(leading + axis for axis in ORDERS[view]))
    turned: NDArray[Scalar] = values.transpose(order)
    return turned


def seen_from(stack: AxialStack, view: str) -> AxialStack:
    """The stack with the slices of ``view``; one whose sizes are unknown has none but axial ones.

    Raises ValueError for any other view of such a one.
    """
    if view == AXIAL:
        return stack
    if stack.pixel_mm is None or stack.slice_mm is None:
        raise ValueError("what size a voxel has is unknown, so that it has one side only")
    sizes = (stack.slice_mm, *stack.pixel_mm)
    slice_mm, row_mm, column_mm = (sizes[axis] for axis in ORDERS[view])
    sized = replace(stack, pixel_mm=(row_mm, column_mm), slice_mm=slice_mm)
    return sized.redrawn(turn(stack.pixels, view), head=turn(stack.head, view))
