"""One scan with its mask, written anew: nothing of the old files but grey values and geometry."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray
from PIL import Image

from ml.deface import FaceRemainsError, keep_brain
from ml.errors import InvalidVolumeError
from ml.geometry import ImageKind
from ml.prediction import COMPOSITE
from ml.stacks import slice_pixel_mm, slices_to_volume, volume_to_slices
from ml.volumes import MedicalImage, load_image

MASK_DAMAGE = (OSError, EOFError, ValueError, ImageFileError)
SMALLEST, LARGEST = np.iinfo(np.int16).min, np.iinfo(np.int16).max


class NotExportableError(ValueError):
    """A scan that must stay where it is; the message is the end of "because ..."."""


@dataclass(frozen=True)
class Source:
    """A scan's file, what it was declared to be, and the mask that a person signed."""

    image: Path
    mask: Path
    sequence: str
    spacing_is_reliable: bool = True


@dataclass(frozen=True)
class Cleaned:
    """What may be given away.

    ``values`` is (X, Y, Z) with its ``affine`` (4, 4) for a volume, and (C, H, W) of a picture,
    whose affine is None. ``mask`` is (X, Y, Z) or (H, W) of 0 and 1. ``face_removed`` is false
    where the file was skull-stripped before, and for pictures.
    """

    values: NDArray[np.float32]
    mask: NDArray[np.uint8]
    affine: NDArray[np.float64] | None
    face_removed: bool


def clean(source: Source) -> Cleaned:
    """Reads a scan and its mask and takes the face off a volume.

    Raises NotExportableError where that cannot be done safely or a file cannot be read.
    """
    try:
        image = load_image(source.image)
    except (OSError, InvalidVolumeError) as error:
        raise NotExportableError("a file could not be read") from error
    if image.geometry.kind is ImageKind.PICTURE:
        return _clean_picture(image, source)
    return _clean_volume(image, source)


def _clean_picture(image: MedicalImage, source: Source) -> Cleaned:
    if (source.sequence == COMPOSITE) != (len(image.values) == 3):
        raise NotExportableError("its channels are not those of its sequence")
    try:
        with Image.open(source.mask) as picture:
            mask = np.asarray(picture.convert("L")) > 0
    except MASK_DAMAGE as error:
        raise NotExportableError("a file could not be read") from error
    if mask.shape != image.values.shape[1:]:
        raise NotExportableError("mask and scan do not fit each other")
    return Cleaned(image.values, mask.astype(np.uint8), None, face_removed=False)


def _clean_volume(image: MedicalImage, source: Source) -> Cleaned:
    if image.geometry.affine is None or not source.spacing_is_reliable:
        raise NotExportableError("its file does not say reliably how the head lies")
    try:
        mask = np.asarray(nib.load(source.mask).dataobj) > 0  # type: ignore[attr-defined]
        mask = mask.reshape(image.values.shape)
    except MASK_DAMAGE as error:
        raise NotExportableError("mask and scan do not fit each other") from error
    slices = volume_to_slices(image.values, image.affine)
    lesion = np.asarray(volume_to_slices(mask, image.affine), dtype=np.bool_)
    try:
        kept = keep_brain(slices, slice_pixel_mm(image.affine), lesion)
    except FaceRemainsError as error:
        raise NotExportableError(str(error)) from error
    values = np.where(slices_to_volume(kept, image.affine), image.values, np.float32(0))
    return Cleaned(values, mask.astype(np.uint8), image.affine, face_removed=not kept.all())


def write_case(cleaned: Cleaned, image: Path, mask: Path) -> None:
    """Writes image and mask to ``image`` and ``mask``, whose suffixes are :func:`suffix_of`'s."""
    if cleaned.affine is None:
        _write_picture(image, cleaned.values)
        _write_picture(mask, cleaned.mask[None].astype(np.float32) * 255)
    else:
        _write_volume(image, _compact(cleaned.values), cleaned.affine)
        _write_volume(mask, cleaned.mask, cleaned.affine)


def suffix_of(cleaned: Cleaned) -> str:
    return ".png" if cleaned.affine is None else ".nii.gz"


def _compact(values: NDArray[np.float32]) -> NDArray[np.generic]:
    """As int16 where that loses nothing."""
    whole = np.rint(values)
    fits = values.min() >= SMALLEST and values.max() <= LARGEST
    return values.astype(np.int16) if fits and np.array_equal(whole, values) else values


def _write_volume(path: Path, values: NDArray[np.generic], affine: NDArray[np.float64]) -> None:
    """A header of our own with the affine and nothing else; gzip with no name and no time."""
    image = nib.Nifti1Image(values, affine)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=4, mtime=0))


def _write_picture(path: Path, values: NDArray[np.float32]) -> None:
    """(1, H, W) as a grey PNG of 8 or 16 bits, (3, H, W) in colour; values that fit stay."""
    low, high = float(values.min()), float(values.max())
    whole = np.array_equal(np.rint(values), values)
    if len(values) == 3:
        Image.fromarray(values.transpose(1, 2, 0).astype(np.uint8)).save(path, format="PNG")
    elif whole and low >= 0 and high <= 255:
        Image.fromarray(values[0].astype(np.uint8)).save(path, format="PNG")
    else:
        if not (whole and low >= 0 and high <= 65535):
            values = np.rint((values - low) / ((high - low) or 1.0) * 65535)
        Image.fromarray(values[0].astype(np.uint16)).save(path, format="PNG")
