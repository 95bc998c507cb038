"""What the models are, how their drafts fared, and what may be given away to learn from."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from clinic.access import admin_required, clinic_of, member_of
from ml.models import shipped_cards
from ml.tumour_type.model import TypeCard, shipped_type_card
from segmentation.errors import TrainingSetError
from segmentation.learning_chart import draw_agreement
from segmentation.selectors.learning import (
    count_exportable,
    latest_rejections,
    model_records,
    worst_corrections,
)
from segmentation.services.training_set import pack_training_set

log = logging.getLogger(__name__)
# Each takes a second or two while the browser waits; more of them are the command's work.
MOST_BY_PAGE = 60


@admin_required
@require_safe
def models_page(request: HttpRequest) -> HttpResponse:
    clinic = clinic_of(request)
    context = {
        "cards": shipped_cards(),
        "type_card": _type_card(),
        "records": [
            (record, draw_agreement(record.months)) for record in model_records(clinic=clinic)
        ],
        "worst": worst_corrections(clinic=clinic),
        "rejections": latest_rejections(clinic=clinic),
        "exportable": count_exportable(clinic=clinic),
        "most_by_page": MOST_BY_PAGE,
    }
    return render(request, "segmentation/models.html", context)


def _type_card() -> TypeCard | str | None:
    """The card of the model for types, a sentence where it is damaged, None where none ships."""
    try:
        return shipped_type_card()
    except (OSError, ValueError):
        log.exception("the card of the model that names types cannot be read")
        return "The model that names types is missing or damaged on the server."


@admin_required
@require_POST
def export_training_set(request: HttpRequest) -> HttpResponseBase:
    """The clinic's training set as a download, sent from the disk piece by piece."""
    counts = count_exportable(clinic=clinic_of(request))
    if counts.volumes + counts.pictures > MOST_BY_PAGE:
        messages.error(
            request,
            f"There are more than {MOST_BY_PAGE} signed masks to export. Please use the command "
            "export_training_set on the server, as docs/operations.md describes.",
        )
        return redirect("segmentation:models")
    try:
        packed = pack_training_set(
            by=member_of(request), pictures_looked_at="pictures_looked_at" in request.POST
        )
    except TrainingSetError as error:
        messages.error(request, str(error))
        return redirect("segmentation:models")
    return FileResponse(
        packed, as_attachment=True, filename="training-set.zip", content_type="application/zip"
    )
