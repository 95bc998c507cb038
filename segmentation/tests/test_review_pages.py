"""Reviewing on the pages: the panel, its refusals, and what the pages then say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from clinic.models import Membership
from clinic.tests.factories import PASSWORD, MembershipFactory
from patients.models import Patient, PictureConvention
from patients.tests.factories import StudyFactory
from segmentation.models import Segmentation
from segmentation.services import reviews
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.tests.factories import ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import SIGNED

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.usefixtures("model")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def result(patient: Patient) -> Segmentation:
    study = StudyFactory(patient=patient, performed_on=date(2024, 3, 1))
    return SegmentationFactory(scan=ScanFactory(study=study), succeeded=True)


def post(browser: Client, result: Segmentation, step: str, **data: Any) -> Any:
    return browser.post(reverse("segmentation:review_step", args=[result.pk, step]), data)


def by_script(browser: Client, result: Segmentation, step: str, **data: Any) -> Any:
    address = reverse("segmentation:review_step", args=[result.pk, step])
    return browser.post(address, data, headers=HTMX)


def page(browser: Client, name: str, pk: Any, **query: Any) -> str:
    return browser.get(reverse(f"segmentation:{name}", args=[pk]), query).content.decode()


def test_signing_without_scripts_leads_back_to_the_page_which_says_who_signed(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    browser = sign_in(clinician)
    answer = post(browser, result, "sign", password=PASSWORD, comment="Agreed.")
    assert answer.status_code == 302
    shown = browser.get(answer["Location"]).content.decode()
    assert f"Signed by {clinician.display_name}" in shown
    assert "Agreed." in shown
    assert "Accept and sign" not in shown


def test_signing_by_script_answers_with_the_panel_and_what_else_has_changed(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    answer = by_script(sign_in(clinician), result, "sign", password=PASSWORD, place="scan")
    body = answer.content.decode()
    assert (answer.status_code, answer["HX-Trigger"]) == (200, "result-reviewed")
    assert body.count('hx-swap-oob="true"') == 4
    assert "<html" not in body


def test_in_the_reading_room_the_panel_and_the_versions_change_and_the_viewer_stays(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    browser = sign_in(clinician)
    assert "Accept and sign version 1" in page(browser, "read", result.scan_id)
    answer = by_script(browser, result, "sign", password=PASSWORD, place="reading")
    body = answer.content.decode()
    assert body.count('hx-swap-oob="true"') == 1
    assert "Signed by" in body
    without_scripts = post(browser, result, "start", place="reading")
    assert without_scripts["Location"].startswith(
        reverse("segmentation:read", args=[result.scan_id])
    )


def test_a_wrong_password_is_said_in_the_panel_and_keeps_the_comment_alone(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    answer = by_script(
        sign_in(clinician), result, "sign", password="mistyped secret", comment="My words"
    )
    body = answer.content.decode()
    assert answer.status_code == 422
    assert "password is wrong" in body
    assert "My words" in body
    assert "mistyped" not in body


def test_the_lock_after_wrong_passwords_is_said_in_the_panel(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    browser = sign_in(clinician)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = by_script(browser, result, "sign", password="wrong")
    assert answer.status_code == 422
    locked = by_script(browser, result, "sign", password=PASSWORD)
    assert "Please wait 15 minutes" in locked.content.decode()
    result.refresh_from_db()
    assert not result.is_signed


@pytest.mark.parametrize(
    ("step", "words"),
    [("sign", "type your password"), ("reject", "why"), ("release", "Nobody has")],
)
def test_what_is_missing_is_said(
    sign_in: SignIn, clinician: Membership, result: Segmentation, step: str, words: str
) -> None:
    answer = by_script(sign_in(clinician), result, step)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert post(sign_in(clinician), result, step).status_code == 302


def test_a_rejected_result_is_shown_with_its_reason_and_nothing_takes_its_place(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    result.scan.segmentations.update(is_current=False)
    second = SegmentationFactory(scan=result.scan, succeeded=True)
    browser = sign_in(clinician)
    by_script(browser, second, "reject", reason="It marks the eye.")
    shown = page(browser, "scan", result.scan_id)
    assert "No result counts for this scan now" in shown
    assert "It marks the eye." in shown
    assert "Make current" in shown
    assert "No result counts" in page(browser, "patient", result.study.patient_id)
    post(browser, result, "make-current")
    assert "No result counts for this scan now" not in page(browser, "scan", result.scan_id)


def test_a_version_that_no_longer_fits_says_so_and_is_neither_signed_nor_chosen(
    sign_in: SignIn, clinician: Membership, admin: Membership, result: Segmentation
) -> None:
    result.scan.segmentations.update(is_current=False)
    facts = replace(facts_of(result.scan), sequence="T1")
    correct_scan(scan=result.scan, by=admin, facts=facts, reason="It was declared wrongly")
    shown = page(sign_in(clinician), "scan", result.scan_id, version=result.pk)
    assert "does not fit it any more. It cannot be signed." in shown
    assert "Accept and sign" not in shown
    assert "Make current" not in shown
    assert "Reject version 1" in shown


def test_the_reading_room_shows_the_rejected_version_while_none_counts(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    reviews.reject_result(result=result, by=clinician, reason="It marks the eye.")
    shown = page(sign_in(clinician), "read", result.scan_id)
    assert "It marks the eye." in shown
    assert "No result counts for this scan now" in shown


def test_who_corrects_a_signed_scan_is_told_what_becomes_of_the_signature(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    browser = sign_in(clinician)
    assert "withdraws that signature" not in page(browser, "correct", result.scan_id)
    Segmentation.objects.update(**SIGNED)
    assert "withdraws that signature" in page(browser, "correct", result.scan_id)


def test_who_has_it_is_named_and_can_be_taken_over(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    colleague = MembershipFactory(clinic=clinician.clinic)
    reviews.start_review(result=result, by=colleague)
    browser = sign_in(clinician)
    shown = page(browser, "review", result.pk)
    assert f"<strong>{colleague.display_name}</strong> has it in review since" in shown
    assert "Accept and sign" not in shown
    taken = by_script(browser, result, "take-over").content.decode()
    assert "You have it in review" in taken
    assert f"Taken over from {colleague.display_name}" in taken


def test_a_viewer_reads_the_panel_without_any_form(
    sign_in: SignIn, viewer: Membership, result: Segmentation
) -> None:
    assert "<form" not in page(sign_in(viewer), "review", result.pk)
    assert post(sign_in(viewer), result, "sign", password=PASSWORD).status_code == 403


def test_a_step_that_is_none_is_not_found(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    assert post(sign_in(clinician), result, "approve").status_code == 404


def test_an_amendment_says_what_it_amends_and_that_it_waits(
    sign_in: SignIn, viewer: Membership, result: Segmentation
) -> None:
    Segmentation.objects.update(**SIGNED)
    amended = SegmentationFactory(
        scan=result.scan, succeeded=True, is_current=False, author_name="Robin", parent=result
    )
    words = "amends the signed version 1 and waits for a signature"
    browser = sign_in(viewer)
    assert words in page(browser, "scan", result.scan_id)
    assert words in page(browser, "scan", result.scan_id, version=amended.pk)
    assert "version 2 waits" in page(browser, "patient", result.study.patient_id)


def test_a_withdrawn_signature_is_said_with_the_reason(
    sign_in: SignIn, clinician: Membership, result: Segmentation
) -> None:
    browser = sign_in(clinician)
    post(browser, result, "sign", password=PASSWORD)
    facts = replace(facts_of(result.scan), convention=PictureConvention.RADIOLOGICAL)
    correct_scan(scan=result.scan, by=clinician, facts=facts, reason="Sides were swapped")
    shown = page(browser, "scan", result.scan_id)
    assert "The signature on version 1 was withdrawn" in shown
    assert "Sides were swapped" in shown


def test_the_patients_page_tells_signed_results_from_drafts(
    sign_in: SignIn, viewer: Membership, patient: Patient, result: Segmentation
) -> None:
    Segmentation.objects.update(**SIGNED)
    study = StudyFactory(patient=patient, performed_on=date(2025, 3, 1))
    SegmentationFactory(scan=ScanFactory(study=study), succeeded=True)
    shown = page(sign_in(viewer), "patient", patient.pk)
    assert "1 signed, 1 draft" in shown
    assert shown.count('class="point is-signed"') == 2
    assert "signed by Dr Sample on" in shown
    assert "all drafts" not in shown
