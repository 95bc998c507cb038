"""Two results of a patient side by side, and what lies between them."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from clinic.access import clinic_of, clinician_required, member_of, viewer_required
from clinic.services.log import record_access
from patients.models import Patient
from patients.selectors import get_patient
from segmentation.comparable import cautions
from segmentation.errors import SegmentationError
from segmentation.models import Alignment, Comparison, State
from segmentation.selectors.comparing import (
    compare_manifest,
    compared_values,
    comparison_layers,
)
from segmentation.selectors.comparisons import (
    FILES,
    Pair,
    comparable_results,
    comparison_file,
    find_comparison,
    find_result,
    get_comparison,
    newest_pair,
    order_pair,
    usual_partner,
)
from segmentation.sending import show_file
from segmentation.services.comparisons import request_comparison
from segmentation.stage import side_labels

# A finished comparison never changes; kept only as long as one reads, as with previews.
KEEP = "private, max-age=600, immutable"


@viewer_required
@require_safe
def compare_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """``?earlier=`` and ``?later=`` name results; without them the newest two of one sequence."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    results = comparable_results(patient=patient)
    pair = _asked_pair(request, patient) or newest_pair(results)
    # The room is dark whatever the rest of the site is.
    context: dict[str, Any] = {"patient": patient, "pair": pair, "theme": "dark"}
    if pair is not None:
        record_access(
            member=member_of(request),
            action="comparison.open",
            subject=pair.later.scan,
            patient_id=patient.pk,
        )
        comparison = _comparison(request, pair)
        context |= {
            **_difference(pair, comparison),
            "choices": _choices(results, pair),
            "manifest": compare_manifest(member=member_of(request), pair=pair),
            "sides": [
                {"name": name, "result": result, "labels": side_labels(result.scan)}
                for name, result in (("Earlier", pair.earlier), ("Later", pair.later))
            ],
        }
    return render(request, "segmentation/compare.html", context)


def _asked_pair(request: HttpRequest, patient: Patient) -> Pair | None:
    """The two that the address names, the earlier one first; with one, the best fit beside it.

    ``?result=`` twice is what the ticks of the patient's page send.
    """
    names = [request.GET.get("earlier", ""), request.GET.get("later", "")]
    names = [name for name in [*names, *request.GET.getlist("result")] if name][:2]
    found = [find_result(patient=patient, pk=name) for name in names]
    if None in found:
        raise Http404
    chosen = [result for result in found if result is not None]
    if len(chosen) == 2:
        return order_pair(*chosen)
    if len(chosen) == 1:
        partner = usual_partner(chosen[0], comparable_results(patient=patient))
        return None if partner is None else order_pair(chosen[0], partner)
    return None


def _choices(results: list[Any], pair: Pair) -> list[Any]:
    """What the two menus offer: the current results, and the two that are shown."""
    shown = [r for r in (pair.earlier, pair.later) if r.pk not in {x.pk for x in results}]
    return [*results, *shown]


def _comparison(request: HttpRequest, pair: Pair) -> Comparison | None:
    """The comparison of the two in the alignment asked for, if there is one."""
    if pair.problem:
        return None
    return find_comparison(pair=pair, alignment=_alignment(request.GET, pair))


def _alignment(asked: Any, pair: Pair) -> Alignment:
    chosen = asked.get("alignment", "")
    return Alignment(chosen) if chosen in Alignment.values else pair.usual_alignment


def _difference(pair: Pair, comparison: Comparison | None) -> dict[str, Any]:
    """What the part of the page about the difference needs, in whatever state it is."""
    return {
        "pair": pair,
        "patient": pair.earlier.scan.patient,
        "comparison": comparison,
        "alignment": comparison.alignment if comparison else pair.usual_alignment,
        "cautions": cautions(pair.earlier, pair.later),
        "values": compared_values(pair=pair, comparison=comparison),
        "layers": comparison_layers(comparison),
    }


@clinician_required
@require_POST
def request_difference(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Asks for the difference of ``earlier`` and ``later``, or tries it again."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    results = [
        find_result(patient=patient, pk=request.POST.get(side, "")) for side in ("earlier", "later")
    ]
    earlier, later = results
    if earlier is None or later is None:
        messages.error(request, "Please choose two finished results of this patient.")
        return redirect("segmentation:compare", pk=pk)
    pair = Pair(earlier, later)
    alignment = _alignment(request.POST, pair)
    try:
        request_comparison(earlier=earlier, later=later, by=member_of(request), alignment=alignment)
    except SegmentationError as error:
        messages.error(request, str(error))
    return _to_page(request, pair, alignment)


def _to_page(request: HttpRequest, pair: Pair, alignment: Alignment) -> HttpResponse:
    names = {"earlier": pair.earlier.pk, "later": pair.later.pk, "alignment": str(alignment)}
    address = reverse("segmentation:compare", args=[pair.earlier.scan.study.patient_id])
    if not request.headers.get("HX-Request"):
        return redirect(f"{address}?{urlencode(names)}")
    comparison = find_comparison(pair=pair, alignment=alignment)
    return render(request, "segmentation/compare/_difference.html", _difference(pair, comparison))


@viewer_required
@require_safe
def comparison_status(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The part of the page about the difference: asked for again while it is being made."""
    comparison = get_comparison(clinic=clinic_of(request), pk=pk)
    pair = Pair(comparison.earlier, comparison.later)
    return render(request, "segmentation/compare/_difference.html", _difference(pair, comparison))


@viewer_required
@require_safe
def comparison_layer(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponseBase:
    """One of the comparison's files for the viewer, on the earlier scan's grid."""
    comparison = get_comparison(clinic=clinic_of(request), pk=pk)
    if name not in FILES or comparison.state != State.SUCCEEDED:
        raise Http404
    response = show_file(comparison_file(comparison, name), content_type="application/octet-stream")
    response.headers["Cache-Control"] = KEEP
    return response
