"""Uploads: each file is judged for itself, and one that is refused does not stop the others."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from clinic.access import clinic_of, clinician_required, member_of
from patients.selectors import get_patient
from segmentation.errors import UploadError
from segmentation.forms import UploadForm
from segmentation.services.uploads import (
    Accepted,
    Declaration,
    Upload,
    accept_upload,
    display_name,
)


@dataclass(frozen=True)
class Outcome:
    """How one file fared: accepted, or refused in a sentence."""

    name: str
    accepted: Accepted | None = None
    error: str = ""


@clinician_required
@require_POST
def upload_scan(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Takes in the files of the form. Scripts ask for one file at a time and get its line."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    form = UploadForm(request.POST)
    files = request.FILES.getlist("files")
    by_script = request.headers.get("X-Requested-With") == "fetch"
    problem = _first_problem(form, files)
    if problem:
        outcomes = [Outcome(display_name(file.name or ""), error=problem) for file in files]
        outcomes = outcomes or [Outcome("Upload", error=problem)]
    else:
        declaration = form.declaration()
        outcomes = [_take(request, pk, file, declaration) for file in files]
    if by_script:
        refused = any(outcome.error for outcome in outcomes)
        context = {"outcomes": outcomes, "patient": patient}
        return render(
            request, "segmentation/_upload_outcome.html", context, status=422 if refused else 201
        )
    _tell(request, outcomes)
    return redirect("segmentation:patient", pk=pk)


def _first_problem(form: UploadForm, files: list[Upload]) -> str:
    if not form.is_valid():
        return next(str(errors[0]) for errors in form.errors.values())
    if not files:
        return "Please choose at least one file."
    if len(files) > settings.MAX_FILES_PER_UPLOAD:
        return f"Please upload at most {settings.MAX_FILES_PER_UPLOAD} files at once."
    return ""


def _take(request: HttpRequest, pk: uuid.UUID, file: Upload, declaration: Declaration) -> Outcome:
    name = display_name(file.name or "")
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    try:
        accepted = accept_upload(
            patient=patient, by=member_of(request), upload=file, declaration=declaration
        )
    except UploadError as error:
        return Outcome(name, error=str(error))
    return Outcome(name, accepted)


def _tell(request: HttpRequest, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.error:
            messages.error(request, f"{outcome.name}: {outcome.error}")
        elif outcome.accepted is not None and outcome.accepted.notices:
            notices = " ".join(outcome.accepted.notices)
            messages.warning(request, f"{outcome.name} was stored. {notices}")
        else:
            messages.success(request, f"{outcome.name} was stored and will be segmented.")
