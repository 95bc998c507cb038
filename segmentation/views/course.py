"""The course on the patient's page: chart and tables, how the patient was, and decisions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from clinic.access import clinic_of, clinician_required, member_of, viewer_required
from patients.models import ClinicalChange, Patient
from patients.selectors import get_patient, get_scan
from segmentation.course_tables import course_panels
from segmentation.errors import SegmentationError
from segmentation.forms import DecisionForm
from segmentation.models import ResponseCategory
from segmentation.selectors.course import patient_course
from segmentation.selectors.timeline import ScanRow, patient_timeline
from segmentation.services.decisions import decide_response
from segmentation.services.lesion_links import ask_for_links


def course_context(patient: Patient, rows: Sequence[ScanRow]) -> dict[str, Any]:
    """What the part of the page about the course needs; ``rows`` are the present scans'."""
    course = patient_course(patient=patient, rows=rows)
    return {
        "patient": patient,
        "course": course,
        "panels": course_panels(course),
        "studies": tuple(reversed(course.studies)),
        "course_is_active": course.is_matching or any(row.is_active for row in rows),
        "categories": ResponseCategory.choices,
        "clinical_changes": ClinicalChange.choices,
    }


@viewer_required
@require_safe
def course_part(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The course alone: asked for again while something is under way."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    context = course_context(patient, patient_timeline(patient=patient))
    return render(request, "segmentation/course/_course.html", context)


@clinician_required
@require_POST
def match_lesions(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Asks for the comparisons that are missing to name lesions, failed ones once more."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    if ask_for_links(patient_id=patient.pk, by=member_of(request), again=True):
        messages.success(request, "The lesions are being matched.")
    else:
        messages.warning(request, "There is nothing left that could be matched.")
    return _to_course(patient.pk)


@clinician_required
@require_POST
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Confirms the category of the rule, or puts another beside it."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Please choose a category.")
        return _to_course(scan.study.patient_id)
    try:
        decide_response(scan=scan, by=member_of(request), **form.values())
    except SegmentationError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your decision is kept beside the category of the rule.")
    return _to_course(scan.study.patient_id)


def _to_course(patient_id: uuid.UUID) -> HttpResponse:
    return redirect(f"{reverse('segmentation:patient', args=[patient_id])}#course")
