"""Reviewing through the API, and the list of versions."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from clinic.tests.factories import BACKEND
from patients.tests.factories import StudyFactory
from segmentation.models import Segmentation
from segmentation.tests.api_helpers import PASSWORD, House
from segmentation.tests.factories import ScanFactory, SegmentationFactory

pytest_plugins = ("segmentation.tests.api_fixtures",)


@pytest.fixture
def result(house: House) -> Segmentation:
    scan = ScanFactory(study=StudyFactory(patient=house.patient))
    return SegmentationFactory(scan=scan, succeeded=True)


def post(house: House, who: str, result: Segmentation, step: str, **data: Any) -> Any:
    address = f"/api/v1/segmentations/{result.pk}/{step}/"
    return house.client(who).post(address, data, format="json")


def test_a_result_goes_from_draft_through_review_to_signed(
    house: House, result: Segmentation
) -> None:
    started = post(house, "clinician", result, "review/start")
    assert (started.status_code, started.json()["review"]) == (200, "in_review")
    signed = post(
        house, "clinician", result, "review/sign", password=PASSWORD, comment="As the model drew."
    )
    assert signed.status_code == 200
    body = signed.json()
    assert (body["review"], body["is_current"], body["draft_dice"]) == ("signed", True, 1.0)
    assert body["signed_by"] == house.clinician.display_name
    assert body["signed_at"]


def test_a_wrong_password_is_refused_in_one_sentence_that_does_not_hold_it(
    house: House, result: Segmentation, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post(house, "clinician", result, "review/sign", password="mistyped secret")
    assert answer.status_code == 403
    assert "password is wrong" in answer.json()["detail"]
    assert "mistyped" not in answer.content.decode() + caplog.text
    result.refresh_from_db()
    assert result.review == "draft"


def test_too_many_wrong_passwords_lock_signing_and_signing_in_alike(
    house: House, result: Segmentation
) -> None:
    statuses = [
        post(house, "clinician", result, "review/sign", password="wrong").status_code
        for _ in range(settings.AXES_FAILURE_LIMIT)
    ]
    assert statuses[:-1] == [403] * (settings.AXES_FAILURE_LIMIT - 1)
    assert statuses[-1] == 429
    locked = post(house, "clinician", result, "review/sign", password=PASSWORD)
    assert locked.status_code == 429
    assert "wait" in locked.json()["detail"]
    credentials = {"username": "clinician", "password": PASSWORD}
    assert Client().post("/api/v1/token/", credentials).status_code == 429


def test_signing_by_the_pages_session_needs_the_csrf_token(
    house: House, result: Segmentation
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(house.clinician.user, BACKEND)
    address = f"/api/v1/segmentations/{result.pk}/review/sign/"
    assert browser.post(address, {"password": PASSWORD}).status_code == 403
    result.refresh_from_db()
    assert result.review == "draft"


@pytest.mark.parametrize(("step", "field"), [("sign", "password"), ("reject", "reason")])
def test_what_a_step_needs_is_asked_for_by_name(
    house: House, result: Segmentation, step: str, field: str
) -> None:
    for data in ({}, {field: ""}, {field: "a\x00b"}):
        answer = post(house, "clinician", result, f"review/{step}", **data)
        assert answer.status_code == 400
        assert field in answer.json()


def test_somebody_elses_review_is_a_conflict_that_names_them(
    house: House, result: Segmentation
) -> None:
    post(house, "clinician", result, "review/start")
    answer = post(house, "admin", result, "review/sign", password=PASSWORD)
    assert answer.status_code == 409
    assert house.clinician.display_name in answer.json()["detail"]
    taken = post(house, "admin", result, "review/start", take_over=True)
    assert taken.json()["review"] == "in_review"
    assert post(house, "admin", result, "review/release").json()["review"] == "draft"


def test_a_rejected_result_counts_no_more_until_another_is_chosen(
    house: House, result: Segmentation
) -> None:
    result.scan.segmentations.update(is_current=False)
    second = SegmentationFactory(scan=result.scan, succeeded=True)
    rejected = post(house, "clinician", second, "review/reject", reason="It marks the eye.")
    assert (rejected.json()["review"], rejected.json()["is_current"]) == ("rejected", False)
    scan = house.client("viewer").get(f"/api/v1/scans/{result.scan_id}/").json()
    assert scan["current_result"] is None
    assert post(house, "clinician", result, "make-current").json()["is_current"]
    assert post(house, "clinician", second, "make-current").status_code == 409


def test_versions_come_newest_first_with_the_steps_of_their_review(
    house: House, result: Segmentation
) -> None:
    post(house, "clinician", result, "review/sign", password=PASSWORD, comment="Fine.")
    amended = SegmentationFactory(
        scan=result.scan,
        succeeded=True,
        is_current=False,
        parent=result,
        author=house.clinician,
        author_name="Robin Sample",
        remark="Smaller at the front",
    )
    address = f"/api/v1/scans/{result.scan_id}/versions/"
    versions = house.client("viewer").get(address).json()
    assert [version["version"] for version in versions] == [2, 1]
    newest, first = versions
    assert (newest["source"], newest["parent"]) == ("Robin Sample", str(result.pk))
    assert (newest["remark"], newest["signed_by"]) == (amended.remark, "")
    assert [step["action"] for step in first["steps"]] == ["signed"]
    assert first["steps"][0]["comment"] == "Fine."
