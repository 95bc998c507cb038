"""Any folder of images with masks: pictures (PNG, JPEG, TIFF) or NIfTI volumes.

Either ``images/`` and ``masks/`` with the same names, or all in one folder as ``NAME.png`` and
``NAME_mask.png``. A mask's name may end in ``_mask`` or ``_seg`` in both, and it may be of
another file type than its image. Every image has a mask: a black one says "no tumour", whereas
a missing one is refused.

A picture in colour is a composite of T1, FLAIR and T1ce. What cannot be seen from the files may
stand in ``dataset.toml`` beside them::

    channel = "T1ce"                          # of grey pictures and volumes; usually FLAIR
    patient_pattern = '^(TCGA_\\w\\w_\\w{4})_'   # the first group is the patient
    pixel_mm = [0.9, 0.9]                     # of pictures, along rows and columns
    slice_mm = 5.0

Without a pattern the patient is a picture's name up to its last ``_<number>``, so that the
slices of a patient stay together; pictures with nothing but a number for a name all belong to
one patient, named after the folder, since nothing tells them apart. A volume is a patient.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import DatasetError, LabelledCase, with_channels
from ml.datasets.files import (
    PICTURE_SUFFIXES,
    check_same_place,
    read_mask,
    read_picture,
    read_volume,
    visible_files,
    visible_folders,
)
from ml.datasets.folder_settings import FolderSettings, read_settings
from ml.pictures import GREY_TOLERANCE
from ml.stacks import CHANNELS, AxialStack, stack_of_channels

NUMBERED = re.compile(r"(?:(?P<series>.+)[_-])?(?P<number>\d+)")
MASK_ENDING = re.compile(r"[_-](mask|seg)$", re.IGNORECASE)
VOLUME_NAME = re.compile(r"(?P<stem>.+)\.nii(\.gz)?", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """An image and its mask; ``number`` is the slice's in its ``series``, None without one."""

    stem: str
    image: Path
    mask: Path
    patient: str
    series: str
    number: int | None

    @property
    def order(self) -> tuple[str, str, int, str]:
        return self.patient, self.series, -1 if self.number is None else self.number, self.stem


def list_patients(root: Path) -> list[str]:
    """Everybody in ``root``, from the names alone."""
    return sorted({pair.patient for pair in _find_pairs(root, read_settings(root))})


def iterate_cases(
    root: Path,
    patients: Collection[str] | None = None,
    channels: tuple[str, ...] | None = None,
) -> Iterator[LabelledCase]:
    """Each stack of pictures and each volume in ``root``, in order of patient.

    Pictures of one series with successive numbers and of equal size are one stack, in order. A
    stack has the channels that its files have, or exactly ``channels`` in that order. Raises
    DatasetError where there are no images with masks, where one of a pair is missing or damaged
    or does not fit the other, and where ``dataset.toml`` cannot be understood.
    """
    settings = read_settings(root)
    pairs = _find_pairs(root, settings)
    wanted = [pair for pair in pairs if patients is None or pair.patient in patients]
    for _, series in groupby(wanted, key=lambda pair: (pair.patient, pair.series)):
        for case in _read_series(list(series), settings):
            yield _with_channels(case, channels)


def _with_channels(case: LabelledCase, channels: tuple[str, ...] | None) -> LabelledCase:
    return replace(case, stack=with_channels(case.stack, channels, case.case))


def _stem(path: Path) -> str | None:
    """The name without its endings, or None for what is neither a picture nor a volume."""
    if match := VOLUME_NAME.fullmatch(path.name):
        return match["stem"]
    return path.stem if path.suffix.lower() in PICTURE_SUFFIXES else None


def _find_pairs(root: Path, settings: FolderSettings) -> list[Pair]:
    images, masks = _find_files(root)
    if not images or not masks:
        raise DatasetError(
            f"{root} holds no images with masks (images/ and masks/, or NAME.png and NAME_mask.png)"
        )
    for stem in sorted(images.keys() - masks.keys()):
        raise DatasetError(f"{images[stem]} has no mask")
    for stem in sorted(masks.keys() - images.keys()):
        raise DatasetError(f"{masks[stem]} is the mask of an image that is not there")
    pairs = [_make_pair(stem, images[stem], masks[stem], root, settings) for stem in images]
    return sorted(pairs, key=lambda pair: pair.order)


def _find_files(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The images and the masks of ``root``, each by the name that the two share."""
    folders = {folder.name.casefold(): folder for folder in visible_folders(root)}
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    if "images" in folders and "masks" in folders:
        for path in visible_files(folders["images"]):
            _add(images, path, _stem(path))
        for path in visible_files(folders["masks"]):
            _add(masks, path, MASK_ENDING.sub("", _stem(path) or "") or None)
        return images, masks
    for path in visible_files(root):
        stem = _stem(path) or ""
        bare = MASK_ENDING.sub("", stem)
        _add(images if bare == stem else masks, path, bare or None)
    return images, masks


def _add(found: dict[str, Path], path: Path, stem: str | None) -> None:
    if stem is None:
        return
    if stem in found:
        raise DatasetError(f"{path} and {found[stem].name} have the same name; keep one")
    found[stem] = path


def _make_pair(stem: str, image: Path, mask: Path, root: Path, settings: FolderSettings) -> Pair:
    if _is_volume(image) != _is_volume(mask):
        raise DatasetError(f"{image} and {mask.name} are a picture and a volume")
    match = None if _is_volume(image) else NUMBERED.fullmatch(stem)
    series = (match["series"] or root.resolve().name) if match else stem
    return Pair(
        stem=stem,
        image=image,
        mask=mask,
        patient=settings.patient_of(stem) or series,
        series=series,
        number=int(match["number"]) if match else None,
    )


def _is_volume(path: Path) -> bool:
    return VOLUME_NAME.fullmatch(path.name) is not None


def _read_series(pairs: list[Pair], settings: FolderSettings) -> Iterator[LabelledCase]:
    """The cases of one series: a volume, or its pictures in as few stacks as they allow."""
    if _is_volume(pairs[0].image):
        for pair in pairs:
            yield _read_pair_of_volumes(pair, settings)
        return
    pictures = [(pair, read_picture(pair.image)) for pair in pairs]
    if not any(_has_colour(picture) for _, picture in pictures):
        pictures = [(pair, _grey(picture)) for pair, picture in pictures]
    for run in _runs(pictures):
        yield _stack_pictures(run, settings)


def _has_colour(picture: NDArray[np.generic]) -> bool:
    """Whether the three channels of (H, W, 3) differ; grey pictures are often stored as three."""
    if picture.ndim == 2:
        return False
    values = picture.astype(np.float32)
    return bool((values.max(axis=-1) - values.min(axis=-1)).max() > GREY_TOLERANCE)


def _grey(picture: NDArray[np.generic]) -> NDArray[np.generic]:
    return picture if picture.ndim == 2 else picture[..., 0]


Picture = tuple[Pair, NDArray[np.generic]]


def _runs(pictures: list[Picture]) -> list[list[Picture]]:
    """The pictures in runs of successive number and equal shape."""
    runs: list[list[Picture]] = []
    for pair, picture in pictures:
        if runs and _follows(runs[-1][-1], (pair, picture)):
            runs[-1].append((pair, picture))
        else:
            runs.append([(pair, picture)])
    return runs


def _follows(last: Picture, new: Picture) -> bool:
    if last[0].number is None or new[0].number is None:
        return False
    return new[0].number == last[0].number + 1 and new[1].shape == last[1].shape


def _stack_pictures(run: list[Picture], settings: FolderSettings) -> LabelledCase:
    first, last = run[0][0], run[-1][0]
    pixels = np.stack([picture for _, picture in run])
    masks = [read_mask(pair.mask, picture.shape[:2]) for pair, picture in run]
    if pixels.ndim == 3:
        stack = stack_of_channels(
            {settings.channel: pixels},
            settings.pixel_mm,
            (settings.channel,),
            slice_mm=settings.slice_mm,
        )
    else:
        composite = np.ascontiguousarray(pixels.transpose(3, 0, 1, 2))
        stack = AxialStack(
            composite, (True,) * len(CHANNELS), settings.pixel_mm, slice_mm=settings.slice_mm
        )
    return LabelledCase(
        case=first.stem if first is last else f"{first.stem}-{last.number}",
        patient=first.patient,
        stack=stack,
        mask=np.stack(masks),
    )


def _read_pair_of_volumes(pair: Pair, settings: FolderSettings) -> LabelledCase:
    image, mask = read_volume(pair.image), read_volume(pair.mask)
    check_same_place(pair.image, image, pair.mask, mask)
    slice_mm, row_mm, column_mm = image.spacing_mm
    return LabelledCase(
        case=pair.stem,
        patient=pair.patient,
        stack=stack_of_channels(
            {settings.channel: image.slices},
            (row_mm, column_mm),
            (settings.channel,),
            slice_mm=slice_mm,
        ),
        mask=np.asarray(mask.slices) > 0,
    )
