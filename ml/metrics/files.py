"""The agreement of two mask files."""

from __future__ import annotations

import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from PIL import Image

from ml.intensity import BoolArray
from ml.metrics.overlap import measure_agreement


def dice_of_files(drawn: Path, reference: Path) -> float:
    """Dice of two masks stored for one scan (.nii.gz, or PNG for a picture), from 0 to 1.

    Whatever is not nought is tumour. Two empty masks agree wholly: 1. Raises ValueError where
    the masks are not on one grid, and OSError where a file cannot be read.
    """
    return measure_agreement(_read(drawn), _read(reference)).dice


def _read(path: Path) -> BoolArray:
    """A mask (X, Y, Z), or (H, W) of a picture, as the file stores its axes."""
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return np.asarray(picture) > 0
    try:
        return np.asarray(nib.load(path).dataobj) > 0  # type: ignore[attr-defined]
    except (EOFError, ImageFileError, zlib.error) as error:
        raise OSError(f"{path} is cut off or damaged") from error
