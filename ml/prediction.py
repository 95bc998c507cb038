"""A whole scan, any orientation, every slice: from the file's voxels to a mask on its own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.errors import InvalidVolumeError, NoModelError
from ml.geometry import ImageKind
from ml.inference import Progress, segment_stack
from ml.intensity import BoolArray, FloatArray
from ml.measures import NEIGHBOURS_26, Grid, Measurement, measure
from ml.models import Model
from ml.place import Convention
from ml.stacks import (
    CHANNELS,
    AxialStack,
    slice_pixel_mm,
    slices_to_volume,
    stack_axes,
    stack_of_channels,
    volume_to_slices,
)
from ml.volumes import MedicalImage

COMPOSITE = "COMPOSITE"


@dataclass(frozen=True)
class Prediction:
    """What a model found. ``mask`` has the shape of the scan: (X, Y, Z), or (H, W) of a picture.

    ``image``, ``slices`` (the mask) and ``probability`` are (Z, H, W) in the reader's view.
    """

    mask: NDArray[np.uint8]
    image: NDArray[np.generic]
    slices: BoolArray
    probability: FloatArray
    measurement: Measurement


def predict_mask(
    model: Model,
    image: MedicalImage,
    *,
    sequence: str,
    spacing_is_reliable: bool = True,
    convention: Convention = Convention.UNKNOWN,
    progress: Progress | None = None,
) -> Prediction:
    """Segments and measures ``image``, declared to be ``sequence``.

    Raises NoModelError where the model does not read the sequence, and InvalidVolumeError where
    the image is not what the sequence needs.
    """
    if sequence not in model.card.sequences:
        raise NoModelError(f"The model {model.card.name} does not read {sequence}.")
    stack = make_stack(image, sequence=sequence, spacing_is_reliable=spacing_is_reliable)
    probability = segment_stack(
        model.network, stack, stride=model.card.network.stride, progress=progress
    )
    slices = draw_mask(
        probability, threshold=model.card.threshold, least_voxels=model.card.least_voxels
    )
    grid = make_grid(image, spacing_is_reliable=spacing_is_reliable, convention=convention)
    return Prediction(
        mask=mask_on_grid(slices, image),
        image=stack.reference,
        slices=slices,
        probability=probability,
        measurement=measure(slices, image=stack.reference, grid=grid, probability=probability),
    )


def make_stack(
    image: MedicalImage, *, sequence: str, spacing_is_reliable: bool = True
) -> AxialStack:
    """The scan as the networks see it; a picture is a stack of one slice."""
    pixel_mm = None
    if image.geometry.kind is ImageKind.PICTURE:
        return stack_of_channels(_picture_channels(image.values, sequence))
    if sequence == COMPOSITE:
        raise InvalidVolumeError(
            "A composite is a picture with three channels, but this is a volume. "
            "Please correct its sequence."
        )
    if spacing_is_reliable and image.geometry.spacing_mm is not None:
        _, row_mm, column_mm = slice_pixel_mm(image.affine)
        pixel_mm = (row_mm, column_mm)
    return stack_of_channels({sequence: volume_to_slices(image.values, image.affine)}, pixel_mm)


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
    labels, _ = ndimage.label(mask, structure=NEIGHBOURS_26)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept: BoolArray = (sizes >= least_voxels)[labels]
    return kept


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
    return Grid(geometry, steps, convention)


def _steps_mm(image: MedicalImage) -> NDArray[np.float64]:
    """One row for each stack axis (Z, H, W): its step in RAS+ millimetres."""
    steps = np.zeros((3, 3))
    for source, target in enumerate(stack_axes(image.affine)):
        steps[target] = image.affine[:3, source]
    return steps


def mask_on_grid(slices: BoolArray, image: MedicalImage) -> NDArray[np.uint8]:
    """The mask (Z, H, W) back on the grid of the file: (X, Y, Z), or (H, W) of a picture."""
    if image.geometry.kind is ImageKind.PICTURE:
        return np.asarray(slices[0], dtype=np.uint8)
    return np.asarray(slices_to_volume(slices, image.affine), dtype=np.uint8)
