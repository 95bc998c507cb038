"""The review panel, on the scan's page and in the reading room, and what is done in it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from clinic.access import clinic_of, clinician_required, member_of, viewer_required
from clinic.services.passwords import PasswordError
from segmentation.errors import ReviewError
from segmentation.forms import ReviewForm
from segmentation.models import Segmentation
from segmentation.selectors.reading import reading_manifest
from segmentation.selectors.timeline import get_segmentation, scan_row
from segmentation.selectors.versions import last_withdrawal, review_panel
from segmentation.services import reviews

STEPS = ("start", "take-over", "release", "sign", "reject", "make-current")
REFUSED = 422


@viewer_required
@require_safe
def panel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The panel alone, for the reading room."""
    result = _result(request, pk)
    context = _context(request, result, request.GET.get("place", ""))
    return render(request, "segmentation/_review_panel.html", context)


@sensitive_post_parameters("password")
@clinician_required
@require_POST
def step(request: HttpRequest, pk: uuid.UUID, step: str) -> HttpResponse:
    """One step of the review: answered with the panel, or without scripts by the page again."""
    if step not in STEPS:
        raise Http404
    result = _result(request, pk)
    form = ReviewForm(request.POST)
    problem = _take_step(request, result, step, form)
    place = form.cleaned_data.get("place") or "scan"
    if request.htmx:  # type: ignore[attr-defined]
        return _answer(request, result, place, problem, form)
    if problem:
        messages.error(request, problem)
    return redirect(_page_of(result, place))


def _take_step(request: HttpRequest, result: Segmentation, step: str, form: ReviewForm) -> str:
    """Does it; why not, where it is refused, else an empty text."""
    if not form.is_valid():
        return next(str(errors[0]) for errors in form.errors.values())
    by, values = member_of(request), form.cleaned_data
    try:
        if step in ("start", "take-over"):
            reviews.start_review(result=result, by=by, take_over=step == "take-over")
        elif step == "release":
            reviews.release_review(result=result, by=by)
        elif step == "make-current":
            reviews.make_current(result=result, by=by)
        elif step == "reject":
            reviews.reject_result(result=result, by=by, reason=values["reason"])
        elif not values["password"]:
            return "Please type your password to sign."
        else:
            reviews.sign_result(
                result=result,
                by=by,
                password=values["password"],
                request=request,
                comment=values["comment"],
            )
    except (ReviewError, PasswordError) as error:
        # Once locked out, the middleware would put a page of its own in the place of ours.
        request.axes_locked_out = False  # type: ignore[attr-defined]
        return str(error)
    return ""


def _answer(
    request: HttpRequest, result: Segmentation, place: str, problem: str, form: ReviewForm
) -> HttpResponse:
    """The panel as it is now; on the scan's page with all else that the step has changed."""
    context = _context(request, _result(request, result.pk), place)
    context |= {"problem": problem, "typed": form.cleaned_data}
    template = "_review_answer.html"
    if place == "reading":
        template = "reading/_review_answer.html"
        context["manifest"] = reading_manifest(
            member=member_of(request), scan=context["scan"], version=str(result.pk)
        )
    response = render(
        request, f"segmentation/{template}", context, status=REFUSED if problem else 200
    )
    if not problem:
        response.headers["HX-Trigger"] = "result-reviewed"
    return response


def _context(request: HttpRequest, result: Segmentation, place: str) -> dict[str, Any]:
    row = scan_row(scan=result.scan)
    return {
        "result": result,
        "row": row,
        "scan": row.scan,
        "versions": row.versions,
        "withdrawn": last_withdrawal(scan=row.scan),
        "panel": review_panel(result=result, row=row, member=member_of(request)),
        "place": place,
    }


def _result(request: HttpRequest, pk: uuid.UUID) -> Segmentation:
    result = get_segmentation(clinic=clinic_of(request), pk=pk)
    if not result.mask:
        raise Http404
    return result


def _page_of(result: Segmentation, place: str) -> str:
    name = "segmentation:read" if place == "reading" else "segmentation:scan"
    return f"{reverse(name, args=[result.scan_id])}?version={result.pk}"
