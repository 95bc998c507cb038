"""All sequences of one visit on one grid, without the skull: what a multi-sequence model reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.atlas import TemplateFit
from ml.atlas.placing import brain_on_grid
from ml.deface import FaceRemainsError, is_stripped, keep_brain
from ml.difference import resample, same_grid
from ml.errors import InvalidVolumeError, RegistrationError
from ml.geometry import ImageKind
from ml.intensity import BoolArray, FloatArray, head_mask
from ml.registration import register_heads
from ml.stacks import AxialStack, slice_pixel_mm, stack_of_channels, stack_to_file, volume_to_slices
from ml.volumes import MedicalImage

SEQUENCES = ("FLAIR", "T1", "T1ce", "T2")
# The template's brain is an average: a patient's surface lies a little within or beyond it.
BRAIN_MARGIN_MM = 4.0

# A brain is half of a head and more; what is found is far less where bone was seen in the brain.
LEAST_SHARE_OF_HEAD = 0.4

NO_BRAIN = (
    "The brain could not be told from the skull, so several sequences are not read together here."
)
AS_STORED = "as its file places it"
REGISTERED = "after a rigid registration"


class SkullRemainsError(ValueError):
    """The brain could not be told from the rest of the head; the message is a plain sentence."""


@dataclass(frozen=True)
class Study:
    """``stack`` holds ``sequences`` on the grid of the scan that was named, brain only.

    ``placed`` says of each sequence how it came to lie there, and ``left_out`` of each one that is
    not among them why. ``brain`` says how the skull was taken off.
    """

    stack: AxialStack
    placed: dict[str, str]
    left_out: dict[str, str]
    brain: str

    @property
    def sequences(self) -> tuple[str, ...]:
        return tuple(name for name in SEQUENCES if self.stack.has(name))


def gather_study(
    images: Mapping[str, MedicalImage],
    *,
    onto: str,
    fit: TemplateFit | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Study:
    """The volumes of one visit by sequence, on the grid of ``images[onto]``.

    A volume on another grid is registered to it rigidly; one that cannot be is left out. The brain
    is what the named scan's file holds where that is stripped already, else the template's where
    ``fit`` (of the named scan) is trusted, else what is found within the skull. ``on_step`` is
    called between its steps. Raises InvalidVolumeError where the named scan is no volume with
    reliable voxels, and SkullRemainsError where no brain is found.
    """
    target = images[onto]
    if target.geometry.kind is not ImageKind.VOLUME or target.geometry.affine is None:
        raise InvalidVolumeError(
            "Several sequences are read together only on a volume whose file places its voxels. "
            "Please choose another scan of this visit."
        )
    values: dict[str, FloatArray] = {onto: target.values}
    placed, left_out = {onto: AS_STORED}, {}
    for name, image in images.items():
        if name == onto:
            continue
        on_step()
        try:
            values[name], placed[name] = _lay_on(target, image, on_step)
        except (InvalidVolumeError, RegistrationError) as error:
            left_out[name] = str(error)
    slices = {name: volume_to_slices(volume, target.affine) for name, volume in values.items()}
    on_step()
    brain, how = _find_brain(slices[onto], target, fit)
    kept = {name: np.where(brain, planes, 0) for name, planes in slices.items()}
    slice_mm, row_mm, column_mm = slice_pixel_mm(target.affine)
    stack = stack_of_channels(kept, (row_mm, column_mm), order=SEQUENCES, slice_mm=slice_mm)
    return Study(stack, placed, left_out, how)


def _lay_on(
    target: MedicalImage, image: MedicalImage, on_step: Callable[[], None]
) -> tuple[FloatArray, str]:
    """``image`` on the grid of ``target``, and how it came there."""
    if image.geometry.kind is not ImageKind.VOLUME or image.geometry.affine is None:
        raise InvalidVolumeError("It is no volume whose file places its voxels.")
    if same_grid(target.values.shape, target.affine, image.values.shape, image.affine):
        return image.values, AS_STORED
    found = register_heads(
        target.values, target.affine, image.values, image.affine, on_step=on_step
    )
    moved = resample(
        image.values,
        image.affine,
        shape=target.values.shape,
        onto=target.affine,
        matrix=found.matrix,
    )
    return moved, REGISTERED


def _find_brain(
    slices: NDArray[np.generic], target: MedicalImage, fit: TemplateFit | None
) -> tuple[BoolArray, str]:
    """Where the brain is in the named scan (Z, H, W), and how it was found."""
    sizes_mm = slice_pixel_mm(target.affine)
    if is_stripped(slices):
        held = [ndimage.binary_fill_holes(plane) for plane in slices != 0]
        return _with_margin(np.array(held), sizes_mm), "the file holds the brain alone"
    if fit is not None and fit.trusted:
        to_ras = target.affine @ stack_to_file(target.affine, target.values.shape)
        brain = brain_on_grid(to_ras, slices.shape, fit)
        return _with_margin(brain, sizes_mm), "the brain of the template that the scan was laid on"
    try:
        brain = keep_brain(slices, sizes_mm)
    except FaceRemainsError as error:
        raise SkullRemainsError(NO_BRAIN) from error
    if brain.sum() < LEAST_SHARE_OF_HEAD * head_mask(slices).sum():
        raise SkullRemainsError(NO_BRAIN)
    return brain, "what lies within the skull"


def _with_margin(brain: BoolArray, sizes_mm: tuple[float, float, float]) -> BoolArray:
    """``brain`` (Z, H, W) grown by about ``BRAIN_MARGIN_MM``.

    Step by step within the slices and then across them, which takes a tenth of the time of exact
    distances.
    """
    steps = round(BRAIN_MARGIN_MM / min(sizes_mm[1:]))
    within = [
        ndimage.binary_dilation(plane, iterations=steps) if steps else plane for plane in brain
    ]
    across = int(BRAIN_MARGIN_MM / sizes_mm[0])
    grown = ndimage.maximum_filter1d(np.array(within, dtype=np.uint8), 2 * across + 1, axis=0)
    return np.asarray(grown, dtype=np.bool_)
