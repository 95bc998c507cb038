"""Tumour slices by type: figshare 1512427 (Cheng et al. 2015), as packed for this project.

``index.csv`` names each picture with its type and its fold; beside ``figshare/<nnnn>.jpg`` lies
``figshare/<nnnn>_mask.png``. Each slice, of any orientation (axial, coronal or sagittal), is a
case of its own, ``glioma/<nnnn>``: a stack of one post-contrast T1 slice.

The patients' numbers were not packed with the slices, but the authors' folds are patient-wise. So
a fold, ``fold-3``, stands for its patients in splits and scores. Nothing smaller would be safe:
a patient's pictures come in several runs, one for each orientation, and here and there a run
holds a slice or two of another type, so neither runs nor types tell the patients apart.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import DatasetError, LabelledCase, with_channels
from ml.datasets.files import read_mask, read_picture
from ml.stacks import AxialStack, stack_of_channels

TUMOURS = ("meningioma", "glioma", "pituitary")
NO_TUMOUR = "no_tumour"
CHANNEL = "T1ce"
COLUMNS = ("file", "label", "fold")


def list_patients(root: Path) -> list[str]:
    """The folds that ``index.csv`` names."""
    return sorted({_fold(row) for row in _tumour_rows(root)})


def iterate_cases(
    root: Path,
    patients: Collection[str] | None = None,
    channels: tuple[str, ...] | None = None,
) -> Iterator[LabelledCase]:
    """Each slice with a tumour that ``index.csv`` names; those without come from other scanners.

    ``patients`` are folds such as ``fold-3``. The stack is (1, 1, H, W) of T1ce, or has
    exactly ``channels``. Raises DatasetError where the index, a picture or a mask is missing or
    damaged.
    """
    for row in _tumour_rows(root, patients):
        picture = read_picture(root / row["file"])
        if picture.ndim != 2:
            raise DatasetError(f"{root / row['file']} is a colour picture, not a grey slice")
        yield _labelled(root, row, picture, channels)


def iterate_judged(
    root: Path,
    patients: Collection[str] | None = None,
    channels: tuple[str, ...] | None = None,
) -> Iterator[LabelledCase]:
    """As :func:`iterate_cases`, for judging a model on whatever a folder holds.

    Slices without a mask are left out (:func:`list_unjudged`) and colours read as grey.
    """
    for row in _tumour_rows(root, patients):
        if _mask_path(root, row).exists():
            yield _labelled(root, row, _read_grey(root, row), channels)


def has_judged(root: Path, patients: Collection[str] | None = None) -> bool:
    """Whether any slice of the folds ``patients`` has a mask."""
    return any(_mask_path(root, row).exists() for row in _tumour_rows(root, patients))


def list_unjudged(root: Path, patients: Collection[str] | None = None) -> list[str]:
    """The files of slices with a tumour that have no mask, of the folds ``patients``."""
    rows = _tumour_rows(root, patients)
    return [row["file"] for row in rows if not _mask_path(root, row).exists()]


@dataclass(frozen=True)
class TypedSlice:
    """One slice (1, 1, H, W) with what it shows: a tumour's type, or ``no_tumour``.

    ``mask`` (1, H, W) is the tumour, where it was asked for.
    """

    file: str
    label: str
    fold: str
    stack: AxialStack
    mask: NDArray[np.bool_] | None = None


def iterate_types(
    root: Path, folds: Collection[str] | None = None, *, with_masks: bool = False
) -> Iterator[TypedSlice]:
    """Every slice that ``index.csv`` names, with or without a tumour, of ``folds`` (``fold-3``).

    The folds of tumour-free slices are not by patient, and they come from other scanners. Raises
    DatasetError where the index, a picture or, ``with_masks``, the mask of a tumour is missing or
    damaged.
    """
    for row in _read_index(root / "index.csv"):
        if folds is None or _fold(row) in folds:
            grey = _read_grey(root, row)
            stack = stack_of_channels({CHANNEL: grey[None]}, order=(CHANNEL,))
            mask = _read_tumour(root, row, grey.shape) if with_masks else None
            yield TypedSlice(row["file"], row["label"], _fold(row), stack, mask)


def _tumour_rows(root: Path, folds: Collection[str] | None = None) -> list[dict[str, str]]:
    rows = [row for row in _read_index(root / "index.csv") if row["label"] in TUMOURS]
    return rows if folds is None else [row for row in rows if _fold(row) in folds]


def _fold(row: dict[str, str]) -> str:
    return f"fold-{row['fold']}"


def _read_index(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is missing or cannot be read") from error
    rows = list(csv.DictReader(text.splitlines()))
    for number, row in enumerate(rows, start=2):
        if not all(row.get(name) for name in COLUMNS):
            raise DatasetError(f"{path}, line {number}, lacks one of {', '.join(COLUMNS)}")
    if not rows:
        raise DatasetError(f"{path} names no slice")
    return rows


def _mask_path(root: Path, row: dict[str, str]) -> Path:
    path = root / row["file"]
    return path.with_name(f"{path.stem}_mask.png")


def _read_tumour(root: Path, row: dict[str, str], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where the tumour is (1, H, W); nowhere in a picture without one."""
    if row["label"] == NO_TUMOUR:
        return np.zeros((1, *shape), dtype=np.bool_)
    return read_mask(_mask_path(root, row), shape)[None]


def _read_grey(root: Path, row: dict[str, str]) -> NDArray[np.generic]:
    """The picture (H, W); of a colour picture the brightest of its colours."""
    picture = read_picture(root / row["file"])
    return picture if picture.ndim == 2 else np.asarray(picture.max(axis=-1))


def _labelled(
    root: Path,
    row: dict[str, str],
    picture: NDArray[np.generic],
    channels: tuple[str, ...] | None,
) -> LabelledCase:
    path = root / row["file"]
    mask = read_mask(_mask_path(root, row), picture.shape)
    stack = stack_of_channels({CHANNEL: picture[None]}, order=(CHANNEL,))
    return LabelledCase(
        case=f"{row['label']}/{path.stem}",
        patient=_fold(row),
        stack=with_channels(stack, channels, str(path)),
        mask=mask[None],
    )
