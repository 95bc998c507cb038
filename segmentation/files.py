"""Where results lie on disk, and how they leave it again."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.text import slugify

from segmentation.models import Comparison, Segmentation

log = logging.getLogger(__name__)

PREVIEWS = {
    "image": ("image.jpg", "image/jpeg"),
    "mask": ("mask.png", "image/png"),
    "thumbnail": ("thumbnail.jpg", "image/jpeg"),
    # Only beside a result with a type.
    "evidence": ("evidence.png", "image/png"),
    # Only beside a mask with several labels.
    "parts": ("parts.png", "image/png"),
}
# Where the model is unsure, from 0 to 100 hundredths of a bit, on the scan's grid.
UNSURE = "unsure.nii.gz"


def media_root() -> Path:
    return Path(settings.MEDIA_ROOT)


def attempt_folder(job_id: uuid.UUID, token: uuid.UUID, *, of: str = "segmentations") -> Path:
    """The folder of one attempt at a job of that kind, made if it is not there."""
    folder = media_root() / of / str(job_id) / str(token)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def preview_path(segmentation: Segmentation, kind: str) -> Path:
    """One of ``PREVIEWS``, beside the mask that it belongs to."""
    name, _ = PREVIEWS[kind]
    return Path(segmentation.mask.path).parent / "previews" / name


def unsure_path(segmentation: Segmentation) -> Path:
    """Beside the mask that it belongs to; there for a result whose ``unsure`` is not null."""
    return Path(segmentation.mask.path).parent / UNSURE


def mask_name(segmentation: Segmentation) -> str:
    """A name for the download, of our own making: no patient's name in it."""
    suffix = "".join(Path(segmentation.mask.path).suffixes)
    day = f"{segmentation.scan.study.performed_on:%Y-%m-%d}"
    sequence = slugify(segmentation.scan.sequence)
    return f"{day}_{sequence}_mask_{str(segmentation.pk)[:8]}{suffix}"


def unsure_name(segmentation: Segmentation) -> str:
    """As :func:`mask_name`, for the map of unsure voxels."""
    stem = mask_name(segmentation).split(".")[0].replace("_mask_", "_unsure_")
    return f"{stem}.nii.gz"


def comparison_name(comparison: Comparison, name: str) -> str:
    """A name for the download of one of a comparison's files, with no patient's name in it."""
    days = [
        f"{result.scan.study.performed_on:%Y-%m-%d}"
        for result in (comparison.earlier, comparison.later)
    ]
    return f"{days[0]}_{days[1]}_{name}_{str(comparison.pk)[:8]}.nii.gz"


def remove_folder(folder: Path) -> None:
    """Removes a folder of results; a file that cannot be removed is logged, not passed over."""

    def complain(_function: object, path: str, error: object) -> None:
        log.error("could not remove %s: %s", path, error)

    if folder.exists():
        shutil.rmtree(folder, onerror=complain)


def remove_if_empty(folder: Path) -> None:
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


def remove_other_attempts(kept: Path) -> None:
    """What earlier attempts at the same job have left behind."""
    for folder in kept.parent.iterdir():
        if folder != kept:
            remove_folder(folder)


@contextmanager
def kept_only_if_saved(folder: Path) -> Iterator[None]:
    """Takes an attempt's folder away again where the rows that name it are not stored."""
    try:
        yield
    except BaseException:
        remove_folder(folder)
        remove_if_empty(folder.parent)
        raise
