"""The home page: what needs a person, kept up to date without moving under the pointer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from clinic.access import clinic_of, viewer_required
from clinic.selectors import list_clinicians
from segmentation.selectors.worklist import UNASSIGNED, count_new, worklist


@viewer_required
@require_safe
def worklist_page(request: HttpRequest) -> HttpResponse:
    return render(request, "segmentation/worklist.html", _context(request))


@viewer_required
@require_safe
def worklist_rows(request: HttpRequest) -> HttpResponse:
    """The list alone; 204 and nothing where it is what the page shows already."""
    context = _context(request)
    if request.GET.get("seen") == context["list"].digest:
        return HttpResponse(status=204)
    return render(request, "segmentation/_worklist.html", context)


@viewer_required
@require_safe
def worklist_count(request: HttpRequest) -> HttpResponse:
    """How many new ones there are, for the browser's tab; asked again and again, so it is small."""
    return JsonResponse({"new": count_new(clinic=clinic_of(request))})


def _context(request: HttpRequest) -> dict[str, Any]:
    clinic = clinic_of(request)
    clinician = request.GET.get("clinician", "")
    found = worklist(
        clinic=clinic,
        tab=request.GET.get("tab", ""),
        clinician=clinician,
        page=request.GET.get("page", 1),
    )
    clinicians = list(list_clinicians(clinic=clinic))
    known = {UNASSIGNED, *(str(member.pk) for member in clinicians)}
    return {
        "list": found,
        "clinicians": clinicians,
        "clinician": clinician if clinician in known else "",
        "filter": urlencode({"clinician": clinician}) if clinician in known else "",
    }
