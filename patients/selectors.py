"""Reading the record. Every query starts from a clinic, so that nobody sees another's patients."""

from __future__ import annotations

import uuid
from datetime import date

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery
from django.shortcuts import get_object_or_404

from clinic.models import Clinic
from patients.models import Diagnosis, Patient, Scan, Study, Treatment

SORTS = {
    "name": ("full_name", "record_number"),
    "-name": ("-full_name", "-record_number"),
    "record": ("record_number",),
    "-record": ("-record_number",),
    "age": ("-birth_date", "full_name"),
    "-age": ("birth_date", "full_name"),
    "scan": ("last_scan_on", "full_name"),
    "-scan": ("-last_scan_on", "full_name"),
}
DEFAULT_SORT = "name"


def list_patients(
    *, clinic: Clinic, search: str = "", sort: str = DEFAULT_SORT, archived: bool = False
) -> QuerySet[Patient]:
    """The clinic's patients with ``last_scan_on`` and ``diagnosis_name``.

    ``search`` finds any part of the name or the record number; each of its words must occur.
    """
    diagnoses = Diagnosis.objects.filter(patient=OuterRef("pk"), archived_at=None)
    patients = Patient.objects.of(clinic).annotate(
        last_scan_on=Max(
            "studies__performed_on",
            filter=Q(studies__scans__isnull=False, studies__scans__archived_at=None),
        ),
        diagnosis_name=Subquery(diagnoses.values("tumour_type")[:1]),
        diagnosis_grade=Subquery(diagnoses.values("who_grade")[:1]),
    )
    patients = patients.exclude(archived_at=None) if archived else patients.present()
    # PostgreSQL has no NUL in its texts.
    for word in search.replace("\0", " ").split():
        patients = patients.filter(Q(full_name__icontains=word) | Q(record_number__icontains=word))
    # Patients without a scan come last, whichever way the column is sorted.
    order = [
        F(name.lstrip("-")).desc(nulls_last=True)
        if name.startswith("-")
        else F(name).asc(nulls_last=True)
        for name in SORTS.get(sort, SORTS[DEFAULT_SORT])
    ]
    return patients.order_by(*order, "pk")


def get_patient(*, clinic: Clinic, pk: uuid.UUID) -> Patient:
    """The clinic's patient, archived or not; Http404 for anybody else's."""
    return get_object_or_404(
        Patient.objects.of(clinic).select_related(
            "attending__user", "updated_by__user", "consent_recorded_by__user"
        ),
        pk=pk,
    )


def get_scan(*, clinic: Clinic, pk: uuid.UUID) -> Scan:
    return get_object_or_404(
        Scan.objects.of(clinic).select_related("study__patient", "uploaded_by__user"), pk=pk
    )


def get_study(*, clinic: Clinic, pk: uuid.UUID) -> Study:
    studies = Study.objects.filter(patient__clinic=clinic).select_related("patient")
    return get_object_or_404(studies, pk=pk)


def get_diagnosis(*, clinic: Clinic, pk: uuid.UUID) -> Diagnosis:
    return get_object_or_404(Diagnosis, pk=pk, patient__clinic=clinic, archived_at=None)


def get_treatment(*, clinic: Clinic, pk: uuid.UUID) -> Treatment:
    return get_object_or_404(Treatment, pk=pk, patient__clinic=clinic, archived_at=None)


def find_namesakes(
    *, clinic: Clinic, full_name: str, birth_date: date, other_than: uuid.UUID | None = None
) -> list[Patient]:
    """Patients with the same name and birth date, archived ones too: perhaps the same person."""
    same = Patient.objects.of(clinic).filter(
        full_name__iexact=full_name.strip(), birth_date=birth_date
    )
    return list(same if other_than is None else same.exclude(pk=other_than))
