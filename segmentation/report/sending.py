"""Reports and tables as answers, for the pages and the API alike; nobody is to keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.http import Http404, HttpResponse, StreamingHttpResponse

from patients.models import Study
from segmentation.models import Segmentation
from segmentation.report.export import csv_lines, json_pieces
from segmentation.report.pdf import render_pdf
from segmentation.report.record import StudyReport

FORMATS: dict[str, tuple[str, Callable[[Iterable[Segmentation]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "json": ("application/json", json_pieces),
}
NOT_KEPT = "private, no-store"


def send_pdf(report: StudyReport, study: Study) -> HttpResponse:
    """The report as PDF, under a name that names no patient."""
    response = HttpResponse(render_pdf(report), content_type="application/pdf")
    name = f"{study.performed_on:%Y-%m-%d}_report_{str(study.pk)[:8]}.pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    response.headers["Cache-Control"] = NOT_KEPT
    return response


def send_table(results: Iterable[Segmentation], kind: str, name: str) -> StreamingHttpResponse:
    """The measures as a download; Http404 for a format that there is not."""
    if kind not in FORMATS:
        raise Http404
    content_type, write = FORMATS[kind]
    response = StreamingHttpResponse(write(results), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    response.headers["Cache-Control"] = NOT_KEPT
    return response
