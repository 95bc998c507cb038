"""Two at the same moment, each with a connection and transactions of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, connection

from clinic.models import Membership, Role
from clinic.tests.factories import MembershipFactory
from ml.models import Model
from patients.models import Patient, Scan, Sequence, Study
from segmentation.errors import (
    DuplicateScanError,
    NewerVersionError,
    SegmentationError,
    StaleDrawingError,
)
from segmentation.files import media_root
from segmentation.models import Edit, Segmentation, State
from segmentation.services import queue, saving, uploads
from segmentation.services.edits import keep_edit
from segmentation.services.erasure import erase_patient, erase_scan
from segmentation.services.saving import save_edit
from segmentation.services.uploads import Declaration, accept_upload
from segmentation.tests.factories import (
    ScanFactory,
    SegmentationFactory,
    files_below,
    make_stale,
    upload,
)
from segmentation.tests.reading_factories import packed

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
    assert len(files_below(media)) == 2


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


def erased_while_saving(
    monkeypatch: pytest.MonkeyPatch, erase: Callable[[], None], save: Callable[[], Any]
) -> None:
    """Saves, and lets ``erase`` begin once the save holds the scan's lock."""

    def erase_on_its_own_connection() -> None:
        try:
            erase()
        finally:
            connection.close()

    eraser = threading.Thread(target=erase_on_its_own_connection)
    store = saving.store_result

    def store_once_the_eraser_waits(*args: Any) -> Segmentation:
        eraser.start()
        wait_until_somebody_waits_for_a_lock()
        return store(*args)

    monkeypatch.setattr(saving, "store_result", store_once_the_eraser_waits)
    save()
    eraser.join(timeout=60)
    assert not eraser.is_alive()


@pytest.mark.parametrize("whole_patient", [False, True])
def test_a_version_saved_while_its_scan_is_erased_leaves_no_file(
    admin: Membership, media: Any, monkeypatch: pytest.MonkeyPatch, whole_patient: bool
) -> None:
    scan = ScanFactory(study__patient__clinic=admin.clinic)
    content = packed(np.ones(tuple(scan.shape), dtype=np.uint8))
    keep_edit(scan=scan, by=admin, base=None, revision=0, content=content)
    other = Scan.objects.select_related("study__patient").get(pk=scan.pk)

    def erase() -> None:
        if whole_patient:
            erase_patient(patient=other.study.patient, by=admin)
        else:
            erase_scan(scan=other, by=admin)

    erased_while_saving(monkeypatch, erase, lambda: save_edit(scan=scan, by=admin, revision=1))
    assert not Scan.objects.exists()
    assert files_below(media) == []


def test_a_version_saved_after_its_scan_was_erased_is_refused_in_words(
    admin: Membership, media: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = ScanFactory(study__patient__clinic=admin.clinic)
    content = packed(np.ones(tuple(scan.shape), dtype=np.uint8))
    keep_edit(scan=scan, by=admin, base=None, revision=0, content=content)
    write = saving.write_finding

    def erased_once_written(*args: Any, **how: Any) -> Any:
        written = write(*args, **how)
        erase_scan(scan=Scan.objects.get(pk=scan.pk), by=admin)
        return written

    monkeypatch.setattr(saving, "write_finding", erased_once_written)
    with pytest.raises(SegmentationError, match="has been erased meanwhile"):
        save_edit(scan=scan, by=admin, revision=1)
    assert files_below(media) == []
    with pytest.raises(SegmentationError, match="has been erased meanwhile"):
        keep_edit(scan=scan, by=admin, base=None, revision=0, content=content)
    assert files_below(media) == []


def test_of_several_who_save_at_once_one_is_first_and_the_others_lose_nothing() -> None:
    scan = ScanFactory()
    clinic = scan.study.patient.clinic
    people = [MembershipFactory(clinic=clinic, role=Role.CLINICIAN) for _ in range(AT_ONCE)]
    content = packed(np.ones(tuple(scan.shape), dtype=np.uint8))
    for person in people:
        keep_edit(scan=scan, by=person, base=None, revision=0, content=content)
    waiting = iter(people)

    outcomes = together(lambda: save_edit(scan=scan, by=next(waiting), revision=1))

    saved = [row for row in outcomes if isinstance(row, Segmentation)]
    assert [row.version for row in saved] == [1]
    assert all(isinstance(row, NewerVersionError) for row in outcomes if row not in saved)
    assert Edit.objects.filter(scan=scan).count() == AT_ONCE - 1
    assert Segmentation.objects.get(scan=scan).is_current


def test_of_several_first_autosaves_at_once_one_is_kept_and_the_others_are_refused() -> None:
    scan = ScanFactory()
    person = MembershipFactory(clinic=scan.study.patient.clinic, role=Role.CLINICIAN)
    # Each draws something else: the same twice is one that was sent again.
    values = count(1)

    def keep() -> Edit:
        content = packed(np.full(tuple(scan.shape), next(values), dtype=np.uint8))
        return keep_edit(scan=scan, by=person, base=None, revision=0, content=content)

    outcomes = together(keep)

    kept = [row for row in outcomes if isinstance(row, Edit)]
    assert len(kept) == 1
    assert all(isinstance(row, StaleDrawingError) for row in outcomes if row not in kept)
    assert files_below(media_root() / "edits") == [f"{kept[0].pk}/{Path(kept[0].labels.path).name}"]
