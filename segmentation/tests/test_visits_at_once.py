"""Somebody moves, corrects or erases a scan while its visit is being planned."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction

from clinic.models import Membership
from patients.models import Scan, Study
from patients.tests.factories import PatientFactory
from segmentation.errors import ScanErasedError
from segmentation.models import Segmentation
from segmentation.services import corrections, queue, visits
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.erasure import erase_scan
from segmentation.services.locks import lock_found, lock_visit
from segmentation.services.queue import request_segmentation
from segmentation.services.visits import read_new_scan
from segmentation.tests.factories import SegmentationFactory
from segmentation.tests.test_at_once import wait_until_somebody_waits_for_a_lock
from segmentation.tests.visit_factories import add_scan, read_before

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("both")]


class Meanwhile:
    """Another connection that does one thing, begun while this one is in the middle of another."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.action = action
        self.failed: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.action()
        except BaseException as error:
            self.failed = error
        finally:
            connection.close()

    def within(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, after whose first call here the other begins and comes to wait."""

        def called(*given: Any, **named: Any) -> Any:
            answer = function(*given, **named)
            if self.thread.ident is None:
                self.thread.start()
                wait_until_somebody_waits_for_a_lock()
            return answer

        return called

    def end(self) -> None:
        self.thread.join(timeout=60)
        assert not self.thread.is_alive()
        if self.failed is not None:
            raise self.failed


def move(scan: Scan, by: Membership, **facts: Any) -> Callable[[], None]:
    known = Scan.objects.select_related("study__patient").get(pk=scan.pk)
    stated = replace(facts_of(known), **facts)

    def run() -> None:
        correct_scan(scan=known, by=by, facts=stated, reason="It was wrong")

    return run


def erase(scan: Scan, by: Membership) -> Callable[[], None]:
    known = Scan.objects.get(pk=scan.pk)
    return lambda: erase_scan(scan=known, by=by)


@pytest.mark.parametrize("moves", ["T1ce", "FLAIR"])
def test_what_is_planned_while_a_scan_goes_to_another_patient_is_not_read(
    study: Study, clinician: Membership, monkeypatch: pytest.MonkeyPatch, moves: str
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    moved = flair if moves == "FLAIR" else t1ce
    other = PatientFactory(clinic=clinician.clinic)
    meanwhile = Meanwhile(move(moved, clinician, patient=other))
    monkeypatch.setattr(queue, "plan_reading", meanwhile.within(queue.plan_reading))
    request_segmentation(scan=flair, by=clinician)
    meanwhile.end()
    row = Segmentation.objects.active().get()
    assert list(row.inputs.all()) == [flair]
    assert row.study == Scan.objects.get(pk=flair.pk).study


def test_a_visit_that_is_caught_up_with_while_a_scan_is_erased_is_read_without_it(
    study: Study, admin: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    flair, t1ce, t2 = (add_scan(study, name) for name in ("FLAIR", "T1ce", "T2"))
    SegmentationFactory(scan=flair, succeeded=True)
    meanwhile = Meanwhile(erase(t1ce, admin))
    monkeypatch.setattr(visits, "find_host", meanwhile.within(visits.find_host))
    read_new_scan(scan=t2, by=admin)
    meanwhile.end()
    assert set(Segmentation.objects.active().get().inputs.all()) == {flair, t2}


def test_a_scan_that_is_asked_for_after_it_was_erased_is_refused_in_words(
    study: Study, admin: Membership
) -> None:
    flair = add_scan(study, "FLAIR")
    erase(flair, admin)()
    with pytest.raises(ScanErasedError):
        request_segmentation(scan=flair, by=admin)


def test_two_scans_that_were_taken_for_each_other_are_swapped_at_once(
    study: Study, clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Study.objects.create(patient=study.patient, performed_on=date(2024, 9, 8))
    first = [add_scan(study, name) for name in ("FLAIR", "T1ce")]
    second = [add_scan(later, name, seed=1) for name in ("FLAIR", "T1ce")]
    for visit in (first, second):
        read_before(*visit)
    meanwhile = Meanwhile(move(second[1], clinician, performed_on=study.performed_on))
    monkeypatch.setattr(corrections, "_move", meanwhile.within(corrections._move))
    move(first[1], clinician, performed_on=later.performed_on)()
    meanwhile.end()
    for flair, t1ce in ((first[0], second[1]), (second[0], first[1])):
        row = Segmentation.objects.active().get(scan=flair)
        assert set(row.inputs.all()) == {flair, t1ce}


def test_a_result_that_is_stored_while_its_scan_is_corrected_is_found_behind_the_lock(
    study: Study, clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    meanwhile = Meanwhile(move(t1ce, clinician, sequence="T1"))
    with transaction.atomic():
        meanwhile.within(lock_visit)(flair.pk)
        read_before(flair, t1ce)
    meanwhile.end()
    assert not flair.segmentations.filter(is_current=True).exists()


def test_where_more_is_found_behind_the_locks_all_is_taken_anew(study: Study) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    found: list[set[uuid.UUID]] = [{flair.pk}, {flair.pk, t1ce.pk}]

    def find() -> set[uuid.UUID]:
        return found.pop(0) if len(found) > 1 else found[0]

    with transaction.atomic():
        assert lock_found(find) == {flair.pk, t1ce.pk}
