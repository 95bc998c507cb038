"""Adding, changing and archiving patients through the services; finding them again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from clinic.models import AccessEvent, Clinic, Membership
from patients.errors import RecordError, RecordNumberTakenError
from patients.models import Patient
from patients.selectors import find_namesakes, list_patients
from patients.services.patients import (
    add_patient,
    archive_patient,
    restore_patient,
    update_patient,
)
from patients.tests.factories import DiagnosisFactory, PatientFactory, StudyFactory


def values(**changes: Any) -> dict[str, Any]:
    usual = {
        "record_number": "A-1",
        "full_name": "Ada Sample",
        "birth_date": date(1970, 5, 1),
        "sex": "F",
    }
    return {**usual, **changes}


def names(clinic: Clinic, **how: Any) -> list[str]:
    return [patient.full_name for patient in list_patients(clinic=clinic, **how)]


def test_a_patient_is_added_to_the_members_clinic_and_logged(clinician: Membership) -> None:
    patient = add_patient(by=clinician, **values())
    assert patient.clinic == clinician.clinic
    assert patient.created_by == patient.updated_by == clinician
    event = AccessEvent.objects.get(action="patient.add")
    assert (event.member, event.patient_id) == (clinician, patient.pk)


def test_a_record_number_is_used_once_in_a_clinic(clinician: Membership) -> None:
    add_patient(by=clinician, **values())
    with pytest.raises(RecordNumberTakenError, match="A-1 belongs to another patient"):
        add_patient(by=clinician, **values(full_name="Somebody Else"))
    assert Patient.objects.count() == 1


def test_changing_to_a_taken_record_number_changes_nothing(clinician: Membership) -> None:
    add_patient(by=clinician, **values())
    other = add_patient(by=clinician, **values(record_number="A-2"))
    with pytest.raises(RecordNumberTakenError):
        update_patient(patient=other, by=clinician, record_number="A-1", full_name="New Name")
    other.refresh_from_db()
    assert (other.record_number, other.full_name) == ("A-2", "Ada Sample")


def test_two_clinics_may_share_a_record_number(clinician: Membership, stranger: Membership) -> None:
    add_patient(by=clinician, **values())
    add_patient(by=stranger, **values())
    assert Patient.objects.filter(record_number="A-1").count() == 2


def test_an_edit_keeps_when_and_by_whom_the_patient_was_added(
    clinician: Membership, admin: Membership
) -> None:
    patient = add_patient(by=clinician, **values())
    created_at, updated_at = patient.created_at, patient.updated_at
    update_patient(patient=patient, by=admin, **values(full_name="Ada Married"))
    patient.refresh_from_db()
    assert patient.created_at == created_at
    assert patient.created_by == clinician
    assert patient.updated_at > updated_at
    assert patient.updated_by == admin


def test_the_attending_clinician_is_of_the_same_clinic(
    clinician: Membership, stranger: Membership
) -> None:
    with pytest.raises(RecordError, match="member of this clinic"):
        add_patient(by=clinician, **values(attending=stranger))


def test_a_field_that_is_not_for_editing_is_refused(
    clinician: Membership, stranger: Membership
) -> None:
    patient = add_patient(by=clinician, **values())
    with pytest.raises(TypeError, match="clinic"):
        update_patient(patient=patient, by=clinician, clinic=stranger.clinic)


def test_an_archived_patient_leaves_the_list_and_comes_back(clinician: Membership) -> None:
    patient = add_patient(by=clinician, **values())
    archive_patient(patient=patient, by=clinician)
    assert names(clinician.clinic) == []
    assert names(clinician.clinic, archived=True) == ["Ada Sample"]
    restore_patient(patient=patient, by=clinician)
    assert names(clinician.clinic) == ["Ada Sample"]
    actions = AccessEvent.objects.filter(patient_id=patient.pk).values_list("action", flat=True)
    assert {"patient.archive", "patient.restore"} <= set(actions)


def test_a_namesake_has_the_same_name_and_birth_date(clinic: Clinic) -> None:
    same = PatientFactory(clinic=clinic, full_name="Ada Sample", birth_date=date(1970, 5, 1))
    PatientFactory(clinic=clinic, full_name="Ada Sample", birth_date=date(1971, 5, 1))
    PatientFactory(full_name="Ada Sample", birth_date=date(1970, 5, 1))
    born = date(1970, 5, 1)
    assert find_namesakes(clinic=clinic, full_name=" ada sample ", birth_date=born) == [same]
    nobody = find_namesakes(
        clinic=clinic, full_name="Ada Sample", birth_date=born, other_than=same.pk
    )
    assert nobody == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ada", ["Ada Sample"]),
        ("SAMPLE", ["Ada Sample", "Bea Sample"]),
        ("sample a-1", ["Ada Sample"]),
        ("B-2", ["Bea Sample"]),
        ("", ["Ada Sample", "Bea Sample", "Cy Other"]),
        ("sample other", []),
        ("100%", []),
        ("_", []),
        ("'; DROP TABLE", []),
    ],
)
def test_the_search_finds_any_part_of_name_or_number(
    search: str, found: list[str], clinic: Clinic
) -> None:
    PatientFactory(clinic=clinic, full_name="Ada Sample", record_number="A-1")
    PatientFactory(clinic=clinic, full_name="Bea Sample", record_number="B-2")
    PatientFactory(clinic=clinic, full_name="Cy Other", record_number="C-3")
    PatientFactory(full_name="Ada Sample of another clinic", record_number="A-1")
    assert names(clinic, search=search) == found


def scanned(clinic: Clinic, name: str, day: date | None, **of: Any) -> Patient:
    """A patient whose last study, without a scan in it, does not count as one."""
    patient = PatientFactory(clinic=clinic, full_name=name, **of)
    if day is not None:
        StudyFactory(patient=patient, performed_on=day)
    return patient


def test_lists_are_sorted_by_name_number_and_age(clinic: Clinic) -> None:
    scanned(clinic, "Cy", None, record_number="1", birth_date=date(1980, 1, 1))
    scanned(clinic, "Ada", None, record_number="3", birth_date=date(1950, 1, 1))
    scanned(clinic, "Bea", None, record_number="2", birth_date=date(2000, 1, 1))
    assert names(clinic, sort="name") == ["Ada", "Bea", "Cy"]
    assert names(clinic, sort="-name") == ["Cy", "Bea", "Ada"]
    assert names(clinic, sort="record") == ["Cy", "Bea", "Ada"]
    assert names(clinic, sort="-record") == ["Ada", "Bea", "Cy"]
    assert names(clinic, sort="age") == ["Bea", "Cy", "Ada"]
    assert names(clinic, sort="-age") == ["Ada", "Cy", "Bea"]
    assert names(clinic, sort="no such column") == ["Ada", "Bea", "Cy"]


def test_a_study_without_a_scan_is_not_the_last_scan(clinic: Clinic) -> None:
    scanned(clinic, "Ada", date(2024, 1, 1))
    assert list_patients(clinic=clinic).get().last_scan_on is None


def test_the_newest_diagnosis_in_force_stands_on_the_list(clinic: Clinic) -> None:
    patient = PatientFactory(clinic=clinic)
    DiagnosisFactory(patient=patient, tumour_type="Older", diagnosed_on=date(2020, 1, 1))
    DiagnosisFactory(
        patient=patient, tumour_type="Newer", who_grade=3, diagnosed_on=date(2023, 1, 1)
    )
    DiagnosisFactory(
        patient=patient,
        tumour_type="Archived",
        diagnosed_on=date(2024, 1, 1),
        archived_at="2024-01-02T00:00Z",
    )
    row = list_patients(clinic=clinic).get()
    assert (row.diagnosis_name, row.diagnosis_grade) == ("Newer", 3)


@pytest.mark.parametrize(
    ("day", "age"),
    [(date(2020, 2, 28), 19), (date(2020, 2, 29), 20), (date(2021, 2, 28), 20)],
)
def test_age_counts_whole_years(day: date, age: int) -> None:
    assert PatientFactory.build(birth_date=date(2000, 2, 29), clinic=None).age_on(day) == age
