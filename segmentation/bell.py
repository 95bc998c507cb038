"""Telling a worker that there is work. If nobody hears the bell, the beat rings again."""

from __future__ import annotations

import logging
import uuid

from celery import current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

TASK = "segmentation.tasks.run_segmentation"
COMPARISON_TASK = "segmentation.tasks.run_comparison"


def ring(pk: uuid.UUID) -> None:
    """Sends the task for a segmentation, and only logs it where the broker is away."""
    _send(TASK, pk)


def ring_comparison(pk: uuid.UUID) -> None:
    """Sends the task for a comparison, and only logs it where the broker is away."""
    _send(COMPARISON_TASK, pk)


def _send(task: str, pk: uuid.UUID) -> None:
    try:
        current_app.send_task(task, args=[str(pk)], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("%s of %s could not be sent now: %s", task, pk, error)
