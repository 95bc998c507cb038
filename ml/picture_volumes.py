"""Pictures as volumes of one slice, for a viewer that reads NIfTI only.

Axis one is the column and axis two the row, so a voxel is [column, row, 0]. The affine makes a
viewer that follows it show the picture the way up and the way round that it is stored: rows run to
posterior, columns to the patient's left as in the radiological convention, or to the right where
the picture was declared neurological. Where nobody said which side is which, that is a way to draw
it and nothing more: the viewer has to leave the letters out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nibabel.nifti1 import Nifti1Image
from numpy.typing import NDArray

from ml.nifti import pack
from ml.pictures import read_pixels
from ml.place import Convention

ALIGNED = 2
"""The code of a transform to some other space than the scanner's, which a picture has not got."""


def picture_affine(convention: Convention) -> NDArray[np.float64]:
    """4 x 4, in pixels and not millimetres."""
    across = 1.0 if convention is Convention.NEUROLOGICAL else -1.0
    return np.diag([across, -1.0, 1.0, 1.0])


def picture_volume(path: Path, *, channel: int | None, convention: Convention) -> bytes:
    """One channel of the picture at ``path`` as .nii.gz (W, H, 1); None is the mean of them.

    Raises InvalidVolumeError where the file cannot be read, and IndexError for a channel that it
    does not have.
    """
    pixels = read_pixels(path)
    plane = pixels.mean(axis=0) if channel is None else pixels[channel]
    return pack(_image(_narrowest(plane), convention))


def picture_labels(labels: NDArray[np.generic], *, convention: Convention) -> bytes:
    """Labels (H, W) as .nii.gz of uint8 on the grid of :func:`picture_volume`."""
    return pack(_image(np.asarray(labels, dtype=np.uint8), convention))


def _narrowest(plane: NDArray[np.float32]) -> NDArray[np.generic]:
    """The same values in the smallest type that holds them."""
    if np.array_equal(plane, np.rint(plane)) and plane.min() >= 0:
        return plane.astype(np.uint8 if plane.max() <= 255 else np.uint16)
    return plane


def _image(plane: NDArray[np.generic], convention: Convention) -> Nifti1Image:
    affine = picture_affine(convention)
    image = Nifti1Image(np.ascontiguousarray(plane.T)[:, :, None], affine)
    image.set_sform(affine, code=ALIGNED)
    image.set_qform(affine, code=ALIGNED)
    image.header["descrip"] = b"Picture as one slice. No physical size."
    return image
