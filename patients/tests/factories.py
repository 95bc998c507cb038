"""Records."""

from __future__ import annotations

from datetime import date

import factory
from factory.django import DjangoModelFactory

from clinic.tests.factories import ClinicFactory
from patients.models import Diagnosis, Patient, Sex, Study, Treatment, TreatmentKind


class PatientFactory(DjangoModelFactory[Patient]):
    class Meta:
        model = Patient

    clinic = factory.SubFactory(ClinicFactory)
    record_number = factory.Sequence(lambda n: f"R-{n:04d}")
    full_name = factory.Sequence(lambda n: f"Pat Sample {n}")
    birth_date = date(1960, 3, 14)
    sex = Sex.FEMALE


class StudyFactory(DjangoModelFactory[Study]):
    class Meta:
        model = Study

    patient = factory.SubFactory(PatientFactory)
    performed_on = date(2024, 3, 1)


class DiagnosisFactory(DjangoModelFactory[Diagnosis]):
    class Meta:
        model = Diagnosis

    patient = factory.SubFactory(PatientFactory)
    tumour_type = "Oligodendroglioma"
    diagnosed_on = date(2024, 2, 1)


class TreatmentFactory(DjangoModelFactory[Treatment]):
    class Meta:
        model = Treatment

    patient = factory.SubFactory(PatientFactory)
    kind = TreatmentKind.SURGERY
    started_on = date(2024, 4, 1)
