"""The list of patients and the forms of a record, as their reader meets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic.models import Membership
from patients.models import Patient
from patients.tests.factories import DiagnosisFactory, PatientFactory
from patients.views.patients import PAGE_SIZE

SignIn = Callable[[Membership], Client]
HOSTILE = '<script>alert("x")</script>'


def values(**changes: Any) -> dict[str, Any]:
    usual = {
        "record_number": "A-1",
        "full_name": "Ada Sample",
        "birth_date": "1970-05-01",
        "sex": "F",
    }
    return {**usual, **changes}


def listed(browser: Client, **query: Any) -> Any:
    return browser.get(reverse("patients:list"), query)


def test_the_list_pages(sign_in: SignIn, viewer: Membership) -> None:
    for number in range(PAGE_SIZE + 3):
        PatientFactory(clinic=viewer.clinic, full_name=f"Pat {number:03d}")
    browser = sign_in(viewer)
    first, second = listed(browser), listed(browser, page=2)
    assert len(first.context["rows"]) == PAGE_SIZE
    assert [patient.full_name for patient, _ in second.context["rows"]] == [
        f"Pat {number:03d}" for number in range(PAGE_SIZE, PAGE_SIZE + 3)
    ]
    assert listed(browser, page=99).context["page"].number == 2
    assert listed(browser, page="x").context["page"].number == 1


def test_typing_asks_for_the_table_alone(sign_in: SignIn, viewer: Membership) -> None:
    PatientFactory(clinic=viewer.clinic, full_name="Ada Sample")
    PatientFactory(clinic=viewer.clinic, full_name="Bea Other")
    page = sign_in(viewer).get(
        reverse("patients:list"), {"q": "ada"}, headers={"HX-Request": "true"}
    )
    text = page.content.decode()
    assert "Ada Sample" in text
    assert "Bea Other" not in text
    assert "<html" not in text


@pytest.mark.parametrize("query", ["\x00", "a\x00b", "%", "🧠", "x" * 3000])
def test_any_search_is_answered(query: str, sign_in: SignIn, viewer: Membership) -> None:
    assert listed(sign_in(viewer), q=query).status_code == 200


def test_the_list_asks_the_database_as_often_for_many_patients_as_for_one(
    sign_in: SignIn, viewer: Membership
) -> None:
    browser = sign_in(viewer)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            listed(browser)
        return len(queries)

    PatientFactory(clinic=viewer.clinic)
    few = count()
    for patient in PatientFactory.create_batch(10, clinic=viewer.clinic):
        DiagnosisFactory(patient=patient)
    assert count() == few


@pytest.mark.parametrize("name", ["patients:list", "segmentation:patient"])
def test_a_name_is_escaped_wherever_it_is_shown(
    name: str, sign_in: SignIn, clinician: Membership
) -> None:
    patient = PatientFactory(clinic=clinician.clinic, full_name=HOSTILE, record_number="<b>1</b>")
    DiagnosisFactory(patient=patient, tumour_type="<i>Glioma</i>")
    arguments = [] if name == "patients:list" else [patient.pk]
    text = sign_in(clinician).get(reverse(name, args=arguments)).content.decode()
    assert "&lt;script&gt;alert(" in text
    for unescaped in (HOSTILE, "<b>1</b>", "<i>Glioma</i>"):
        assert unescaped not in text


def test_a_new_patient_is_stored_and_shown(sign_in: SignIn, clinician: Membership) -> None:
    response = sign_in(clinician).post(reverse("patients:new"), values())
    patient = Patient.objects.get()
    assert response["Location"] == reverse("segmentation:patient", args=[patient.pk])
    assert patient.clinic == clinician.clinic


def test_a_namesake_is_pointed_out_once(sign_in: SignIn, clinician: Membership) -> None:
    browser, address = sign_in(clinician), reverse("patients:new")
    browser.post(address, values())
    page = browser.post(address, values(record_number="A-2"))
    assert [patient.record_number for patient in page.context["namesakes"]] == ["A-1"]
    assert "A-1" in page.content.decode()
    assert Patient.objects.count() == 1
    browser.post(address, values(record_number="A-2", same_name_is_fine="1"))
    assert Patient.objects.count() == 2


def test_a_taken_record_number_is_said_on_the_form(sign_in: SignIn, clinician: Membership) -> None:
    PatientFactory(clinic=clinician.clinic, record_number="A-1")
    page = sign_in(clinician).post(reverse("patients:new"), values())
    assert "belongs to another patient" in str(page.context["form"].errors["record_number"])
    assert Patient.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"birth_date": f"{timezone.localdate() + timedelta(days=1):%Y-%m-%d}"},
        {"birth_date": "1066-10-14"},
        {"birth_date": "yesterday"},
        {"full_name": " "},
        {"record_number": ""},
        {"sex": "Q"},
        {"full_name": "x" * 161},
    ],
)
def test_an_impossible_entry_is_refused(
    wrong: dict[str, str], sign_in: SignIn, clinician: Membership
) -> None:
    page = sign_in(clinician).post(reverse("patients:new"), values(**wrong))
    assert page.status_code == 200
    assert set(page.context["form"].errors) == set(wrong)
    assert not Patient.objects.exists()


def test_only_the_clinics_own_clinicians_can_attend(
    sign_in: SignIn, clinician: Membership, viewer: Membership, stranger: Membership
) -> None:
    browser = sign_in(clinician)
    for other in (viewer, stranger):
        page = browser.post(reverse("patients:new"), values(attending=other.pk))
        assert "attending" in page.context["form"].errors
    assert browser.post(reverse("patients:new"), values(attending=clinician.pk)).status_code == 302


def test_a_record_is_edited(sign_in: SignIn, clinician: Membership) -> None:
    patient = PatientFactory(clinic=clinician.clinic)
    address = reverse("patients:edit", args=[patient.pk])
    browser = sign_in(clinician)
    assert browser.get(address).status_code == 200
    browser.post(address, values(full_name="Ada Married", allergies="Penicillin"))
    created_at = patient.created_at
    patient.refresh_from_db()
    assert (patient.full_name, patient.allergies) == ("Ada Married", "Penicillin")
    assert patient.created_at == created_at


def test_a_patient_is_archived_and_restored(sign_in: SignIn, clinician: Membership) -> None:
    patient = PatientFactory(clinic=clinician.clinic, full_name="Ada Sample")
    browser = sign_in(clinician)
    browser.post(reverse("patients:archive", args=[patient.pk]))
    assert listed(browser, q="Ada").context["rows"] == []
    assert [p for p, _ in listed(browser, archived="1").context["rows"]] == [patient]
    assert browser.get(reverse("segmentation:patient", args=[patient.pk])).status_code == 200
    browser.post(reverse("patients:restore", args=[patient.pk]))
    assert [p for p, _ in listed(browser).context["rows"]] == [patient]


def test_a_clinic_without_patients_has_a_page(sign_in: SignIn, viewer: Membership) -> None:
    page = listed(sign_in(viewer))
    assert page.status_code == 200
    assert page.context["rows"] == []
