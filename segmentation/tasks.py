"""What Celery runs: thin, safe to run twice, with the database as the truth."""

from __future__ import annotations

import uuid

from celery import shared_task

from segmentation import comparing, pipeline
from segmentation.models import Comparison
from segmentation.services import queue
from segmentation.services.visits import catch_up_after


@shared_task(name="segmentation.tasks.run_segmentation")
def run_segmentation(pk: str) -> None:
    """Claims a segmentation and works on it; no claim, no work.

    In the end what arrived meanwhile is read: also where it failed, and where there was nothing
    to claim since a worker died between saving and this.
    """
    claim = queue.claim(pk=uuid.UUID(pk))
    if claim is not None:
        pipeline.run(claim=claim)
    catch_up_after(segmentation_id=uuid.UUID(pk))


@shared_task(name="segmentation.tasks.run_comparison")
def run_comparison(pk: str) -> None:
    """Claims a comparison and works on it; no claim, no work."""
    claim = queue.claim(pk=uuid.UUID(pk), jobs=Comparison)
    if claim is not None:
        comparing.run(claim=claim)


@shared_task(name="segmentation.tasks.resend_waiting")
def resend_waiting() -> int:
    """Sends again whatever is queued or has lost its worker."""
    for pk in queue.give_up_on_lost():
        catch_up_after(segmentation_id=pk)
    return queue.resend_waiting()
