"""The LGG segmentation set (Buda et al. 2019), as published and as packed for this project.

Published: ``<case>/<case>_<n>.tif`` with three channels (pre-contrast T1, FLAIR, post-contrast
T1) and ``<case>_<n>_mask.tif`` for every slice. Packed: ``<case>/<nnn>.jpg``, the three channels
one below the other in one grey picture, and ``<nnn>_mask.png`` only where there is tumour.

Pictures may be TIFF, PNG or JPEG, names in any case of letters, numbers with or without leading
zeros, and the cases in further folders (``lgg-mri-segmentation/kaggle_3m/``). Files that are no
numbered pictures (``data.csv``, ``README.md``) are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import DatasetError, LabelledCase, times, with_channels
from ml.datasets.files import (
    PICTURE_SUFFIXES,
    find_cases,
    read_mask,
    read_picture,
    visible_files,
)
from ml.stacks import AxialStack

SLICE_NAME = re.compile(r".*?(?P<number>\d+)(?P<mask>[_-]mask)?", re.IGNORECASE)
CASE_NAME = re.compile(r"(TCGA)[_-](\w{2})[_-](\w{4})[_-]\d{8}", re.IGNORECASE)


@dataclass
class CaseFiles:
    """The pictures of one case and their masks, by the number of the slice."""

    images: dict[int, Path] = field(default_factory=dict)
    masks: dict[int, Path] = field(default_factory=dict)


def patient_of(case: str) -> str:
    """``TCGA_CS_4941`` for the case ``TCGA_CS_4941_19960909``; other names are kept."""
    match = CASE_NAME.fullmatch(case)
    return "_".join(match.groups()).upper() if match else case


def list_patients(root: Path) -> list[str]:
    """Everybody below ``root``, from the names alone."""
    return sorted({patient_of(folder.name) for folder, _ in _find(root)})


def iterate_cases(
    root: Path,
    patients: Collection[str] | None = None,
    channels: tuple[str, ...] | None = None,
) -> Iterator[LabelledCase]:
    """Each case below ``root``, in order of name; ``patients`` leaves the others out.

    A stack has T1, FLAIR and T1ce, or exactly ``channels`` in that order. Raises DatasetError
    where ``root`` holds no case at all, a picture is damaged or of another size than its
    neighbours, or a published slice has no mask.
    """
    for folder, files in _find(root):
        if patients is None or patient_of(folder.name) in patients:
            yield _read_case(folder, files, channels)


def _find(root: Path) -> list[tuple[Path, CaseFiles]]:
    cases = find_cases(root, _case_files)
    if not cases:
        raise DatasetError(f"{root} holds no folder of slices in either LGG layout")
    return cases


def _case_files(folder: Path) -> CaseFiles | None:
    files = CaseFiles()
    for path in visible_files(folder):
        match = SLICE_NAME.fullmatch(path.stem)
        if match and path.suffix.lower() in PICTURE_SUFFIXES:
            kind = files.masks if match["mask"] else files.images
            number = int(match["number"])
            if number in kind:
                raise DatasetError(f"{path} and {kind[number].name} are both slice {number}")
            kind[number] = path
    return files if files.images else None


def _read_case(folder: Path, files: CaseFiles, channels: tuple[str, ...] | None) -> LabelledCase:
    numbers = sorted(files.images)
    slices = [_read_channels(files.images[number]) for number in numbers]
    shape = slices[0][0].shape
    for number, (pixels, _) in zip(numbers, slices, strict=True):
        if pixels.shape != shape:
            raise DatasetError(
                f"{files.images[number]} has slices of {times(pixels.shape[1:])}, "
                f"those before it of {times(shape[1:])}"
            )
    is_packed = all(packed for _, packed in slices)
    _check_masks(folder, files, may_lack=is_packed)
    stack = AxialStack(np.stack([pixels for pixels, _ in slices], axis=1), (True, True, True))
    blank = np.zeros(shape[1:], dtype=np.bool_)
    masks = [
        read_mask(files.masks[number], shape[1:]) if number in files.masks else blank
        for number in numbers
    ]
    return LabelledCase(
        case=folder.name,
        patient=patient_of(folder.name),
        stack=with_channels(stack, channels, str(folder)),
        mask=np.stack(masks),
    )


def _check_masks(folder: Path, files: CaseFiles, *, may_lack: bool) -> None:
    """DatasetError for a mask without its slice and, but in the packed layout, the reverse.

    The published set has a mask for every slice, black where there is no tumour. One that is not
    there, even in a case that has none at all, is a download cut short: taken for "no tumour",
    it would teach and measure the wrong thing.
    """
    for number in sorted(files.masks.keys() - files.images.keys()):
        raise DatasetError(f"{files.masks[number]} is the mask of a slice that is not there")
    if may_lack:
        return
    if not files.masks:
        raise DatasetError(f"{folder} has no masks beside its slices")
    for number in sorted(files.images.keys() - files.masks.keys()):
        raise DatasetError(f"{files.images[number]} has no mask beside it")


def _read_channels(path: Path) -> tuple[NDArray[np.generic], bool]:
    """One slice as (C, H, W), and whether it came packed."""
    picture = read_picture(path)
    height, width = picture.shape[:2]
    if height == 3 * width:
        # A program that knows no grey JPEG may have stored three equal colours.
        grey = picture if picture.ndim == 2 else picture[..., 0]
        return grey.reshape(3, width, width), True
    if picture.ndim == 3:
        return np.ascontiguousarray(picture.transpose(2, 0, 1)), False
    raise DatasetError(f"{path} is neither a 3-channel slice nor three stacked squares")
