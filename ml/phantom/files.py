"""Synthetic heads as files: a volume, or one slice as a picture."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from ml.phantom.kinds import Phantom
from ml.stacks import volume_to_slices


def write_phantom(phantom: Phantom, path: Path) -> None:
    """Stores the volume as .nii.gz with both transforms coded; equal phantoms give equal bytes."""
    image = nib.nifti1.Nifti1Image(phantom.volume, phantom.affine)
    image.set_sform(phantom.affine, code=1)
    image.set_qform(phantom.affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"Synthetic phantom, no patient"
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))


def axial_picture(phantom: Phantom, z: int) -> NDArray[np.uint8]:
    """Slice ``z``, counted from the feet, as 8-bit grey (H, W) in the reader's view."""
    slices = volume_to_slices(phantom.volume, phantom.affine).astype(np.float32)
    white = float(np.percentile(slices[slices > 0], 99.5))
    picture: NDArray[np.uint8] = np.clip(slices[z] / white * 255, 0, 255).astype(np.uint8)
    return picture
