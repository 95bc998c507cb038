"""Who may do what through the API: every endpoint, every role, and the clinic next door."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from clinic.models import AccessEvent
from segmentation.models import Segmentation
from segmentation.tests.api_helpers import House, patient_values, post_scan

pytest_plugins = ("segmentation.tests.api_fixtures",)
pytestmark = pytest.mark.usefixtures("own_files", "quick_model")

DIAGNOSIS = {"tumour_type": "Glioblastoma", "diagnosed_on": "2024-03-10"}
TREATMENT = {"kind": "surgery", "started_on": "2024-04-01"}

READ = (
    "patients/{patient}/",
    "patients/{patient}/diagnoses/",
    "patients/{patient}/treatments/",
    "patients/{patient}/studies/",
    "patients/{patient}/scans/",
    "diagnoses/{diagnosis}/",
    "treatments/{treatment}/",
    "studies/{study}/",
    "scans/{scan}/",
    "scans/{scan}/file/",
    "segmentations/{segmentation}/",
    "segmentations/?patient={patient}",
    "segmentations/?scan={scan}",
)
LISTS = ("patients/", "worklist/", "segmentations/", "schema/", "docs/")
WRITE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("put", "patients/{patient}/", patient_values()),
    ("patch", "patients/{patient}/", {"phone": "1"}),
    ("delete", "patients/{patient}/", {}),
    ("post", "patients/{patient}/restore/", {}),
    ("post", "patients/{patient}/diagnoses/", DIAGNOSIS),
    ("post", "patients/{patient}/treatments/", TREATMENT),
    ("patch", "diagnoses/{diagnosis}/", {"site": "Frontal"}),
    ("delete", "diagnoses/{diagnosis}/", {}),
    ("patch", "treatments/{treatment}/", {"response": "Good"}),
    ("delete", "treatments/{treatment}/", {}),
    ("patch", "scans/{scan}/", {"acquired_on": "2024-03-02", "reason": "Typing error"}),
    ("delete", "scans/{scan}/", {}),
    ("post", "scans/{scan}/restore/", {}),
)
CONFLICTING: tuple[tuple[str, str], ...] = (
    ("post", "scans/{scan}/confirm/"),
    ("post", "scans/{scan}/segment/"),
    ("get", "segmentations/{segmentation}/mask/"),
)
ERASE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("patients/{patient}/erase/", {"record_number": "A-1"}),
    ("scans/{scan}/erase/", {}),
)


@pytest.fixture
def ids(house: House) -> dict[str, str]:
    """One object of each kind in the house's clinic."""
    client = house.client("clinician")
    record = f"/api/v1/patients/{house.patient.pk}"
    scan = post_scan(client, house.patient).json()
    return {
        "patient": str(house.patient.pk),
        "diagnosis": client.post(f"{record}/diagnoses/", DIAGNOSIS, format="json").json()["id"],
        "treatment": client.post(f"{record}/treatments/", TREATMENT, format="json").json()["id"],
        "scan": scan["id"],
        "study": scan["study"],
        "segmentation": scan["segmentation"]["id"],
    }


def ask(client: APIClient, method: str, path: str, ids: dict[str, str], data: Any = None) -> int:
    address = "/api/v1/" + path.format(**ids)
    if method == "get":
        return client.get(address).status_code
    return getattr(client, method)(address, data, format="json").status_code


@pytest.mark.parametrize("path", READ)
def test_every_member_reads(path: str, house: House, ids: dict[str, str]) -> None:
    for name in ("viewer", "clinician", "admin"):
        assert ask(house.client(name), "get", path, ids) == 200
    assert ask(house.client("stranger"), "get", path, ids) == 404
    assert ask(APIClient(), "get", path, ids) == 401


@pytest.mark.parametrize("path", LISTS)
def test_lists_and_description_need_a_member(path: str, house: House) -> None:
    assert ask(APIClient(), "get", path, {}) == 401
    assert ask(house.client("viewer"), "get", path, {}) == 200


@pytest.mark.parametrize(("method", "path", "data"), WRITE)
def test_clinicians_write(
    method: str, path: str, data: dict[str, Any], house: House, ids: dict[str, str]
) -> None:
    assert ask(APIClient(), method, path, ids, data) == 401
    assert ask(house.client("viewer"), method, path, ids, data) == 403
    assert ask(house.client("stranger"), method, path, ids, data) == 404
    assert ask(house.client("clinician"), method, path, ids, data) in (200, 201, 204)


@pytest.mark.parametrize(("method", "path"), CONFLICTING)
def test_what_does_not_fit_the_state_is_a_conflict_for_members_only(
    method: str, path: str, house: House, ids: dict[str, str]
) -> None:
    assert ask(APIClient(), method, path, ids) == 401
    assert ask(house.client("stranger"), method, path, ids) == 404
    assert ask(house.client("clinician"), method, path, ids) == 409
    if method == "post":
        assert ask(house.client("viewer"), method, path, ids) == 403


@pytest.mark.parametrize(("path", "data"), ERASE)
def test_only_administrators_erase(
    path: str, data: dict[str, Any], house: House, ids: dict[str, str]
) -> None:
    assert ask(APIClient(), "post", path, ids, data) == 401
    assert ask(house.client("viewer"), "post", path, ids, data) == 403
    assert ask(house.client("clinician"), "post", path, ids, data) == 403
    assert ask(house.client("stranger"), "post", path, ids, data) == 404
    assert ask(house.client("admin"), "post", path, ids, data) == 204


def test_viewers_and_strangers_cannot_add(house: House) -> None:
    other = patient_values(record_number="A-2")
    assert ask(house.client("viewer"), "post", "patients/", {}, other) == 403
    assert ask(APIClient(), "post", "patients/", {}, other) == 401
    assert post_scan(house.client("viewer"), house.patient).status_code == 403
    assert post_scan(house.client("stranger"), house.patient).status_code == 404
    assert post_scan(APIClient(), house.patient).status_code == 401


def test_lists_show_nothing_of_another_clinic(house: House, ids: dict[str, str]) -> None:
    for path in ("patients/", "segmentations/"):
        assert house.client("stranger").get(f"/api/v1/{path}").json()["count"] == 0
        assert house.client("viewer").get(f"/api/v1/{path}").json()["count"] == 1


def test_a_deactivated_member_is_refused(house: House) -> None:
    client = house.client("viewer")
    house.viewer.is_active = False
    house.viewer.save()
    assert client.get("/api/v1/patients/").status_code == 403


def test_a_session_needs_the_csrf_token_to_write(house: House) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(house.admin.user, "django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/patients/").status_code == 200
    assert client.delete(f"/api/v1/patients/{house.patient.pk}/").status_code == 403


def test_reading_a_record_and_taking_files_is_logged(house: House, ids: dict[str, str]) -> None:
    client = house.client("viewer")
    client.get(f"/api/v1/patients/{ids['patient']}/")
    b"".join(client.get(f"/api/v1/scans/{ids['scan']}/file/").streaming_content)
    client.get(f"/api/v1/segmentations/{ids['segmentation']}/mask/")
    lines = AccessEvent.objects.filter(member=house.viewer).values_list("action", "patient_id")
    assert set(lines) == {
        ("patient.read", house.patient.pk),
        ("scan.download", house.patient.pk),
    }


def test_polling_is_never_throttled(house: House, ids: dict[str, str]) -> None:
    client = house.client("viewer")
    address = f"/api/v1/segmentations/{ids['segmentation']}/"
    assert {client.get(address).status_code for _ in range(120)} == {200}
    assert Segmentation.objects.get().state == "queued"
