"""Synthetic files fit for trying an upload: one invented patient at two visits.

``python -m ml.samples FOLDER`` writes them. The composite has the channels of the published LGG
slices (T1, FLAIR, T1ce) as red, green and blue.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.phantom import (
    Contrast,
    Phantom,
    PhantomLesion,
    axial_picture,
    grow_phantom,
    write_phantom,
)
from ml.stacks import CHANNELS, volume_to_slices

SEED = 20240611
PICTURE_SIDE = 256
LESION = PhantomLesion(centre_mm=(-34.0, 12.0, 30.0), radii_mm=(15.0, 19.0, 14.0))
GROWN_LESION = PhantomLesion(centre_mm=(-34.0, 11.0, 30.0), radii_mm=(18.0, 23.0, 17.0))

T1 = Contrast("T1", (0.0, 0.2, 0.36, 0.56, 0.7, 0.8, 0.88, 0.94), scalp=1.7, lesion=0.66)
T1CE = Contrast(
    "T1ce", (0.0, 0.22, 0.4, 0.62, 0.74, 0.82, 0.9, 0.96), scalp=1.7, lesion=0.68, rim=0.5
)


def write_samples(folder: Path) -> list[Path]:
    """Writes the four samples into ``folder``, made where it is missing; the same each time."""
    folder.mkdir(parents=True, exist_ok=True)
    first = grow_phantom(lesions=[LESION], seed=SEED)
    followup = grow_phantom(lesions=[GROWN_LESION], seed=SEED, visit=1)
    names = ("flair.nii.gz", "flair_slice.png", "composite.tif", "flair_followup.nii.gz")
    paths = [folder / f"sample_{name}" for name in names]
    write_phantom(first, paths[0])
    Image.fromarray(padded(axial_picture(first, largest_slice(first)))).save(paths[1], "PNG")
    Image.fromarray(composite_picture(first)).save(paths[2], "TIFF")
    write_phantom(followup, paths[3])
    return paths


def largest_slice(phantom: Phantom) -> int:
    """The slice, counted from the feet, on which the lesions are largest."""
    areas = volume_to_slices(phantom.truth, phantom.affine).sum(axis=(1, 2))
    return int(areas.argmax())


def composite_picture(flair: Phantom) -> NDArray[np.uint8]:
    """The largest slice of the first visit (H, W, 3), one channel for each of ``CHANNELS``."""
    phantoms = {"FLAIR": flair}
    for contrast in (T1, T1CE):
        phantoms[contrast.name] = grow_phantom(lesions=[LESION], seed=SEED, contrast=contrast)
    z = largest_slice(flair)
    return np.stack([padded(axial_picture(phantoms[name], z)) for name in CHANNELS], axis=-1)


def padded(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``picture`` (H, W) in the middle of a black square of ``PICTURE_SIDE``.

    Raises ValueError where it is larger than that.
    """
    height, width = picture.shape
    if max(height, width) > PICTURE_SIDE:
        raise ValueError(f"{height} x {width} pixels do not fit in {PICTURE_SIDE}")
    top, left = (PICTURE_SIDE - height) // 2, (PICTURE_SIDE - width) // 2
    square = np.zeros((PICTURE_SIDE, PICTURE_SIDE), dtype=np.uint8)
    square[top : top + height, left : left + width] = picture
    return square


if __name__ == "__main__":
    for written in write_samples(Path(sys.argv[1])):
        print(written)
