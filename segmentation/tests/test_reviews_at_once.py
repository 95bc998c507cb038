"""Signing while somebody else signs, or while a new version comes in."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import RequestFactory

from clinic.models import Membership
from clinic.tests.factories import PASSWORD, MembershipFactory
from segmentation.errors import ReviewError
from segmentation.models import ReviewState, Segmentation
from segmentation.services import reviews
from segmentation.services.locks import lock_scan
from segmentation.services.results import next_version, take_the_lead
from segmentation.tests.factories import ScanFactory, SegmentationFactory
from segmentation.tests.test_at_once import (
    AT_ONCE,
    together,
    wait_until_somebody_waits_for_a_lock,
)

pytestmark = pytest.mark.django_db(transaction=True)


def sign(result: Segmentation, by: Membership) -> Segmentation:
    request = RequestFactory().post("/")
    return reviews.sign_result(result=result, by=by, password=PASSWORD, request=request)


def test_of_several_who_sign_at_once_one_wins(clinician: Membership) -> None:
    result = SegmentationFactory(succeeded=True)
    people = iter(MembershipFactory.create_batch(AT_ONCE, clinic=clinician.clinic))
    turn = threading.Lock()

    def one_signs() -> Any:
        with turn:
            who = next(people)
        return sign(Segmentation.objects.get(pk=result.pk), who)

    answers = together(one_signs, ReviewError)
    assert sum(isinstance(answer, ReviewError) for answer in answers) == AT_ONCE - 1
    result.refresh_from_db()
    assert [step.by for step in result.reviews.all()] == [result.reviewer]


def test_of_several_who_take_a_result_at_once_one_gets_it(clinician: Membership) -> None:
    result = SegmentationFactory(succeeded=True)
    people = iter(MembershipFactory.create_batch(AT_ONCE, clinic=clinician.clinic))
    turn = threading.Lock()

    def one_takes() -> Any:
        with turn:
            who = next(people)
        return reviews.start_review(result=result, by=who)

    answers = together(one_takes, ReviewError)
    assert sum(isinstance(answer, ReviewError) for answer in answers) == AT_ONCE - 1
    assert result.reviews.count() == 1


@pytest.mark.parametrize("signing_comes_first", [True, False])
def test_the_signed_version_counts_when_another_is_saved_in_the_same_moment(
    clinician: Membership, monkeypatch: pytest.MonkeyPatch, signing_comes_first: bool
) -> None:
    scan = ScanFactory()
    first = SegmentationFactory(scan=scan, succeeded=True)

    def save_a_version() -> None:
        lock_scan(scan.pk)
        number = next_version(scan.pk)
        leads = take_the_lead(scan.pk)
        SegmentationFactory(scan=scan, succeeded=True, version=number, is_current=leads)

    if signing_comes_first:
        _while_waiting(monkeypatch, lambda: sign(first, clinician), save_a_version)
    else:
        _then(save_a_version)()
        sign(Segmentation.objects.get(pk=first.pk), clinician)
    current = Segmentation.objects.get(scan=scan, is_current=True)
    assert (current, current.review) == (first, ReviewState.SIGNED)
    assert scan.segmentations.count() == 2


def _then(action: Any) -> Any:
    """``action`` in one transaction, on this connection."""

    def run() -> None:
        with transaction.atomic():
            action()

    return run


def _while_waiting(monkeypatch: pytest.MonkeyPatch, signing: Any, saving: Any) -> None:
    """Starts ``saving`` once signing has the lock, and lets it go on once saving waits."""

    def save() -> None:
        try:
            _then(saving)()
        finally:
            connection.close()

    saver = threading.Thread(target=save)
    lock = reviews._lock

    def lock_and_let_the_other_wait(result: Segmentation) -> Segmentation:
        locked = lock(result)
        saver.start()
        wait_until_somebody_waits_for_a_lock()
        return locked

    monkeypatch.setattr(reviews, "_lock", lock_and_let_the_other_wait)
    signing()
    saver.join(timeout=60)
    assert not saver.is_alive()
