"""Two at the same moment, each with a connection and transactions of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connection

from clinic.models import Membership
from ml.models import Model
from patients.models import Patient, Scan, Sequence, Study
from segmentation.errors import DuplicateScanError, SegmentationError
from segmentation.models import Segmentation, State
from segmentation.services import queue
from segmentation.services.uploads import Declaration, accept_upload
from segmentation.tests.factories import (
    ScanFactory,
    SegmentationFactory,
    files_below,
    make_stale,
    upload,
)

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


def together(action: Callable[[], Any], refusal: type[Exception] = SegmentationError) -> list[Any]:
    """What ``action`` gives when several threads start it at the same moment."""
    start = threading.Barrier(AT_ONCE)

    def one(_: int) -> Any:
        try:
            start.wait(timeout=30)
            return action()
        except refusal as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


@pytest.mark.parametrize("is_stale", [False, True])
def test_exactly_one_of_several_claimers_gets_the_work(is_stale: bool) -> None:
    row = SegmentationFactory(running=is_stale)
    if is_stale:
        make_stale(row)
    claims = [claim for claim in together(lambda: queue.claim(pk=row.pk)) if claim is not None]
    assert len(claims) == 1
    row.refresh_from_db()
    assert (row.state, row.token) == (State.RUNNING, claims[0].token)
    assert row.attempts == 1 + is_stale


def test_a_scan_asked_for_several_times_at_once_is_queued_once(
    model: Model, rung: list[Any]
) -> None:
    scan = ScanFactory()
    answers = together(lambda: queue.request_segmentation(scan=scan, by=None))
    assert sum(isinstance(answer, SegmentationError) for answer in answers) == AT_ONCE - 1
    assert rung == [Segmentation.objects.get().pk]


def test_the_same_file_sent_several_times_at_once_is_stored_once(
    model: Model, patient: Patient, clinician: Membership, media: Any
) -> None:
    declaration = Declaration(sequence=Sequence.FLAIR, acquired_on=date(2024, 3, 1))

    def take() -> Any:
        return accept_upload(
            patient=patient, by=clinician, upload=upload(), declaration=declaration
        )

    answers = together(take, DuplicateScanError)
    assert sum(isinstance(answer, DuplicateScanError) for answer in answers) == AT_ONCE - 1
    assert Scan.objects.count() == Study.objects.count() == 1
    assert len(files_below(media)) == 1
