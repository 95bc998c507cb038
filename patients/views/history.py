"""Diagnoses and treatments: one form each, the same for a new and for a changed entry."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from clinic.access import clinic_of, clinician_required, member_of
from patients.errors import RecordError
from patients.forms import ConditionForm, DiagnosisForm, TreatmentForm
from patients.models import Diagnosis, Patient, Treatment
from patients.selectors import get_diagnosis, get_patient, get_study, get_treatment
from patients.services import history as services
from patients.services.studies import record_condition


@clinician_required
@require_http_methods(["GET", "POST"])
def new_diagnosis(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    form = DiagnosisForm(request.POST or None, instance=Diagnosis(patient=patient))
    return _answer(request, patient, form, "New diagnosis")


@clinician_required
@require_http_methods(["GET", "POST"])
def edit_diagnosis(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    diagnosis = get_diagnosis(clinic=clinic_of(request), pk=pk)
    form = DiagnosisForm(request.POST or None, instance=diagnosis)
    return _answer(request, diagnosis.patient, form, "Edit diagnosis")


@clinician_required
@require_http_methods(["GET", "POST"])
def new_treatment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    form = TreatmentForm(request.POST or None, instance=Treatment(patient=patient))
    return _answer(request, patient, form, "New treatment")


@clinician_required
@require_http_methods(["GET", "POST"])
def edit_treatment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    treatment = get_treatment(clinic=clinic_of(request), pk=pk)
    form = TreatmentForm(request.POST or None, instance=treatment)
    return _answer(request, treatment.patient, form, "Edit treatment")


@clinician_required
@require_POST
def condition(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How the patient was on the day of a visit."""
    study = get_study(clinic=clinic_of(request), pk=pk)
    form = ConditionForm(request.POST, instance=study)
    if form.is_valid():
        record_condition(study=study, by=member_of(request), **form.cleaned_data)
        messages.success(request, f"Recorded for {study.performed_on:%-d %b %Y}.")
    else:
        messages.error(request, " ".join(form.problems()))
    page = reverse("segmentation:patient", args=[study.patient_id])
    return redirect(f"{page}#course")


def _answer(
    request: HttpRequest, patient: Patient, form: forms.ModelForm[Any], title: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            services.save_entry(entry=form.instance, by=member_of(request), **form.cleaned_data)
        except RecordError as error:
            form.add_error(None, str(error))
        else:
            return redirect("segmentation:patient", pk=patient.pk)
    context = {"form": form, "patient": patient, "title": title}
    return render(request, "patients/entry_form.html", context)


@clinician_required
@require_POST
def archive_diagnosis(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    diagnosis = get_diagnosis(clinic=clinic_of(request), pk=pk)
    return _archive(request, diagnosis)


@clinician_required
@require_POST
def archive_treatment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    treatment = get_treatment(clinic=clinic_of(request), pk=pk)
    return _archive(request, treatment)


def _archive(request: HttpRequest, entry: Diagnosis | Treatment) -> HttpResponse:
    services.archive_entry(entry=entry, by=member_of(request))
    return redirect("segmentation:patient", pk=entry.patient_id)
