"""The LGG segmentation set (Buda et al. 2019), as published and as packed for this project.

Published: ``<case>/<case>_<n>.tif`` with three channels (pre-contrast T1, FLAIR, post-contrast
T1) and ``<case>_<n>_mask.tif``. Packed: ``<case>/<nnn>.jpg``, the three channels one below the
other in one grey picture, and ``<nnn>_mask.png`` only where there is tumour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.datasets.cases import DatasetError, LabelledCase
from ml.stacks import AxialStack

IMAGE_SUFFIXES = {".tif", ".tiff", ".jpg", ".jpeg", ".png"}
MASK_NAME = re.compile(r"_mask$", re.IGNORECASE)
CASE_NAME = re.compile(r"^(TCGA_\w{2}_\w{4})_\d{8}$")


def patient_of(case: str) -> str:
    """``TCGA_CS_4941`` for the case ``TCGA_CS_4941_19960909``; other names are kept."""
    match = CASE_NAME.match(case)
    return match.group(1) if match else case


def iterate_cases(root: Path, patients: set[str] | None = None) -> Iterator[LabelledCase]:
    """Each case below ``root``, in order of name; ``patients`` leaves the others out.

    Raises DatasetError where ``root`` holds no case at all.
    """
    cases = _find_cases(root)
    if not cases:
        # The published archive wraps its cases in one more folder.
        cases = [case for folder in _folders(root) for case in _find_cases(folder)]
    if not cases:
        raise DatasetError(f"{root} holds no folder of slices in either LGG layout")
    for folder, files in cases:
        if patients is None or patient_of(folder.name) in patients:
            yield _read_case(folder, files)


def _folders(root: Path) -> list[Path]:
    return sorted(folder for folder in root.iterdir() if folder.is_dir())


def _find_cases(root: Path) -> list[tuple[Path, list[Path]]]:
    found = [(folder, _slice_files(folder)) for folder in _folders(root)]
    return [(folder, files) for folder, files in found if files]


def _slice_files(folder: Path) -> list[Path]:
    images = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not MASK_NAME.search(path.stem)
    ]
    return sorted(images, key=_slice_number)


def _slice_number(path: Path) -> tuple[int, str]:
    digits = re.findall(r"\d+", path.stem)
    return (int(digits[-1]) if digits else 0, path.stem)


def _read_case(folder: Path, files: list[Path]) -> LabelledCase:
    pixels = np.stack([_read_channels(path) for path in files], axis=1)
    masks = np.stack([_read_mask(path, pixels.shape[2:]) for path in files])
    return LabelledCase(
        case=folder.name,
        patient=patient_of(folder.name),
        stack=AxialStack(pixels, present=(True, True, True)),
        mask=masks,
    )


def _read_channels(path: Path) -> NDArray[np.uint8]:
    """One slice as (C, H, W)."""
    picture = np.asarray(Image.open(path))
    if picture.ndim == 3 and picture.shape[2] >= 3:
        return np.ascontiguousarray(picture[..., :3].transpose(2, 0, 1))
    if picture.ndim == 2 and picture.shape[0] == 3 * picture.shape[1]:
        return picture.reshape(3, picture.shape[1], picture.shape[1])
    raise DatasetError(f"{path} is neither a 3-channel slice nor three stacked squares")


def _read_mask(image: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    for suffix in (".png", ".tif", ".tiff"):
        path = image.with_name(f"{image.stem}_mask{suffix}")
        if path.exists():
            mask = np.asarray(Image.open(path))
            flat = mask if mask.ndim == 2 else mask.max(axis=-1)
            result: NDArray[np.bool_] = flat > 0
            return result
    # The packed layout leaves the masks of tumour-free slices out.
    return np.zeros(shape, dtype=np.bool_)
