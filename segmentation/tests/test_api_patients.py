"""Patients and their history through the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from clinic.models import AccessEvent
from patients.models import Diagnosis, Patient
from segmentation.tests.api_helpers import House, new_patient, patient_values, post_scan

pytest_plugins = ("segmentation.tests.api_fixtures",)
pytestmark = pytest.mark.usefixtures("own_files", "quick_model")


def add(house: House, **changes: Any) -> Any:
    values = patient_values(record_number="B-2", **changes)
    return house.client("clinician").post("/api/v1/patients/", values, format="json")


def test_adding_a_patient_answers_with_an_id(house: House) -> None:
    answer = add(house, attending=str(house.admin.pk), allergies="Penicillin")
    assert answer.status_code == 201
    body = answer.json()
    patient = Patient.objects.get(pk=body["id"])
    assert patient.clinic == house.clinic
    assert body["age"] == patient.age
    assert (body["attending"], body["attending_name"]) == (str(house.admin.pk), "admin")
    assert body["allergies"] == "Penicillin"


def test_a_form_is_as_good_as_json(house: House) -> None:
    values = patient_values(record_number="B-3")
    answer = house.client("clinician").post("/api/v1/patients/", values, format="multipart")
    assert answer.status_code == 201


@pytest.mark.parametrize("missing", ["record_number", "full_name", "birth_date", "sex"])
def test_what_identifies_a_patient_is_required(missing: str, house: House) -> None:
    values = patient_values(record_number="B-2")
    del values[missing]
    answer = house.client("clinician").post("/api/v1/patients/", values, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [missing]


def test_a_record_number_is_given_once(house: House) -> None:
    values = patient_values()
    answer = house.client("clinician").post("/api/v1/patients/", values, format="json")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("The record number A-1 belongs to another patient")
    assert Patient.objects.count() == 1


def test_a_changed_record_number_may_not_be_taken_either(house: House) -> None:
    other = add(house).json()["id"]
    address = f"/api/v1/patients/{other}/"
    answer = house.client("clinician").patch(address, {"record_number": "A-1"}, format="json")
    assert answer.status_code == 409


@pytest.mark.parametrize("day", ["2999-01-01", "1700-01-01", "yesterday"])
def test_an_impossible_birth_date_is_refused(day: str, house: House) -> None:
    assert add(house, birth_date=day).status_code == 400


def test_nobody_of_another_clinic_attends(house: House) -> None:
    assert add(house, attending=str(house.stranger.pk)).status_code == 400
    assert add(house, attending=str(house.viewer.pk)).status_code == 400


def test_patch_changes_only_what_it_names(house: House) -> None:
    address = f"/api/v1/patients/{house.patient.pk}/"
    answer = house.client("clinician").patch(address, {"phone": "0123"}, format="json")
    assert answer.status_code == 200
    assert (answer.json()["phone"], answer.json()["full_name"]) == ("0123", "Ada Example")


def test_the_clinic_cannot_be_changed(house: House) -> None:
    address = f"/api/v1/patients/{house.patient.pk}/"
    values = {"clinic": str(house.stranger.clinic_id), "is_demo": True}
    house.client("clinician").patch(address, values, format="json")
    house.patient.refresh_from_db()
    assert house.patient.clinic == house.clinic
    assert not house.patient.is_demo


def test_deleting_archives_and_can_be_undone(house: House) -> None:
    client = house.client("clinician")
    address = f"/api/v1/patients/{house.patient.pk}/"
    assert client.delete(address).status_code == 204
    assert client.get("/api/v1/patients/").json()["count"] == 0
    assert client.get("/api/v1/patients/?archived=1").json()["count"] == 1
    assert client.get(address).json()["archived_at"] is not None
    assert client.post(f"{address}restore/").json()["archived_at"] is None
    assert client.get("/api/v1/patients/").json()["count"] == 1


def test_the_list_is_searched_sorted_and_paged(house: House) -> None:
    new_patient(house.clinician, record_number="Z-9", full_name="Bob Sample")
    client = house.client("viewer")
    found = client.get("/api/v1/patients/?search=samp z-9").json()["results"]
    assert [line["full_name"] for line in found] == ["Bob Sample"]
    page = client.get("/api/v1/patients/?sort=-record&page_size=1").json()
    assert (page["count"], page["results"][0]["record_number"]) == (2, "Z-9")
    assert "page=2" in page["next"]
    assert client.get("/api/v1/patients/?sort=shoe-size").status_code == 400


def test_a_line_of_the_list_has_the_last_scan_and_the_diagnosis(house: House) -> None:
    post_scan(house.client("clinician"), house.patient)
    Diagnosis.objects.create(
        patient=house.patient, tumour_type="Glioma", who_grade=2, diagnosed_on=timezone.localdate()
    )
    line = house.client("viewer").get("/api/v1/patients/").json()["results"][0]
    assert line["last_scan_on"] == "2024-03-01"
    assert (line["diagnosis"], line["who_grade"]) == ("Glioma", 2)


def test_a_patient_is_erased_only_with_the_record_number(house: House) -> None:
    client = house.client("admin")
    address = f"/api/v1/patients/{house.patient.pk}/erase/"
    wrong = client.post(address, {"record_number": "A-2"}, format="json")
    assert wrong.status_code == 400
    assert "Nothing was erased" in wrong.json()["detail"]
    assert client.post(address, {"record_number": "A-1"}, format="json").status_code == 204
    assert not Patient.objects.exists()


def test_a_diagnosis_is_added_changed_and_archived(house: House) -> None:
    client = house.client("clinician")
    record = f"/api/v1/patients/{house.patient.pk}/diagnoses/"
    values = {"tumour_type": "Glioblastoma", "who_grade": 4, "diagnosed_on": "2024-03-10"}
    added = client.post(record, values, format="json")
    assert added.status_code == 201
    assert added.json()["idh"] == "unknown"
    address = f"/api/v1/diagnoses/{added.json()['id']}/"
    changed = client.patch(address, {"idh": "wildtype"}, format="json").json()
    assert (changed["idh"], changed["tumour_type"]) == ("wildtype", "Glioblastoma")
    assert client.delete(address).status_code == 204
    assert client.get(record).json() == []
    assert client.get(address).status_code == 404
    actions = AccessEvent.objects.values_list("action", flat=True)
    assert {"diagnosis.edit", "diagnosis.archive"} <= set(actions)


def test_a_treatment_cannot_end_before_it_starts(house: House) -> None:
    client = house.client("clinician")
    record = f"/api/v1/patients/{house.patient.pk}/treatments/"
    values = {"kind": "surgery", "started_on": "2024-04-02", "ended_on": "2024-04-01"}
    answer = client.post(record, values, format="json")
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The end lies before the start."}
    assert client.get(record).json() == []


def test_consent_to_research_is_recorded_with_name_and_time(house: House) -> None:
    address = f"/api/v1/patients/{house.patient.pk}/"
    client = house.client("clinician")
    before = client.get(address).json()
    assert (before["research_consent"], before["consent_recorded_at"]) == ("unknown", None)

    after = client.patch(address, {"research_consent": "given"}, format="json").json()
    assert after["research_consent"] == "given"
    assert after["consent_recorded_by_name"] == "clinician"
    assert after["consent_recorded_at"] is not None
    assert AccessEvent.objects.get(action="patient.consent").detail == "given, before: not asked"


def test_an_answer_about_research_that_does_not_exist_is_refused(house: House) -> None:
    address = f"/api/v1/patients/{house.patient.pk}/"
    client = house.client("clinician")
    answer = client.patch(address, {"research_consent": "perhaps"}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["research_consent"]
    viewer = house.client("viewer").patch(address, {"research_consent": "given"}, format="json")
    assert viewer.status_code == 403


def test_who_recorded_the_consent_cannot_be_set_from_outside(house: House) -> None:
    address = f"/api/v1/patients/{house.patient.pk}/"
    values = {"research_consent": "given", "consent_recorded_at": "2001-01-01T00:00Z"}
    answer = house.client("clinician").patch(address, values, format="json")
    assert not answer.json()["consent_recorded_at"].startswith("2001")
