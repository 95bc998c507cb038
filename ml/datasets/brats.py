"""BraTS folders: ``<case>/<case>_flair.nii.gz``, ``_t1``, ``_t1ce``, ``_t2`` and ``_seg``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import DatasetError, LabelledCase
from ml.stacks import slice_pixel_mm, stack_of_channels, volume_to_slices

SUFFIX_OF_CHANNEL = {"FLAIR": "flair", "T1": "t1", "T1ce": "t1ce"}


def iterate_cases(
    root: Path, patients: set[str] | None = None, channels: tuple[str, ...] = ("FLAIR",)
) -> Iterator[LabelledCase]:
    """Each case below ``root`` with the named channels and the whole tumour as its mask.

    A BraTS case is one patient. The whole tumour is any label but 0 (Menze et al. 2015).
    Raises DatasetError where ``root`` holds no case at all.
    """
    folders = [folder for folder in sorted(root.iterdir()) if _file(folder, "seg")]
    if not folders:
        raise DatasetError(f"{root} holds no BraTS case (<case>/<case>_seg.nii.gz)")
    for folder in folders:
        if patients is None or folder.name in patients:
            yield _read_case(folder, channels)


def _file(folder: Path, kind: str) -> Path | None:
    for suffix in (".nii.gz", ".nii"):
        path = folder / f"{folder.name}_{kind}{suffix}"
        if path.exists():
            return path
    return None


def _read_case(folder: Path, channels: tuple[str, ...]) -> LabelledCase:
    segmentation, affine = _read_slices(folder, "seg")
    images = {name: _read_slices(folder, SUFFIX_OF_CHANNEL[name])[0] for name in channels}
    _, row_mm, column_mm = slice_pixel_mm(affine)
    return LabelledCase(
        case=folder.name,
        patient=folder.name,
        stack=stack_of_channels(images, (row_mm, column_mm)),
        mask=np.asarray(segmentation != 0),
    )


def _read_slices(folder: Path, kind: str) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    path = _file(folder, kind)
    if path is None:
        raise DatasetError(f"{folder} has no {folder.name}_{kind}.nii.gz")
    image = nib.nifti1.load(path)
    return volume_to_slices(np.asanyarray(image.dataobj), image.affine), image.affine
