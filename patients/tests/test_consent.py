"""What a patient said about research: who may write it down, and what stays known of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from clinic.models import AccessEvent, Membership
from patients.errors import RecordError
from patients.models import Consent, Patient
from patients.services.patients import add_patient, record_consent, update_patient
from patients.tests.factories import PatientFactory

SignIn = Callable[[Membership], Client]


def test_nobody_has_consented_before_being_asked(clinician: Membership) -> None:
    patient = add_patient(
        by=clinician,
        record_number="A-1",
        full_name="Ada Sample",
        birth_date=date(1970, 5, 1),
        sex="F",
    )
    assert patient.research_consent == Consent.UNKNOWN
    assert patient.consent_recorded_at is None
    assert not AccessEvent.objects.filter(action="patient.consent").exists()


def test_consent_is_kept_with_who_wrote_it_down_and_when(clinician: Membership) -> None:
    patient = PatientFactory(clinic=clinician.clinic)
    record_consent(patient=patient, by=clinician, consent="given")
    patient.refresh_from_db()
    assert patient.research_consent == Consent.GIVEN
    assert patient.consent_recorded_by == clinician
    assert patient.consent_recorded_at is not None


def test_a_withdrawal_leaves_the_former_answer_in_the_log(
    clinician: Membership, admin: Membership
) -> None:
    patient = PatientFactory(clinic=clinician.clinic)
    record_consent(patient=patient, by=clinician, consent="given")
    record_consent(patient=patient, by=admin, consent="refused")
    newest, first = AccessEvent.objects.filter(action="patient.consent", patient_id=patient.pk)
    assert (first.member, first.detail) == (clinician, "given, before: not asked")
    assert (newest.member, newest.detail) == (admin, "refused, before: given")


def test_an_unknown_answer_is_refused(clinician: Membership) -> None:
    patient = PatientFactory(clinic=clinician.clinic)
    with pytest.raises(RecordError, match="given, refused or not asked"):
        record_consent(patient=patient, by=clinician, consent="perhaps")
    patient.refresh_from_db()
    assert patient.research_consent == Consent.UNKNOWN


def test_a_change_of_the_record_does_not_touch_the_consent(
    clinician: Membership, admin: Membership
) -> None:
    patient = PatientFactory(clinic=clinician.clinic)
    record_consent(patient=patient, by=clinician, consent="given")
    at = patient.consent_recorded_at
    update_patient(patient=patient, by=admin, full_name="Ada Married", research_consent="given")
    patient.refresh_from_db()
    assert (patient.consent_recorded_by, patient.consent_recorded_at) == (clinician, at)


def test_a_clinician_records_it_on_the_patients_page(
    sign_in: SignIn, clinician: Membership
) -> None:
    patient = PatientFactory(clinic=clinician.clinic)
    browser, page = sign_in(clinician), reverse("segmentation:patient", args=[patient.pk])
    assert "Not asked" in browser.get(page).content.decode()
    answer = browser.post(reverse("patients:consent", args=[patient.pk]), {"consent": "given"})
    assert answer["Location"] == page
    text = browser.get(page).content.decode()
    assert "<strong>Given</strong>" in text
    assert f"by {clinician.display_name}" in text


@pytest.mark.parametrize("answer", ["", "perhaps", "GIVEN"])
def test_the_page_takes_no_other_answer(
    answer: str, sign_in: SignIn, clinician: Membership
) -> None:
    patient = PatientFactory(clinic=clinician.clinic)
    sign_in(clinician).post(reverse("patients:consent", args=[patient.pk]), {"consent": answer})
    assert Patient.objects.get(pk=patient.pk).research_consent == Consent.UNKNOWN


def test_a_viewer_sees_it_and_cannot_change_it(sign_in: SignIn, viewer: Membership) -> None:
    patient = PatientFactory(clinic=viewer.clinic, research_consent="given")
    browser, address = sign_in(viewer), reverse("patients:consent", args=[patient.pk])
    text = browser.get(reverse("segmentation:patient", args=[patient.pk])).content.decode()
    assert "<strong>Given</strong>" in text
    assert address not in text
    assert browser.post(address, {"consent": "refused"}).status_code == 403
    assert Patient.objects.get(pk=patient.pk).research_consent == Consent.GIVEN
