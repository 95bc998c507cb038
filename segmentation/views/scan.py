"""One scan: its result, its state while there is none, and what can be done about it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import admin_required, clinic_of, clinician_required, member_of, viewer_required
from clinic.models import Membership
from clinic.services.log import record_access
from patients.errors import RecordError
from patients.models import Scan
from patients.selectors import get_patient, get_scan
from patients.services.studies import archive_scan, restore_scan
from segmentation.errors import SegmentationError
from segmentation.forms import CorrectionForm
from segmentation.models import ReviewState, Segmentation
from segmentation.selectors.lesion_names import ResultNames, name_patient_lesions
from segmentation.selectors.timeline import ScanRow, patient_timeline, scan_row
from segmentation.selectors.versions import last_withdrawal, review_panel
from segmentation.services.corrections import correct_scan
from segmentation.services.erasure import erase_patient, erase_scan
from segmentation.services.lesion_links import match_on_commit
from segmentation.services.queue import request_segmentation
from segmentation.services.uploads import confirm_doubts
from segmentation.stage import show_result


def scan_context(
    scan: Scan, member: Membership, shown: Segmentation | None = None
) -> dict[str, Any]:
    """What the page shows: ``shown``, the current result, or the rejected one before it."""
    row = scan_row(scan=scan)
    result = shown or row.current or row.rejected
    siblings = patient_timeline(patient=row.scan.patient)
    return {
        **(show_result(row.scan, result, _names(result, siblings)) if result is not None else {}),
        "row": row,
        "scan": row.scan,
        "patient": row.scan.patient,
        "result": result,
        "versions": row.versions,
        "withdrawn": last_withdrawal(scan=row.scan),
        "panel": None if result is None else review_panel(result=result, row=row, member=member),
        "place": "scan",
        "siblings": siblings,
        "corrections": row.scan.corrections.select_related("corrected_by__user"),
    }


def _names(result: Segmentation, siblings: list[ScanRow]) -> ResultNames | None:
    """The lasting names of its lesions; None for a version that does not count."""
    counting = []
    for row in siblings:
        if row.current is not None:
            row.current.scan = row.scan
            counting.append(row.current)
    return name_patient_lesions(counting).of(result)


@viewer_required
@require_safe
def scan_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The scan's current result, or the one that ``?version=`` names."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    record_access(
        member=member_of(request),
        action="scan.read",
        subject=scan,
        patient_id=scan.study.patient_id,
    )
    shown = None
    version = request.GET.get("version", "")
    if version:
        shown = next((s for s in scan.segmentations.all() if str(s.pk) == version and s.mask), None)
    return render(request, "segmentation/scan.html", scan_context(scan, member_of(request), shown))


@viewer_required
@require_safe
def scan_status(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The line of state; once nothing is under way it asks the page to load the result."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    row = scan_row(scan=scan)
    response = render(
        request,
        "segmentation/_status.html",
        {
            "row": row,
            "scan": row.scan,
            "withdrawn": last_withdrawal(scan=row.scan),
            "polled": True,
        },
    )
    if not row.is_active:
        response.headers["HX-Refresh"] = "true"
    return response


@clinician_required
@require_POST
def segment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Try again, or run again with the current model."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    try:
        request_segmentation(scan=scan, by=member_of(request))
    except SegmentationError as error:
        messages.error(request, str(error))
    return _back(request, scan)


@clinician_required
@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The doubts have been looked at; the scan is segmented as declared."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    try:
        accepted = confirm_doubts(scan=scan, by=member_of(request))
    except SegmentationError as error:
        messages.error(request, str(error))
    else:
        for notice in accepted.notices:
            messages.warning(request, notice)
    return _back(request, scan)


def _back(request: HttpRequest, scan: Scan) -> HttpResponse:
    if request.POST.get("next") == "patient":
        return redirect("segmentation:patient", pk=scan.study.patient_id)
    if request.POST.get("next") == "worklist":
        return redirect(f"{reverse('home')}?tab=failed")
    return redirect("segmentation:scan", pk=scan.pk)


@clinician_required
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    form = CorrectionForm(request.POST or None, scan=scan)
    if request.method == "POST" and form.is_valid():
        try:
            correct_scan(
                scan=scan,
                by=member_of(request),
                facts=form.facts(),
                reason=form.cleaned_data["reason"],
            )
        except (RecordError, SegmentationError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The correction was saved.")
            return redirect("segmentation:scan", pk=pk)
    signed = scan.segmentations.filter(review=ReviewState.SIGNED).order_by("-version").first()
    context = {"form": form, "scan": scan, "patient": scan.patient, "signed": signed}
    return render(request, "segmentation/correct.html", context)


@clinician_required
@require_POST
def archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Archives the scan, or restores it."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    if scan.archived_at is None:
        archive_scan(scan=scan, by=member_of(request))
        messages.success(request, "The scan was archived. Nothing was deleted.")
    else:
        restore_scan(scan=scan, by=member_of(request))
        messages.success(request, "The scan is in the course again.")
    match_on_commit(scan.study.patient_id)
    return redirect("segmentation:patient", pk=scan.study.patient_id)


@admin_required
@require_POST
def erase(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    patient_id = scan.study.patient_id
    if request.POST.get("confirmation") != "erase":
        messages.error(request, "Nothing was erased: please type the word erase to confirm.")
        return redirect("segmentation:scan", pk=pk)
    erase_scan(scan=scan, by=member_of(request))
    messages.success(request, "The scan, its results and their files were erased.")
    return redirect("segmentation:patient", pk=patient_id)


@admin_required
@require_http_methods(["GET", "POST"])
def erase_record(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Erases a patient for good, once the record number has been typed."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    typed = request.POST.get("record_number", "")
    if request.method == "POST" and typed == patient.record_number:
        erase_patient(patient=patient, by=member_of(request))
        messages.success(request, "The patient's record and all its files were erased.")
        return redirect("patients:list")
    scans = Scan.objects.filter(study__patient=patient).count()
    context = {"patient": patient, "scans": scans, "mismatch": request.method == "POST"}
    return render(request, "segmentation/erase_patient.html", context)
