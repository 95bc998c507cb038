"""Asking for segmentations, handing them out, and what happens when a worker is lost."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.models import Membership
from ml.models import Model
from patients.models import Patient, Scan, Sequence
from segmentation import bell
from segmentation.errors import ClaimLostError, SegmentationError
from segmentation.models import LEASE, MAX_ATTEMPTS, Segmentation, State, Step
from segmentation.services import queue
from segmentation.tests.factories import ScanFactory, SegmentationFactory, make_stale, upload

pytestmark = pytest.mark.django_db


def waiting(**of: Any) -> Segmentation:
    """Queued, and sent so long ago that it may be sent again."""
    return SegmentationFactory(sent_at=timezone.now() - timedelta(minutes=10), **of)


def test_a_request_names_the_model_and_rings_on_commit(
    model: Model,
    clinician: Membership,
    rung: list[uuid.UUID],
    django_capture_on_commit_callbacks: Any,
) -> None:
    scan = ScanFactory()
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        row = queue.request_segmentation(scan=scan, by=clinician)
        assert rung == []
    assert len(callbacks) == 1
    assert rung == [row.pk]
    row.refresh_from_db()
    assert (row.state, row.attempts, row.study) == (State.QUEUED, 0, scan.study)
    assert (row.model_name, row.model_version) == (model.card.name, model.card.version)
    assert row.labels == {"1": "FLAIR abnormality"}
    assert list(row.inputs.all()) == [scan]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"archived_at": timezone.now()}, "archived"),
        ({"doubts": ["This does not look right."]}, "open doubts"),
        ({"sequence": Sequence.T2}, "No model reads a volume of T2 alone"),
    ],
)
def test_what_cannot_be_segmented_is_refused_in_words(
    wrong: dict[str, Any], words: str, model: Model
) -> None:
    with pytest.raises(SegmentationError, match=words):
        queue.request_segmentation(scan=ScanFactory(**wrong), by=None)
    assert not Segmentation.objects.exists()


@pytest.mark.parametrize("state", [{}, {"running": True}])
def test_a_scan_is_segmented_once_at_a_time(state: dict[str, bool], model: Model) -> None:
    under_way = SegmentationFactory(**state)
    with pytest.raises(SegmentationError, match="being segmented already"):
        queue.request_segmentation(scan=under_way.scan, by=None)
    assert Segmentation.objects.count() == 1


@pytest.mark.parametrize("state", [{"succeeded": True}, {"failed": True}])
def test_a_finished_scan_is_segmented_again(state: dict[str, bool], model: Model) -> None:
    finished = SegmentationFactory(**state)
    again = queue.request_segmentation(scan=finished.scan, by=None)
    finished.refresh_from_db()
    assert again.state == State.QUEUED
    assert finished.is_current == (finished.state == State.SUCCEEDED)


def test_a_claim_gives_a_token_and_counts_the_attempt() -> None:
    row = SegmentationFactory()
    claim = queue.claim(pk=row.pk)
    assert claim is not None
    row.refresh_from_db()
    assert (row.state, row.token, row.attempts) == (State.RUNNING, claim.token, 1)
    assert row.step == Step.LOADING
    assert row.started_at is not None


@pytest.mark.parametrize("state", ["running", "succeeded", "failed"])
def test_what_is_running_or_finished_cannot_be_claimed(state: str) -> None:
    row = SegmentationFactory(**{state: True})
    assert queue.claim(pk=row.pk) is None
    before = Segmentation.objects.values().get()
    assert before["attempts"] == 1


def test_a_segmentation_that_is_gone_cannot_be_claimed() -> None:
    assert queue.claim(pk=uuid.uuid4()) is None


def test_a_stale_one_can_be_claimed_after_the_lease_and_not_before() -> None:
    row = SegmentationFactory(running=True)
    in_time = timezone.now() - LEASE + timedelta(seconds=5)
    Segmentation.objects.filter(pk=row.pk).update(heard_at=in_time)
    assert queue.claim(pk=row.pk) is None
    too_late = timezone.now() - LEASE - timedelta(seconds=5)
    Segmentation.objects.filter(pk=row.pk).update(heard_at=too_late)
    claim = queue.claim(pk=row.pk)
    assert claim is not None
    assert claim.token != row.token


def test_a_worker_that_reports_keeps_its_claim() -> None:
    row = make_stale(SegmentationFactory(running=True))
    assert row.token is not None
    claim = queue.Claim(row.pk, row.token)
    queue.report_progress(claim=claim, step=Step.SEGMENTING, done=3, total=20)
    assert queue.claim(pk=row.pk) is None
    row.refresh_from_db()
    assert (row.step, row.slices_done, row.slices_total) == (Step.SEGMENTING, 3, 20)


def test_a_late_worker_can_neither_report_nor_fail_nor_give_back() -> None:
    row = SegmentationFactory()
    late = queue.claim(pk=row.pk)
    assert late is not None
    make_stale(row)
    current = queue.claim(pk=row.pk)
    assert current is not None
    with pytest.raises(ClaimLostError):
        queue.report_progress(claim=late, step=Step.SAVING)
    assert not queue.record_failure(claim=late, reason="Too late.")
    assert not queue.give_back(claim=late)
    row.refresh_from_db()
    assert (row.state, row.token, row.attempts) == (State.RUNNING, current.token, 2)


def test_what_was_given_back_waits_and_is_sent_with_the_next_beat(rung: list[uuid.UUID]) -> None:
    row = SegmentationFactory()
    claim = queue.claim(pk=row.pk)
    assert claim is not None
    assert queue.give_back(claim=claim)
    row.refresh_from_db()
    assert (row.state, row.token, row.attempts) == (State.QUEUED, None, 1)
    assert queue.resend_waiting() == 1
    assert rung == [row.pk]


def test_the_third_time_that_it_is_given_back_it_fails() -> None:
    row = SegmentationFactory()
    for _ in range(MAX_ATTEMPTS):
        claim = queue.claim(pk=row.pk)
        assert claim is not None
        queue.give_back(claim=claim)
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.FAILED, queue.WORKERS_LOST)
    assert queue.claim(pk=row.pk) is None


def test_three_lost_workers_are_enough(rung: list[uuid.UUID]) -> None:
    row = waiting()
    for _ in range(MAX_ATTEMPTS):
        assert queue.resend_waiting() == 1
        assert queue.claim(pk=row.pk) is not None
        make_stale(row)
    assert queue.claim(pk=row.pk) is None
    assert queue.resend_waiting() == 0
    row.refresh_from_db()
    assert (row.state, row.reason, row.token) == (State.FAILED, queue.WORKERS_LOST, None)
    assert row.finished_at is not None
    assert len(rung) == MAX_ATTEMPTS


def test_what_was_sent_a_moment_ago_is_not_sent_again(rung: list[uuid.UUID]) -> None:
    SegmentationFactory(sent_at=timezone.now() - queue.RESEND_AFTER + timedelta(seconds=10))
    assert queue.resend_waiting() == 0
    row = waiting()
    assert queue.resend_waiting() == 1
    assert queue.resend_waiting() == 0
    assert rung == [row.pk]


def test_only_what_waits_or_was_lost_is_sent_again(rung: list[uuid.UUID]) -> None:
    long_ago = timezone.now() - timedelta(minutes=10)
    for state in ("running", "succeeded", "failed"):
        SegmentationFactory(**{state: True}, sent_at=long_ago)
    lost = make_stale(SegmentationFactory(running=True))
    assert queue.resend_waiting() == 1
    assert rung == [lost.pk]


def test_a_long_queue_is_sent_a_part_at_a_time_the_oldest_first(
    rung: list[uuid.UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "RESEND_AT_ONCE", 2)
    rows = [waiting() for _ in range(3)]
    assert [queue.resend_waiting() for _ in range(3)] == [2, 1, 0]
    assert rung == [row.pk for row in rows]


def test_a_broker_that_is_away_breaks_no_request(
    model: Model,
    patient: Patient,
    clinician: Membership,
    monkeypatch: pytest.MonkeyPatch,
    sign_in: Any,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(queue, "ring", bell.ring)
    away = Celery(set_as_current=False)
    away.config_from_object("django.conf:settings", namespace="CELERY")
    away.conf.broker_url = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(bell, "current_app", away)
    browser: Client = sign_in(clinician)
    values = {"sequence": "FLAIR", "acquired_on": "2024-03-01", "files": [upload()]}
    with django_capture_on_commit_callbacks(execute=True):
        address = reverse("segmentation:upload", args=[patient.pk])
        assert browser.post(address, values).status_code == 302
    assert Scan.objects.count() == 1
    assert Segmentation.objects.get().state == State.QUEUED
    assert "could not be sent now" in caplog.text


def test_the_visibility_timeout_is_above_the_hard_limit(settings: Any) -> None:
    visible = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert visible > settings.CELERY_TASK_TIME_LIMIT > settings.CELERY_TASK_SOFT_TIME_LIMIT
    assert settings.CELERY_TASK_ACKS_LATE
    assert settings.CELERY_TASK_REJECT_ON_WORKER_LOST


def test_a_reason_of_any_length_is_kept_short() -> None:
    row = SegmentationFactory()
    claim = queue.claim(pk=row.pk)
    assert claim is not None
    assert queue.record_failure(claim=claim, reason="x" * 1000)
    row.refresh_from_db()
    assert len(row.reason) == 300
