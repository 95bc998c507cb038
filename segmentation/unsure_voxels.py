"""Where the model is unsure, beside its result: a map on the scan's grid, and how much that is.

It is an extra. What goes wrong here is logged and costs the map, never the result.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from ml.inference import Progress
from ml.place import Convention
from ml.uncertainty.voxels import read_unsure
from ml.volumes import MedicalImage
from segmentation.errors import ClaimLostError
from segmentation.files import UNSURE
from segmentation.found import Addition, Found
from segmentation.lesion_maps import write_map
from segmentation.models import Segmentation, Step
from segmentation.services import queue
from segmentation.services.queue import Claim

log = logging.getLogger(__name__)

FROM_BITS = 0.5
"""From here on a voxel is counted as unsure: the readings' mean is between 11 and 89 %."""
# Of the time that a task is given: what is over after that is left for measuring and saving.
TIME_SHARE = 0.5
# How often at most the row is told that the worker lives, in seconds.
REPORT_EVERY = 2.0


class TooLateError(Exception):
    """The time that is left belongs to saving the result."""


def with_unsure(
    *, claim: Claim, segmentation: Segmentation, image: MedicalImage, found: Found
) -> Found:
    """``found`` with the map of its first region and its figures, where these can be had.

    A second attempt does without: its first one may have been killed for the memory that this
    takes, and would be again. Raises ClaimLostError where another worker took over.
    """
    if found.read is None or segmentation.attempts > 1:
        return found
    progress = _progress(claim, segmentation)
    try:
        read = read_unsure(found.model, found.read.stack, found.read.probability, progress=progress)
        hundredths = np.rint(100 * read.unsure[0]).astype(np.uint8)
        voxels = int(np.count_nonzero(read.unsure[0] >= FROM_BITS))
    except ClaimLostError:
        raise
    except TooLateError:
        log.warning("%s has no time left to say where the model is unsure", claim)
        return found
    except (MemoryError, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError):
        log.exception("%s does without the voxels where the model is unsure", claim)
        return found
    drawn = found.finding.measurement.voxels
    facts = {
        "readings": read.count,
        "from_bits": FROM_BITS,
        "voxels": voxels,
        "share": round(voxels / drawn, 4) if drawn else None,
    }
    unsure = Addition("unsure", facts, _writer(segmentation, image, hundredths))
    return replace(found, additions=(*found.additions, unsure))


def _writer(
    segmentation: Segmentation, image: MedicalImage, hundredths: NDArray[np.uint8]
) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_map(
            folder / UNSURE,
            hundredths,
            source=Path(segmentation.scan.file.path),
            geometry=image.geometry,
            affine=image.affine,
            convention=Convention(segmentation.scan.convention),
        )

    return write


def _progress(claim: Claim, segmentation: Segmentation) -> Progress:
    """Says that the worker lives, and stops the step where the claim or the time is lost."""
    started: datetime = segmentation.started_at or timezone.now()
    until = started + timedelta(seconds=TIME_SHARE * settings.CELERY_TASK_SOFT_TIME_LIMIT)
    last = -REPORT_EVERY

    def report(_done: int, _total: int) -> None:
        nonlocal last
        if timezone.now() > until:
            raise TooLateError
        if time.monotonic() - last >= REPORT_EVERY:
            last = time.monotonic()
            queue.report_progress(claim=claim, step=Step.MEASURING)

    return report
