"""The worklist: what stands on which tab, in which order, and how often the database is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic.models import Clinic, Membership
from clinic.tests.factories import MembershipFactory
from patients.models import Patient, Scan, Sequence
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation.models import Segmentation
from segmentation.selectors.worklist import PAGE_SIZE, TABS, count_new, worklist
from segmentation.services import reviews
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.tests.api_helpers import client_of
from segmentation.tests.factories import LesionFactory, ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import SIGNED

SignIn = Callable[[Membership], Client]
Waits = Callable[..., Segmentation]
pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture
def result(clinic: Clinic) -> Waits:
    """A result of a scan of its own, of a patient of the clinic; a draft unless it is said."""

    def made(**of: Any) -> Segmentation:
        if "scan" not in of:
            of["scan"] = new_scan(clinic)
        if not {"running", "failed"} & set(of) and "state" not in of:
            of["succeeded"] = True
        return SegmentationFactory(**of)

    return made


def new_scan(clinic: Clinic, patient: Patient | None = None, **of: Any) -> Scan:
    patient = patient or PatientFactory(clinic=clinic)
    return ScanFactory(study=StudyFactory(patient=patient), **of)


def signed_now() -> dict[str, Any]:
    """Signed today, though the tests may have begun before midnight."""
    return {**SIGNED, "reviewed_at": timezone.now()}


def shown(clinic: Clinic, tab: str, **of: Any) -> list[Any]:
    return [row.key for row in worklist(clinic=clinic, tab=tab, **of).rows]


def count_queries(action: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        action()
    return len(queries)


def test_what_came_first_waits_at_the_top(clinic: Clinic, result: Waits) -> None:
    now = timezone.now()
    late, early = (result(finished_at=now - timedelta(hours=hours)) for hours in (1, 5))
    assert shown(clinic, "review") == [early.pk, late.pk]


def test_drafts_and_reviews_wait_and_what_is_decided_does_not(
    clinic: Clinic, result: Waits, clinician: Membership
) -> None:
    waiting = [result(), reviews.start_review(result=result(), by=clinician)]
    signed = result(**signed_now())
    result(**{**signed_now(), "review": "rejected", "is_current": False})
    assert shown(clinic, "review") == [row.pk for row in waiting]
    assert shown(clinic, "signed") == [signed.pk]


def test_of_several_versions_only_what_needs_a_decision_waits(
    clinic: Clinic, result: Waits
) -> None:
    older = result(is_current=False)
    current = result(scan=older.scan)
    assert shown(clinic, "review") == [current.pk]
    signed = result(**signed_now())
    result(scan=signed.scan, is_current=False)
    amendment = result(scan=signed.scan, is_current=False)
    assert shown(clinic, "review") == [current.pk, amendment.pk]
    row = worklist(clinic=clinic, tab="review").rows[1]
    assert row.amends


def test_a_draft_older_than_what_is_signed_needs_nobody(clinic: Clinic, result: Waits) -> None:
    older = result(is_current=False)
    result(scan=older.scan, **signed_now())
    assert shown(clinic, "review") == []


def test_what_was_signed_yesterday_is_not_signed_today(clinic: Clinic, result: Waits) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    result(**{**signed_now(), "reviewed_at": yesterday})
    assert shown(clinic, "signed") == []


def test_runs_and_failures_have_tabs_of_their_own(clinic: Clinic, result: Waits) -> None:
    running = result(running=True)
    queued = result(state="queued")
    failed = result(failed=True)
    assert shown(clinic, "running") == [running.pk, queued.pk]
    assert shown(clinic, "failed") == [failed.pk]
    SegmentationFactory(scan=failed.scan)
    assert shown(clinic, "failed") == []


def test_scans_held_back_and_scans_without_a_result_that_counts_are_to_be_checked(
    clinic: Clinic, result: Waits, clinician: Membership
) -> None:
    doubtful = new_scan(clinic, doubts=["The picture is upside down."])
    new_scan(clinic, doubts=["Settled."], doubts_confirmed_by=clinician)
    rejected = result()
    reviews.reject_result(result=rejected, by=clinician, reason="It marks the eye.")
    assert shown(clinic, "check") == [doubtful.pk, rejected.pk]
    SegmentationFactory(scan=rejected.scan)
    assert shown(clinic, "check") == [doubtful.pk]


def test_a_scan_whose_signed_result_was_withdrawn_and_that_no_model_reads_is_to_be_checked(
    clinic: Clinic, result: Waits, clinician: Membership, sign_in: SignIn
) -> None:
    scan = result(**signed_now()).scan
    facts = replace(facts_of(scan), sequence=Sequence.T2)
    correct_scan(scan=scan, by=clinician, facts=facts, reason="It is no FLAIR.")
    assert shown(clinic, "check") == [scan.pk]
    page = sign_in(clinician).get(reverse("home"), {"tab": "check"}).content.decode()
    assert "was corrected or erased after its results were made" in page


def test_archived_scans_and_patients_and_other_clinics_need_nobody(
    clinic: Clinic, result: Waits
) -> None:
    SegmentationFactory(succeeded=True)
    ScanFactory(doubts=["Another clinic's."])
    result().scan.__class__.objects.update(archived_at=timezone.now())
    result()
    Patient.objects.update(archived_at=timezone.now())
    assert set(worklist(clinic=clinic, tab="review").counts.values()) == {0}


def test_the_list_is_narrowed_to_the_patients_of_one_clinician(
    clinic: Clinic, result: Waits, clinician: Membership
) -> None:
    own = result(scan=new_scan(clinic, PatientFactory(clinic=clinic, attending=clinician)))
    nobodys = result()
    assert shown(clinic, "review", clinician=str(clinician.pk)) == [own.pk]
    assert shown(clinic, "review", clinician="none") == [nobodys.pk]
    assert shown(clinic, "review", clinician="nonsense") == [own.pk, nobodys.pk]
    assert worklist(clinic=clinic, tab="failed", clinician="none").counts["review"] == 1


def test_new_is_what_nobody_has_taken_yet(
    clinic: Clinic, result: Waits, clinician: Membership
) -> None:
    new_scan(clinic, doubts=["The picture is upside down."])
    taken = result()
    result()
    assert count_new(clinic=clinic) == 3
    reviews.start_review(result=taken, by=clinician)
    assert count_new(clinic=clinic) == 2


def test_a_long_list_comes_in_pages_and_says_how_long_it_is(
    clinic: Clinic, result: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PAGE_SIZE == 50
    monkeypatch.setattr("segmentation.selectors.worklist.PAGE_SIZE", 2)
    for _ in range(3):
        result()
    found = worklist(clinic=clinic, tab="review", page="2")
    assert (len(found.rows), found.counts["review"], found.page.paginator.num_pages) == (1, 3, 2)


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_asks_the_database_as_often_for_many_rows_as_for_one(
    tab: str, clinic: Clinic, result: Waits, sign_in: SignIn, clinician: Membership
) -> None:
    browser, address = sign_in(clinician), reverse("home")

    def add() -> None:
        for of in ({}, signed_now(), {"running": True}, {"failed": True}):
            row = result(scan=new_scan(clinic, attended()), **of)
            LesionFactory(segmentation=row)
        new_scan(clinic, attended(), doubts=["Upside down."])

    def attended() -> Patient:
        return PatientFactory(clinic=clinic, attending=clinician)

    def ask() -> Any:
        return browser.get(address, {"tab": tab})

    add()
    ask()
    few = count_queries(ask)
    for _ in range(4):
        add()
    assert count_queries(ask) == few
    assert len(ask().context["list"].rows) == 5


def test_nothing_is_sent_while_nothing_has_changed(
    clinic: Clinic, result: Waits, sign_in: SignIn, clinician: Membership
) -> None:
    row = result(running=True, slices_total=20)
    browser, address = sign_in(clinician), reverse("segmentation:worklist")

    def ask() -> Any:
        return browser.get(address, {"tab": "running", "seen": seen})

    seen = browser.get(address, {"tab": "running"}).context["list"].digest
    assert (ask().status_code, ask().content) == (204, b"")
    Segmentation.objects.filter(pk=row.pk).update(slices_done=7)
    changed = ask()
    assert changed.status_code == 200
    assert "7 of 20 slices" in changed.content.decode()
    assert "<html" not in changed.content.decode()


def test_names_are_escaped_and_a_failure_says_why(
    clinic: Clinic, result: Waits, sign_in: SignIn, viewer: Membership
) -> None:
    patient = PatientFactory(clinic=clinic, full_name="<b>Bold</b>")
    row = result(scan=new_scan(clinic, patient), failed=True)
    page = sign_in(viewer).get(reverse("home"), {"tab": "failed"}).content.decode()
    assert "<b>Bold" not in page
    assert row.reason in page
    assert "Try again" not in page


def test_the_number_of_new_ones_is_on_every_page_and_small_to_ask_for(
    clinic: Clinic, result: Waits, sign_in: SignIn, viewer: Membership
) -> None:
    result()
    browser = sign_in(viewer)
    assert browser.get(reverse("segmentation:worklist_count")).json() == {"new": 1}
    assert "data-new>1<" in browser.get(reverse("patients:list")).content.decode()
    few = count_queries(lambda: browser.get(reverse("segmentation:worklist_count")))
    assert few <= 5


def ask(member: Membership, **query: str) -> Any:
    return client_of(member).get("/api/v1/worklist/", query)


def test_the_api_gives_the_rows_of_a_tab_with_their_results(
    clinic: Clinic, result: Waits, viewer: Membership
) -> None:
    waiting = result(finished_at=timezone.now())
    failed = result(failed=True)
    body = ask(viewer).json()
    assert (body["tab"], body["page"], body["pages"]) == ("review", 1, 1)
    assert body["counts"] == {**dict.fromkeys(TABS, 0), "review": 1, "failed": 1}
    (row,) = body["rows"]
    patient = waiting.scan.study.patient
    assert (row["scan"]["id"], row["scan"]["patient"]) == (str(waiting.scan_id), str(patient.pk))
    assert row["scan"]["record_number"] == patient.record_number
    assert (row["result"]["id"], row["result"]["review"]) == (str(waiting.pk), "draft")
    (row,) = ask(viewer, tab="failed").json()["rows"]
    assert row["result"]["reason"] == failed.reason


def test_the_api_gives_a_scan_that_was_held_back_with_its_doubts(
    clinic: Clinic, viewer: Membership
) -> None:
    scan = new_scan(clinic, doubts=["It does not look like a brain."])
    (row,) = ask(viewer, tab="check").json()["rows"]
    assert row["result"] is None
    assert (row["scan"]["id"], row["scan"]["doubts"]) == (str(scan.pk), scan.doubts)


def test_the_api_narrows_the_list_to_a_clinician_and_refuses_nonsense(
    clinic: Clinic, result: Waits, clinician: Membership
) -> None:
    mine = result(scan=new_scan(clinic, PatientFactory(clinic=clinic, attending=clinician)))
    free = result()

    def scans(which: str) -> list[str]:
        return [row["scan"]["id"] for row in ask(clinician, clinician=which).json()["rows"]]

    assert scans(str(clinician.pk)) == [str(mine.scan_id)]
    assert scans("none") == [str(free.scan_id)]
    assert ask(clinician, clinician="nobody").status_code == 400
    assert ask(clinician, tab="everything").status_code == 400


def test_the_api_asks_the_database_as_often_for_many_rows_as_for_few(
    clinic: Clinic, result: Waits, viewer: Membership
) -> None:
    def rejected() -> Segmentation:
        return result(**{**signed_now(), "review": "rejected", "is_current": False})

    def queries() -> list[int]:
        return [count_queries(partial(ask, viewer, tab=tab)) for tab in ("review", "check")]

    for made in (result, rejected):
        LesionFactory(segmentation=made())
    ask(viewer)
    few = queries()
    for made in (result, rejected) * 4:
        LesionFactory(segmentation=made())
    assert queries() == few


def test_the_api_shows_another_clinic_nothing(result: Waits) -> None:
    result()
    assert ask(MembershipFactory()).json()["rows"] == []
