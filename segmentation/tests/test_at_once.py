"""Two at the same moment, each with a connection and transactions of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection

from clinic.models import Membership
from ml.models import Model
from patients.models import Patient, Scan, Sequence, Study
from segmentation.errors import DuplicateScanError, SegmentationError
from segmentation.models import Segmentation, State
from segmentation.services import queue, uploads
from segmentation.services.erasure import erase_patient
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


def wait_until_somebody_waits_for_a_lock() -> None:
    """Until a connection is held up by this one's transaction, or half a minute has gone."""
    until = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)


def test_a_scan_that_comes_in_while_its_patient_is_erased_leaves_no_file(
    model: Model,
    patient: Patient,
    clinician: Membership,
    admin: Membership,
    media: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declaration = Declaration(sequence=Sequence.FLAIR, acquired_on=date(2024, 3, 1))
    other = Patient.objects.get(pk=patient.pk)

    def erase() -> None:
        try:
            erase_patient(patient=other, by=admin)
        finally:
            connection.close()

    eraser = threading.Thread(target=erase)
    log = uploads.record_access

    def log_once_the_eraser_waits(**line: Any) -> Any:
        eraser.start()
        wait_until_somebody_waits_for_a_lock()
        return log(**line)

    monkeypatch.setattr(uploads, "record_access", log_once_the_eraser_waits)
    with suppress(SegmentationError, IntegrityError):
        accept_upload(patient=patient, by=clinician, upload=upload(), declaration=declaration)
    eraser.join(timeout=60)
    assert not Patient.objects.exists()
    assert not Scan.objects.exists()
    assert files_below(media) == []
