"""The patient's page, and the part of it that keeps itself up to date."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from clinic.access import clinic_of, member_of, viewer_required
from clinic.selectors import patient_activity
from clinic.services.log import record_access
from patients.models import Consent, Patient, PictureConvention, Sequence
from patients.selectors import get_patient
from segmentation.forms import UploadForm
from segmentation.selectors.timeline import course, patient_timeline, summarise_course
from segmentation.views.course import course_context


def scans_context(patient: Patient, *, archived: bool = False) -> dict[str, Any]:
    """What the list of scans and the course need."""
    rows = patient_timeline(patient=patient, archived=archived)
    points = course(rows)
    return {
        "patient": patient,
        "rows": rows,
        "archived": archived,
        "points": points,
        "summary": summarise_course(points),
        "signed_count": sum(point.is_signed for point in points),
        "draft_count": sum(not point.is_signed for point in points),
        "is_active": any(row.is_active for row in rows),
    }


@viewer_required
@require_safe
def patient_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    record_access(
        member=member_of(request), action="patient.read", subject=patient, patient_id=patient.pk
    )
    scans = scans_context(patient, archived=request.GET.get("archived") == "1")
    rows = patient_timeline(patient=patient) if scans["archived"] else scans["rows"]
    context = {
        **scans,
        **course_context(patient, rows),
        "diagnoses": patient.diagnoses.filter(archived_at=None),
        "treatments": patient.treatments.filter(archived_at=None),
        "activity": patient_activity(clinic=clinic_of(request), patient_id=patient.pk, limit=12),
        "upload_form": UploadForm(initial={"acquired_on": timezone.localdate()}),
        "consents": Consent.choices,
        "sequences": Sequence.choices,
        "conventions": PictureConvention.choices,
    }
    return render(request, "segmentation/patient.html", context)


@viewer_required
@require_safe
def patient_scans(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The scans and the course alone: asked for again while something is under way."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    return render(request, "segmentation/_scans.html", scans_context(patient))
