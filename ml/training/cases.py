"""Training cases as they are kept in memory: on the network's grid, not yet scaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.brain import brain_sections
from ml.datasets.cases import LabelledCase
from ml.datasets.regions import region_masks
from ml.intensity import FloatArray, IntensityScale
from ml.preparation import (
    Preparation,
    Scales,
    make_frame,
    measure_scales,
    resize_plane,
    standardise,
)
from ml.stacks import select_channels
from ml.views import seen_from, turn

ScaleMeasure = Callable[[NDArray[np.generic]], IntensityScale]


@dataclass(frozen=True)
class TrainingCase:
    """A case in its frame: ``pixels`` (C, Z, H, W) as read and ``masks`` (R, Z, H, W).

    There is one mask for each region that the network learns; the first holds all the others.
    Where one region is ``taught`` and nobody drew the others, its mask stands alone.
    """

    pixels: NDArray[np.generic]
    masks: NDArray[np.bool_]
    present: tuple[bool, ...]
    scales: Scales
    taught: str = ""

    def brightness(self, start: int, stop: int) -> FloatArray:
        """Slices ``start`` to ``stop`` (C, n, H, W), each channel on 0 to 1 of its case's range.

        Augmentation works on these: air is 0 and the brightest tissue 1. Beyond the ends the
        outermost slice is repeated.
        """
        chosen = np.clip(np.arange(start, stop), 0, self.pixels.shape[1] - 1)
        pixels = self.pixels[:, chosen].astype(np.float32)
        for channel, scale in enumerate(self.scales):
            if scale is not None and scale.high > 0:
                pixels[channel] = np.clip(pixels[channel], 0, scale.high) / scale.high
        return pixels


def strip_skull(case: LabelledCase) -> LabelledCase:
    """The case as if it came skull-stripped: everything outside a rough brain outline is air."""
    brain = brain_sections(case.stack.reference) | case.mask
    return replace(case, stack=replace(case.stack, pixels=case.stack.pixels * brain))


def turn_case(case: LabelledCase, view: str) -> LabelledCase:
    """The case as it is seen in slices of ``view``."""
    labels = None if case.labels is None else turn(case.labels, view)
    return replace(
        case, stack=seen_from(case.stack, view), mask=turn(case.mask, view), labels=labels
    )


def prepare_case(
    case: LabelledCase,
    preparation: Preparation,
    regions: tuple[str, ...] = (),
    *,
    taught: str = "",
) -> TrainingCase:
    """``case`` with the channels, the frame and the grid that ``preparation`` asks for.

    All that was drawn in it is the region ``taught``, if there is one, instead of ``regions``.
    """
    stack = select_channels(case.stack, preparation.channels)
    frame = make_frame(stack, preparation)
    pixels = stack.pixels[:, :, frame.rows, frame.columns]
    masks = region_masks(case, () if taught else regions)[..., frame.rows, frame.columns]
    if frame.worked != frame.grid:
        pixels = np.stack([resize_plane(channel, frame.worked) for channel in pixels])
        masks = resize_plane(masks, frame.worked) > 0.5
    return TrainingCase(
        pixels=np.ascontiguousarray(pixels),
        masks=np.ascontiguousarray(masks),
        present=stack.present,
        scales=measure_scales(stack, preparation.scale),
        taught=taught,
    )


def scale_sample(
    image: FloatArray,
    case: TrainingCase,
    *,
    seen: tuple[bool, ...],
    own_scale: ScaleMeasure | None = None,
) -> FloatArray:
    """What the network is fed: ``image`` (C, ...) of 0 to 1 on the scales of its case.

    Channels that are not ``seen`` are zero. With ``own_scale`` the sample's own grey values set
    the scale, as when a single picture is uploaded.
    """
    scales: list[IntensityScale | None] = []
    for channel, scale in enumerate(case.scales):
        if scale is None or not seen[channel]:
            scales.append(None)
        elif own_scale is not None:
            scales.append(own_scale(image[channel]))
        elif scale.high <= 0:
            scales.append(None)
        else:
            scales.append(scale.relative_to_high())
    return standardise(image, tuple(scales))
