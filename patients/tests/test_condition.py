"""How the patient was on the day of a visit: recorded by whom, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from clinic.models import AccessEvent, Membership
from patients.errors import RecordError
from patients.models import Study
from patients.services.studies import record_condition, remove_empty_study
from patients.tests.factories import StudyFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(clinician: Membership) -> Study:
    return StudyFactory(patient__clinic=clinician.clinic)


def test_a_condition_is_written_with_who_and_when_and_logged(
    study: Study, clinician: Membership
) -> None:
    record_condition(
        study=study, by=clinician, steroid_mg=4.0, karnofsky=80, clinical_change="worse"
    )
    study.refresh_from_db()
    assert (study.steroid_mg, study.karnofsky, study.clinical_change) == (4.0, 80, "worse")
    assert study.condition_by == clinician
    assert study.condition_at is not None
    line = AccessEvent.objects.get(action="study.condition")
    day = f"{study.performed_on:%-d %b %Y}"
    assert line.detail == (
        f"{day}: dexamethasone 4 mg a day (before: not recorded); "
        "Karnofsky 80 % (before: not recorded); clinically worse (before: clinically not recorded)"
    )


def test_what_is_left_out_stays_and_what_is_the_same_is_not_logged(
    study: Study, clinician: Membership
) -> None:
    record_condition(study=study, by=clinician, karnofsky=80)
    record_condition(study=study, by=clinician, is_baseline=True)
    record_condition(study=study, by=clinician, karnofsky=80)
    study.refresh_from_db()
    assert (study.karnofsky, study.is_baseline) == (80, True)
    assert AccessEvent.objects.filter(action="study.condition").count() == 2


@pytest.mark.parametrize(
    "values", [{"karnofsky": 85}, {"karnofsky": 110}, {"steroid_mg": -1.0}, {"steroid_mg": 400.0}]
)
def test_what_cannot_be_is_refused_in_words(
    study: Study, clinician: Membership, values: dict[str, Any]
) -> None:
    with pytest.raises(RecordError, match=r"The (dose|Karnofsky)|greater than or equal"):
        record_condition(study=study, by=clinician, **values)
    study.refresh_from_db()
    assert not study.has_condition


def test_a_study_without_scans_stays_if_its_condition_was_recorded(
    study: Study, clinician: Membership
) -> None:
    record_condition(study=study, by=clinician, karnofsky=80)
    study.refresh_from_db()
    remove_empty_study(study=study)
    assert Study.objects.filter(pk=study.pk).exists()
    other = StudyFactory(patient=study.patient, performed_on="2024-05-01")
    remove_empty_study(study=other)
    assert not Study.objects.filter(pk=other.pk).exists()
