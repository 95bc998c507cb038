"""Telling a worker that there is work. If nobody hears the bell, the beat rings again."""

from __future__ import annotations

import logging
import uuid

from celery import current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

TASK = "segmentation.tasks.run_segmentation"


def ring(pk: uuid.UUID) -> None:
    """Sends the task for a segmentation, and only logs it where the broker is away."""
    try:
        current_app.send_task(TASK, args=[str(pk)], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("segmentation %s could not be sent now: %s", pk, error)
