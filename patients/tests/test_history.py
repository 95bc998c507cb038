"""Diagnoses and treatments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from clinic.models import AccessEvent, Membership
from patients.errors import RecordError
from patients.models import Diagnosis, Patient, Treatment
from patients.services.history import add_diagnosis, add_treatment, archive_entry, save_entry
from patients.tests.factories import DiagnosisFactory, PatientFactory, TreatmentFactory

SignIn = Callable[[Membership], Client]
DIAGNOSIS = {
    "tumour_type": "Astrocytoma",
    "who_grade": "3",
    "diagnosed_on": "2024-02-01",
    "idh": "mutant",
    "codeletion_1p19q": "intact",
    "mgmt": "unknown",
}
TREATMENT = {"kind": "surgery", "started_on": "2024-03-01", "ended_on": ""}


@pytest.fixture
def patient(clinician: Membership) -> Patient:
    return PatientFactory(clinic=clinician.clinic)


def test_a_diagnosis_is_added_edited_and_archived_by_page(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    browser = sign_in(clinician)
    new = reverse("patients:new_diagnosis", args=[patient.pk])
    assert browser.get(new).status_code == 200
    home = reverse("segmentation:patient", args=[patient.pk])
    assert browser.post(new, DIAGNOSIS)["Location"] == home
    diagnosis = Diagnosis.objects.get()
    assert (diagnosis.who_grade, diagnosis.idh) == (3, "mutant")
    assert diagnosis.updated_by == clinician
    assert str(diagnosis) == "Astrocytoma, WHO grade 3"
    edit = reverse("patients:edit_diagnosis", args=[diagnosis.pk])
    browser.post(edit, {**DIAGNOSIS, "tumour_type": "Oligodendroglioma"})
    diagnosis.refresh_from_db()
    assert diagnosis.tumour_type == "Oligodendroglioma"
    assert "Oligodendroglioma" in browser.get(home).content.decode()
    browser.post(reverse("patients:archive_diagnosis", args=[diagnosis.pk]))
    assert list(browser.get(home).context["diagnoses"]) == []
    assert browser.get(edit).status_code == 404
    assert Diagnosis.objects.count() == 1


def test_a_treatment_is_added_edited_and_archived_by_page(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    browser = sign_in(clinician)
    home = reverse("segmentation:patient", args=[patient.pk])
    browser.post(reverse("patients:new_treatment", args=[patient.pk]), TREATMENT)
    treatment = Treatment.objects.get()
    assert treatment.ended_on is None
    edit = reverse("patients:edit_treatment", args=[treatment.pk])
    browser.post(edit, {**TREATMENT, "ended_on": "2024-03-09", "response": "Complete"})
    treatment.refresh_from_db()
    assert (treatment.ended_on, treatment.response) == (date(2024, 3, 9), "Complete")
    browser.post(reverse("patients:archive_treatment", args=[treatment.pk]))
    assert list(browser.get(home).context["treatments"]) == []
    assert browser.get(edit).status_code == 404


def test_a_treatment_that_ends_before_it_starts_is_refused_on_the_form(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    values = {**TREATMENT, "ended_on": "2024-02-01"}
    page = sign_in(clinician).post(reverse("patients:new_treatment", args=[patient.pk]), values)
    assert page.status_code == 200
    assert "The end lies before the start." in page.content.decode()
    assert not Treatment.objects.exists()


def test_a_treatment_that_ends_before_it_starts_is_refused_by_the_service(
    clinician: Membership, patient: Patient
) -> None:
    with pytest.raises(RecordError, match="The end lies before the start"):
        add_treatment(
            patient=patient,
            by=clinician,
            kind="surgery",
            started_on=date(2024, 3, 1),
            ended_on=date(2024, 2, 1),
        )


def test_a_treatment_that_ends_before_it_starts_is_refused_by_the_database(
    patient: Patient,
) -> None:
    treatment = TreatmentFactory(patient=patient, started_on=date(2024, 3, 1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Treatment.objects.filter(pk=treatment.pk).update(ended_on=date(2024, 2, 1))


@pytest.mark.parametrize(
    "wrong", [{"who_grade": 5}, {"tumour_type": ""}, {"idh": "perhaps"}, {"diagnosed_on": None}]
)
def test_a_diagnosis_that_makes_no_sense_is_refused(
    wrong: dict[str, Any], clinician: Membership, patient: Patient
) -> None:
    values = {"tumour_type": "Astrocytoma", "diagnosed_on": date(2024, 2, 1), **wrong}
    with pytest.raises(RecordError):
        add_diagnosis(patient=patient, by=clinician, **values)
    assert not Diagnosis.objects.exists()


def test_nothing_of_a_diagnosis_is_filled_in_by_itself(
    clinician: Membership, patient: Patient
) -> None:
    entry = add_diagnosis(
        patient=patient, by=clinician, tumour_type="Glioma", diagnosed_on=date(2024, 2, 1)
    )
    assert entry.who_grade is None
    assert entry.site == entry.histology == entry.biopsy_result == ""
    assert {entry.idh, entry.codeletion_1p19q, entry.mgmt} == {"unknown"}


def test_an_edit_keeps_when_the_entry_was_made(clinician: Membership, patient: Patient) -> None:
    entry = DiagnosisFactory(patient=patient)
    created_at = entry.created_at
    save_entry(entry=entry, by=clinician, site="Frontal")
    entry.refresh_from_db()
    assert (entry.created_at, entry.site) == (created_at, "Frontal")


def test_every_change_of_the_history_is_logged(clinician: Membership, patient: Patient) -> None:
    entry = DiagnosisFactory(patient=patient)
    save_entry(entry=entry, by=clinician, site="Frontal")
    archive_entry(entry=entry, by=clinician)
    actions = AccessEvent.objects.filter(subject_id=entry.pk).values_list("action", flat=True)
    assert sorted(actions) == ["diagnosis.archive", "diagnosis.edit"]
