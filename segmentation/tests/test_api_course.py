"""The course and decisions through the API."""

from __future__ import annotations

from typing import Any

import pytest

from clinic.models import AccessEvent
from segmentation.models import ResponseDecision
from segmentation.tests.api_helpers import House
from segmentation.tests.course_factories import examine, link

pytest_plugins = ["segmentation.tests.api_fixtures"]
pytestmark = pytest.mark.django_db


def course(house: House) -> dict[str, Any]:
    answer = house.client("viewer").get(f"/api/v1/patients/{house.patient.pk}/course/")
    assert answer.status_code == 200, answer.data
    return dict(answer.json())


def test_the_course_gives_sizes_names_changes_and_categories(house: House) -> None:
    first, second = examine(house.patient, 0, 10.0), examine(house.patient, 3, 2.0, 1.0)
    link(first, second, (1, 1))
    found = course(house)
    assert [one["name"] for one in found["lesions"]] == [1, 2]
    last = found["examinations"][-1]
    assert (last["volume_ml"], last["product_mm2"], last["new_lesions"]) == (3.0, 800.0, [2])
    assert [name["shown_as"] for name in last["names"]] == ["1", "2"]
    by_volume, by_product = last["responses"]
    assert (by_volume["criterion"], by_product["criterion"]) == ("volume", "product")
    assert by_volume["category"] == "progression"
    assert by_volume["since_baseline"]["percent"] == pytest.approx(-70.0)
    assert by_volume["uses_drafts"] is True
    assert "J Clin Oncol" in by_volume["rule_source"]
    assert AccessEvent.objects.filter(action="course.read").count() == 1


def test_a_decision_is_made_on_what_was_seen(house: House) -> None:
    examine(house.patient, 0, 10.0)
    scan = examine(house.patient, 3, 2.0).scan
    seen = course(house)["examinations"][-1]["responses"][0]["seen"]
    address = f"/api/v1/scans/{scan.pk}/response/"
    client = house.client("clinician")
    values = {"criterion": "volume", "category": "stable disease", "seen": seen}
    refused = client.post(address, values, format="json")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "Please say why the category differs from the rule's.",
    )
    made = client.post(address, {**values, "reason": "Swelling."}, format="json")
    assert made.status_code == 201
    assert (made.json()["category"], made.json()["rule_category"]) == (
        "stable disease",
        "partial response",
    )
    assert client.post(address, {**values, "seen": "old"}, format="json").status_code == 409
    assert client.post(address, {"category": "cured"}, format="json").status_code == 400
    assert ResponseDecision.objects.count() == 1
    assert course(house)["examinations"][-1]["responses"][0]["decisions"][0]["by"]


def test_the_condition_of_a_visit_is_read_and_changed(house: House) -> None:
    study = examine(house.patient, 0, 10.0).study
    address = f"/api/v1/studies/{study.pk}/"
    client = house.client("clinician")
    changed = client.patch(address, {"karnofsky": 70, "steroid_mg": 8}, format="json")
    assert (changed.status_code, changed.json()["karnofsky"]) == (200, 70)
    assert client.get(address).json()["steroid_mg"] == 8.0
    wrong = client.patch(address, {"karnofsky": 75}, format="json")
    assert wrong.status_code == 400
    assert "in tens" in str(wrong.json())
