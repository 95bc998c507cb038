"""The list of patients and the forms of a patient's record."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import clinic_of, clinician_required, member_of, viewer_required
from patients.errors import RecordError, RecordNumberTakenError
from patients.forms import ConsentForm, PatientForm
from patients.models import Patient
from patients.selectors import DEFAULT_SORT, find_namesakes, get_patient, list_patients
from patients.services import patients as services
from patients.summaries import summarise

PAGE_SIZE = 25


@viewer_required
@require_safe
def patient_list(request: HttpRequest) -> HttpResponse:
    """Search as you type, sort and page; htmx asks for the table alone."""
    search = request.GET.get("q", "").strip()
    sort = request.GET.get("sort", DEFAULT_SORT)
    archived = request.GET.get("archived") == "1"
    patients = list_patients(clinic=clinic_of(request), search=search, sort=sort, archived=archived)
    page = Paginator(patients, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _with_summaries(page),
        "search": search,
        "sort": sort,
        "archived": archived,
    }
    template = "patients/_table.html" if request.htmx else "patients/list.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _with_summaries(page: Page[Patient]) -> list[tuple[Patient, object]]:
    patients = list(page.object_list)
    summaries = summarise(patient.pk for patient in patients)
    return [(patient, summaries.get(patient.pk)) for patient in patients]


@clinician_required
@require_http_methods(["GET", "POST"])
def new_patient(request: HttpRequest) -> HttpResponse:
    """Adds a patient; the same name and birth date is pointed out once before it is stored."""
    form = PatientForm(request.POST or None, request.FILES or None, clinic=clinic_of(request))
    namesakes: list[Patient] = []
    if request.method == "POST" and form.is_valid():
        if "same_name_is_fine" not in request.POST:
            namesakes = find_namesakes(
                clinic=clinic_of(request),
                full_name=form.cleaned_data["full_name"],
                birth_date=form.cleaned_data["birth_date"],
            )
        if not namesakes:
            patient = _save(request, form, None)
            if patient is not None:
                return redirect("segmentation:patient", pk=patient.pk)
    return render(request, "patients/form.html", {"form": form, "namesakes": namesakes})


@clinician_required
@require_http_methods(["GET", "POST"])
def edit_patient(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    form = PatientForm(
        request.POST or None,
        request.FILES or None,
        instance=get_patient(clinic=clinic_of(request), pk=pk),
        clinic=clinic_of(request),
    )
    if request.method == "POST" and form.is_valid() and _save(request, form, patient) is not None:
        messages.success(request, "The record was saved.")
        return redirect("segmentation:patient", pk=pk)
    return render(request, "patients/form.html", {"form": form, "patient": patient})


def _save(request: HttpRequest, form: PatientForm, patient: Patient | None) -> Patient | None:
    """The saved patient, or None with the reason on the form."""
    by = member_of(request)
    try:
        if patient is None:
            patient = services.add_patient(by=by, **form.values())
        else:
            patient = services.update_patient(patient=patient, by=by, **form.values())
    except RecordNumberTakenError as error:
        form.add_error("record_number", str(error))
        return None
    except RecordError as error:
        form.add_error(None, str(error))
        return None
    photo = form.cleaned_data.get("photo")
    if photo:
        try:
            services.set_photo(patient=patient, by=by, upload=photo)
        except RecordError as error:
            messages.error(request, str(error))
    return patient


@clinician_required
@require_POST
def archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    services.archive_patient(patient=patient, by=member_of(request))
    messages.success(request, f"{patient.full_name} was archived. Nothing was deleted.")
    return redirect("patients:list")


@clinician_required
@require_POST
def restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    services.restore_patient(patient=patient, by=member_of(request))
    messages.success(request, f"{patient.full_name} is on the list again.")
    return redirect("segmentation:patient", pk=pk)


@clinician_required
@require_POST
def consent(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Writes down what the patient said about research."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    form = ConsentForm(request.POST)
    if form.is_valid():
        services.record_consent(
            patient=patient, by=member_of(request), consent=form.cleaned_data["consent"]
        )
        messages.success(request, "The answer about research was recorded.")
    else:
        messages.error(request, "Please choose whether consent was given, refused or not asked.")
    return redirect("segmentation:patient", pk=pk)


@viewer_required
@require_safe
def photo(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    if not patient.photo:
        raise Http404
    return FileResponse(patient.photo.open("rb"), content_type="image/jpeg")
