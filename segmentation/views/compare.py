"""Two results of a patient side by side, and what lies between them."""

from __future__ import annotations

import uuid
from pathlib import Path
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
    Side,
    comparison_file,
    find_comparison,
    find_result,
    find_side,
    get_comparison,
    list_sides,
    order_sides,
    pair_of,
    usual_partner,
    usual_sides,
)
from segmentation.sending import send_kept, unchanged
from segmentation.services.comparisons import request_comparison
from segmentation.stage import side_labels


@viewer_required
@require_safe
def compare_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """``?earlier=`` and ``?later=`` name results, or scans; without them the newest two."""
    patient = get_patient(clinic=clinic_of(request), pk=pk)
    choices = list_sides(patient=patient)
    sides = _asked_sides(request, patient, choices) or usual_sides(choices)
    # The room is dark whatever the rest of the site is.
    context: dict[str, Any] = {"patient": patient, "sides": sides, "theme": "dark"}
    if sides is not None:
        record_access(
            member=member_of(request),
            action="comparison.open",
            subject=sides[1].scan,
            patient_id=patient.pk,
        )
        context |= _shown(request, choices, *sides)
    return render(request, "segmentation/compare.html", context)


def _shown(request: HttpRequest, choices: list[Side], earlier: Side, later: Side) -> dict[str, Any]:
    """The context of two scans side by side, and of their change where both have a result."""
    pair = pair_of(earlier, later)
    names = {side.name for side in choices}
    shown = [
        {"name": name, "side": side, "labels": side_labels(side.scan)}
        for name, side in (("Earlier", earlier), ("Later", later))
    ]
    return {
        **({} if pair is None else _difference(pair, _comparison(request, pair))),
        "choices": [*choices, *(s for s in (earlier, later) if s.name not in names)],
        "manifest": compare_manifest(member=member_of(request), earlier=earlier, later=later),
        "shown": shown,
    }


def _asked_sides(
    request: HttpRequest, patient: Patient, choices: list[Side]
) -> tuple[Side, Side] | None:
    """The two that the address names, the earlier one first; with one, the best fit beside it.

    ``?result=`` twice is what the ticks of the patient's page send.
    """
    names = [request.GET.get("earlier", ""), request.GET.get("later", "")]
    names = [name for name in [*names, *request.GET.getlist("result")] if name][:2]
    found = [find_side(patient=patient, pk=name) for name in names]
    chosen = [side for side in found if side is not None]
    if len(chosen) < len(names):
        raise Http404
    if len(chosen) == 1:
        chosen += [side for side in (usual_partner(chosen[0], choices),) if side is not None]
    return order_sides(*chosen) if len(chosen) == 2 else None


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
    # The folder is the attempt's own, so files that were made anew have another tag.
    tag = f"{Path(comparison.files).name}-{name}"
    known = unchanged(request, tag)
    if known is not None:
        return known
    response = send_kept(comparison_file(comparison, name), tag=tag)
    record_access(
        member=member_of(request),
        action="comparison.show",
        subject=comparison,
        patient_id=comparison.patient_id,
    )
    return response
