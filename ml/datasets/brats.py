"""BraTS folders: ``<case>/<case>_flair.nii.gz``, ``_t1``, ``_t1ce``, ``_t2`` and ``_seg``.

Every year's names are read, in any case of letters: those of 2012 to 2021 as above (``.nii`` or
``.nii.gz``) and those of 2023 and 2024 (``-t2f``, ``-t1n``, ``-t1c``, ``-t2w``, ``-seg``). Cases
may lie in further folders (``HGG/``, ``LGG/``). Folders without a mask, such as those of the
validation sets, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import DatasetError, LabelledCase
from ml.datasets.files import check_same_place, find_cases, read_volume, visible_files
from ml.stacks import CHANNELS, stack_of_channels

KINDS = {
    "FLAIR": ("flair", "t2f"),
    "T1": ("t1", "t1n"),
    "T1ce": ("t1ce", "t1c", "t1gd"),
    "T2": ("t2", "t2w"),
    # One mask of 2020 (Training_355) was published as ..._Segm.nii.
    "mask": ("seg", "segm"),
}
USUAL = ("FLAIR",)
KIND_OF_WORD = {word: kind for kind, words in KINDS.items() for word in words}
FILE_NAME = re.compile(
    rf"^(?P<stem>.+)[_-](?P<word>{'|'.join(KIND_OF_WORD)})\.nii(?:\.gz)?$", re.IGNORECASE
)
# Since 2023 the last number is one of a patient's examinations.
PATIENT_NAME = re.compile(r"^(BraTS-[A-Z]+-\d+)-\d{3}$", re.IGNORECASE)


def patient_of(case: str) -> str:
    """``BraTS-GLI-00005`` for ``BraTS-GLI-00005-001``; names of other years are kept."""
    match = PATIENT_NAME.match(case)
    return match.group(1) if match else case


def list_patients(root: Path) -> list[str]:
    """Everybody below ``root`` with a mask, from the names alone."""
    return sorted({patient_of(folder.name) for folder, _ in _find(root)})


def iterate_cases(
    root: Path,
    patients: Collection[str] | None = None,
    channels: tuple[str, ...] | None = None,
) -> Iterator[LabelledCase]:
    """Each case below ``root`` that has a mask, with the sequences in ``channels``.

    The stack has exactly ``channels`` in that order; None stands for FLAIR alone, in the usual
    order. A sequence that a case lacks is absent, as long as it has one of those wanted. The
    whole tumour is any label but 0 (Menze et al. 2015); ``labels`` keeps the readers' numbers:
    1 necrosis, 2 oedema, 4 (since 2023: 3) enhancing, and 4 the resection cavity in 2024.
    Raises DatasetError where ``root`` holds no case at all, a file is damaged, a case has none
    of the sequences, or its files do not lie on one grid.
    """
    for name in channels or ():
        if name not in KINDS or name == "mask":
            raise DatasetError(f"BraTS has the sequences FLAIR, T1, T1ce and T2, not {name}")
    for folder, files in _find(root):
        if patients is None or patient_of(folder.name) in patients:
            yield _read_case(folder, files, channels)


def _find(root: Path) -> list[tuple[Path, dict[str, Path]]]:
    cases = find_cases(root, _labelled_files)
    if not cases:
        raise DatasetError(f"{root} holds no BraTS case (<case>/<case>_seg.nii.gz)")
    return cases


def _labelled_files(folder: Path) -> dict[str, Path] | None:
    """The files of a case by kind, or None where there is no mask among them."""
    candidates: dict[str, list[tuple[bool, Path]]] = {}
    for path in visible_files(folder):
        if match := FILE_NAME.match(path.name):
            is_own = match["stem"].casefold() == folder.name.casefold()
            kind = KIND_OF_WORD[match["word"].casefold()]
            candidates.setdefault(kind, []).append((is_own, path))
    if "mask" not in candidates:
        return None
    return {kind: _choose(found) for kind, found in candidates.items()}


def _choose(found: list[tuple[bool, Path]]) -> Path:
    """The file named after its folder, packed rather than not; else the only one."""
    own = [path for is_own, path in found if is_own] or [path for _, path in found]
    bases = {re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE) for path in own}
    if len(bases) > 1:
        raise DatasetError(f"{own[0]} and {own[1].name} are both that case's; keep one")
    return max(own, key=lambda path: path.suffix.lower() == ".gz")


def _read_case(
    folder: Path, files: dict[str, Path], channels: tuple[str, ...] | None
) -> LabelledCase:
    wanted = channels or USUAL
    held = [name for name in wanted if name in files]
    if not held:
        names = " nor ".join(f"{folder.name}_{KINDS[name][0]}.nii.gz" for name in wanted)
        raise DatasetError(f"{folder} has no {names}")
    mask = read_volume(files["mask"])
    volumes = {name: read_volume(files[name]) for name in held}
    for name, volume in volumes.items():
        check_same_place(files[name], volume, files["mask"], mask)
    images = {name: volume.slices for name, volume in volumes.items()}
    labels = _as_labels(mask.slices, files["mask"])
    slice_mm, row_mm, column_mm = mask.spacing_mm
    return LabelledCase(
        case=folder.name,
        patient=patient_of(folder.name),
        stack=stack_of_channels(
            images, (row_mm, column_mm), channels or CHANNELS, slice_mm=slice_mm
        ),
        mask=labels != 0,
        labels=labels,
    )


def _as_labels(drawn: NDArray[np.generic], path: Path) -> NDArray[np.uint8]:
    values = drawn.astype(np.float64)
    whole = np.rint(values)
    if whole.min() < 0 or whole.max() > 255 or not np.allclose(whole, values, atol=1e-3):
        raise DatasetError(f"{path} is no mask: its values are not labels")
    labels: NDArray[np.uint8] = whole.astype(np.uint8)
    return labels
