"""Any file that may hold a scan, judged by its content and never by its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml import nifti, pictures
from ml.errors import InvalidVolumeError
from ml.geometry import Geometry, ImageKind

SUFFIX_OF_FORMAT = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif"}


@dataclass(frozen=True)
class MedicalImage:
    """A scan in memory: ``values`` is (X, Y, Z) for a volume and (C, H, W) for a picture.

    ``affine`` (4 x 4) is what places the voxels, nibabel's own guess included; whether the file
    itself states it is in ``geometry.affine``.
    """

    geometry: Geometry
    values: NDArray[np.float32]
    affine: NDArray[np.float64]


def read_geometry(path: Path) -> Geometry:
    """The grid of the file at ``path``, with no voxel read.

    Raises InvalidVolumeError, in one plain sentence, for anything that is not a usable scan.
    """
    if _is_picture(path):
        return pictures.read_geometry(path)
    return nifti.read_geometry(path)


def _is_picture(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(132)
    if pictures.is_picture(head):
        return True
    if not head:
        raise InvalidVolumeError("The file is empty. Please upload it again from its source.")
    if head[128:132] == b"DICM":
        raise InvalidVolumeError(
            "This is a DICOM file. Please export the series as NIfTI (.nii.gz) and upload that."
        )
    if not head.startswith(nifti.GZIP_MAGIC) and not nifti.is_nifti(head):
        raise InvalidVolumeError(
            "The file is neither a NIfTI volume nor a PNG, JPEG or TIFF picture, "
            "whatever its name says. Please export the scan in one of these formats."
        )
    return False


def load_image(path: Path | str) -> MedicalImage:
    """The scan at ``path`` with its voxels.

    Raises InvalidVolumeError where the file is no usable scan, is cut off, or holds one grey
    value only.
    """
    path = Path(path)
    geometry = read_geometry(path)
    if geometry.kind is ImageKind.PICTURE:
        values, affine = pictures.read_pixels(path), np.eye(4)
    else:
        values, affine = nifti.read_voxels(path)
    if values.size == 0 or float(values.max()) == float(values.min()):
        raise InvalidVolumeError(
            "The image is blank: every voxel has the same value. Please export it again."
        )
    return MedicalImage(geometry, values, affine)


def stored_suffix(path: Path, geometry: Geometry) -> str:
    """The file suffix that fits the content, for a stored copy."""
    if geometry.kind is ImageKind.PICTURE:
        return SUFFIX_OF_FORMAT[geometry.file_format]
    with path.open("rb") as stream:
        return ".nii.gz" if stream.read(2) == nifti.GZIP_MAGIC else ".nii"


def write_mask(path: Path, mask: NDArray[np.generic], *, like: Path, geometry: Geometry) -> None:
    """Stores ``mask`` on the grid of the scan ``like``: .nii.gz for a volume, PNG for a picture."""
    if geometry.kind is ImageKind.PICTURE:
        pictures.write_mask(path, mask)
    else:
        nifti.write_mask(path, mask, like=like)


def mask_suffix(geometry: Geometry) -> str:
    return ".png" if geometry.kind is ImageKind.PICTURE else ".nii.gz"
