"""A whole scan, any orientation, every slice: from the file's voxels to a mask on its own grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.atlas import TemplateFit
from ml.errors import InvalidVolumeError, NoModelError
from ml.geometry import ImageKind
from ml.inference import Progress, segment_regions
from ml.intensity import BoolArray, FloatArray
from ml.measures import NEIGHBOURS_26, Grid, Measurement, measure
from ml.models import Model
from ml.place import Convention
from ml.stacks import (
    CHANNELS,
    AxialStack,
    slice_pixel_mm,
    slices_to_volume,
    stack_of_channels,
    stack_to_file,
    volume_to_slices,
)
from ml.stages import Stages
from ml.volumes import MedicalImage

COMPOSITE = "COMPOSITE"


@dataclass(frozen=True)
class Prediction:
    """What a model found. ``mask`` has the shape of the scan: (X, Y, Z), or (H, W) of a picture.

    ``image``, ``slices`` (the mask) and ``probability`` are (Z, H, W) in the reader's view;
    ``stack`` is what was read.
    """

    mask: NDArray[np.uint8]
    image: NDArray[np.generic]
    slices: BoolArray
    probability: FloatArray
    measurement: Measurement
    stack: AxialStack


def predict_mask(
    model: Model,
    image: MedicalImage,
    *,
    sequence: str,
    spacing_is_reliable: bool = True,
    convention: Convention = Convention.UNKNOWN,
    fit: TemplateFit | None = None,
    progress: Progress | None = None,
    stages: Stages | None = None,
) -> Prediction:
    """Segments and measures ``image``, declared to be ``sequence``.

    ``fit`` is how the scan lies on the template (:func:`ml.atlas.fit_scan`), for naming places.
    ``stages`` is told how long ``prepare``, ``infer``, ``post-process`` and ``measure`` took.
    Raises NoModelError where the model does not read the sequence, and InvalidVolumeError where
    the image is not what the sequence needs.
    """
    if sequence not in model.card.sequences:
        raise NoModelError(f"The model {model.card.name} does not read {sequence}.")
    stages = stages or Stages()
    with stages.timed("prepare"):
        stack = make_stack(image, sequence=sequence, spacing_is_reliable=spacing_is_reliable)
    probability, slices = read_stack(model, stack, progress=progress, stages=stages)
    with stages.timed("post-process"):
        mask = mask_on_grid(slices, image)
    grid = make_grid(image, spacing_is_reliable=spacing_is_reliable, convention=convention)
    grid = replace(grid, fit=fit)
    with stages.timed("measure"):
        measurement = measure(slices, image=stack.reference, grid=grid, probability=probability)
    return Prediction(mask, stack.reference, slices, probability, measurement, stack)


def read_stack(
    model: Model,
    stack: AxialStack,
    *,
    progress: Progress | None = None,
    stages: Stages | None = None,
) -> tuple[FloatArray, BoolArray]:
    """The probability of tumour and the mask (both Z, H, W) of ``stack``, as the card says."""
    probability, masks = read_regions(model, stack, regions=1, progress=progress, stages=stages)
    return probability[0], masks[0]


def read_regions(
    model: Model,
    stack: AxialStack,
    *,
    regions: int | None = None,
    progress: Progress | None = None,
    stages: Stages | None = None,
) -> tuple[FloatArray, BoolArray]:
    """The probability and the mask of each region that the model marks, both (R, Z, H, W).

    Only the first ``regions`` of them, if that is given. What lies outside a region is in none of
    those that follow.
    """
    stages = stages or Stages()
    probability = read_probability(model, stack, regions=regions, progress=progress, stages=stages)
    with stages.timed("post-process"):
        card = model.card
        masks = draw_regions(probability, threshold=card.threshold, least_voxels=card.least_voxels)
    return probability, masks


def read_probability(
    model: Model,
    stack: AxialStack,
    *,
    regions: int | None = None,
    progress: Progress | None = None,
    stages: Stages | None = None,
) -> FloatArray:
    """The probability (R, Z, H, W) of each region, or of the first ``regions``; see the card."""
    card = model.card
    return segment_regions(
        model.engine,
        stack,
        stride=card.network.stride,
        regions=regions or max(1, len(card.regions)),
        preparation=card.preparation,
        progress=progress,
        mirror=card.mirror,
        tight=card.tight,
        stages=stages,
    )


def draw_regions(probability: FloatArray, *, threshold: float, least_voxels: int) -> BoolArray:
    """The masks (R, Z, H, W) of regions that lie within one another, from their probabilities."""
    masks = [draw_mask(one, threshold=threshold, least_voxels=least_voxels) for one in probability]
    within: BoolArray = np.logical_and.accumulate(masks)
    return within


def make_stack(
    image: MedicalImage, *, sequence: str, spacing_is_reliable: bool = True
) -> AxialStack:
    """The scan as the networks see it; a picture is a stack of one slice."""
    pixel_mm, slice_mm = None, None
    if image.geometry.kind is ImageKind.PICTURE:
        return stack_of_channels(_picture_channels(image.values, sequence))
    if sequence == COMPOSITE:
        raise InvalidVolumeError(
            "A composite is a picture with three channels, but this is a volume. "
            "Please correct its sequence."
        )
    if spacing_is_reliable and image.geometry.spacing_mm is not None:
        slice_mm, row_mm, column_mm = slice_pixel_mm(image.affine)
        pixel_mm = (row_mm, column_mm)
    slices = volume_to_slices(image.values, image.affine)
    return stack_of_channels({sequence: slices}, pixel_mm, slice_mm=slice_mm)


def _picture_channels(values: NDArray[np.float32], sequence: str) -> dict[str, NDArray[np.generic]]:
    if sequence != COMPOSITE:
        return {sequence: values.max(axis=0)[None]}
    if values.shape[0] != len(CHANNELS):
        raise InvalidVolumeError(
            "A composite has three different channels, but this picture is grey. "
            "Please correct its sequence."
        )
    return {name: values[index][None] for index, name in enumerate(CHANNELS)}


def draw_mask(probability: FloatArray, *, threshold: float, least_voxels: int) -> BoolArray:
    """Where ``probability`` (Z, H, W) reaches ``threshold``, without specks.

    A speck is a 26-connected component of fewer than ``least_voxels`` voxels.
    """
    mask: BoolArray = probability >= threshold
    if least_voxels <= 1 or not mask.any():
        return mask
    # What is drawn fills a small part of the grid: only that part is looked through.
    box = bounding_box(mask)
    labels, _ = ndimage.label(mask[box], structure=NEIGHBOURS_26)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    mask[box] = (sizes >= least_voxels)[labels]
    return mask


def bounding_box(mask: BoolArray) -> tuple[slice, ...]:
    """The least box around what is true in ``mask``, which holds something true."""
    box: list[slice] = []
    for axis in range(mask.ndim):
        # Each axis is looked for within what the axes before it have left.
        part = np.moveaxis(mask[tuple(box)], axis, 0)
        along = np.flatnonzero(part.reshape(len(part), -1).any(axis=1))
        box.append(slice(int(along[0]), int(along[-1]) + 1))
    return tuple(box)


def make_grid(
    image: MedicalImage,
    *,
    spacing_is_reliable: bool = True,
    convention: Convention = Convention.UNKNOWN,
) -> Grid:
    """How the stack of ``image`` is measured: with millimetres only where they can be trusted."""
    geometry = image.geometry
    steps = None
    if geometry.kind is ImageKind.VOLUME and spacing_is_reliable and geometry.spacing_mm:
        steps = _steps_mm(image)
    return Grid(geometry, steps, _to_file(image), convention)


def _to_file(image: MedicalImage) -> NDArray[np.float64]:
    """Takes indices (Z, H, W) to the file's [i, j, k]: column, row and 0 of a picture."""
    if image.geometry.kind is ImageKind.PICTURE:
        return np.eye(4)[[2, 1, 0, 3]]
    return stack_to_file(image.affine, image.geometry.shape)


def _steps_mm(image: MedicalImage) -> NDArray[np.float64]:
    """One row for each stack axis (Z, H, W): its step in RAS+ millimetres.

    The signs of flipped axes count: in a sheared grid a diagonal is not as long as the other one.
    """
    steps: NDArray[np.float64] = (image.affine[:3, :3] @ _to_file(image)[:3, :3]).T
    return steps


def mask_on_grid(slices: BoolArray, image: MedicalImage) -> NDArray[np.uint8]:
    """The mask (Z, H, W) back on the grid of the file: (X, Y, Z), or (H, W) of a picture."""
    if image.geometry.kind is ImageKind.PICTURE:
        return np.asarray(slices[0], dtype=np.uint8)
    return np.asarray(slices_to_volume(slices, image.affine)).view(np.uint8)
