"""The report of a study, on the screen and as PDF, and the tables of measures."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.access import admin_required, clinic_of, member_of, viewer_required
from clinic.services.log import record_access
from patients.models import Study
from patients.selectors import get_patient
from segmentation.report.collect import collect_report, get_study
from segmentation.report.export import current_results
from segmentation.report.pictures import draw_key_slice
from segmentation.report.record import COLUMNS
from segmentation.report.sending import send_pdf, send_table
from segmentation.selectors.lesion_names import lesion_names_of
from segmentation.selectors.timeline import get_segmentation

KEEP = "private, max-age=600"


@viewer_required
@require_safe
def report_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = _study(request, pk, "report.read")
    report = collect_report(study=study, by=member_of(request))
    context = {
        "report": report,
        "columns": COLUMNS,
        "study": study,
        "patient": study.patient,
    }
    return render(request, "segmentation/report.html", context)


@viewer_required
@require_safe
def report_pdf(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = _study(request, pk, "report.download")
    return send_pdf(collect_report(study=study, by=member_of(request)), study)


@viewer_required
@require_safe
def key_slice(request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """One picture of the report; ``number`` counts slices from 1 at the foot."""
    result = get_segmentation(clinic=clinic_of(request), pk=pk)
    if not result.mask:
        raise Http404
    try:
        content = draw_key_slice(result, number, lesion_names_of(result))
    except (ValueError, OSError) as error:
        raise Http404 from error
    response = HttpResponse(content, content_type="image/jpeg")
    response.headers["Cache-Control"] = KEEP
    return response


@viewer_required
@require_safe
def patient_measures(request: HttpRequest, pk: uuid.UUID, kind: str) -> StreamingHttpResponse:
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    results = current_results(clinic=clinic_of(request), patient=patient)
    record_access(
        member=member_of(request), action="measures.export", subject=patient, patient_id=patient.pk
    )
    return send_table(results, kind, f"measures_{str(patient.pk)[:8]}")


@admin_required
@require_safe
def clinic_measures(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    record_access(member=member_of(request), action="measures.export_all")
    return send_table(current_results(clinic=clinic_of(request)), kind, "measures")


def _study(request: HttpRequest, pk: uuid.UUID, action: str) -> Study:
    study = get_study(clinic=clinic_of(request), pk=pk)
    record_access(
        member=member_of(request), action=action, subject=study, patient_id=study.patient_id
    )
    return study
