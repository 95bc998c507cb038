"""Scans, masks and previews: served only after the permission check, never from a public folder."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_safe

from clinic.access import clinic_of, member_of, viewer_required
from clinic.services.log import record_access
from patients.models import Scan
from patients.selectors import get_scan
from segmentation.files import PREVIEWS, mask_name, preview_path
from segmentation.models import Segmentation
from segmentation.previews import recolour
from segmentation.selectors.timeline import get_segmentation
from segmentation.selectors.unsure import unsure_figures
from segmentation.sending import send_file, show_file
from segmentation.thumbnails import thumbnail_path

# A preview never changes once it is written. Only its reader's browser may keep it, and only for as
# long as one reads: a shared computer should not show it to the next person.
KEEP = "private, max-age=600, immutable"


@viewer_required
@require_safe
def scan_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    _log(request, "scan.download", scan)
    return send_file(Path(scan.file.path), scan.original_name)


@viewer_required
@require_safe
def scan_thumbnail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    path = thumbnail_path(get_scan(clinic=clinic_of(request), pk=pk))
    if not path.exists():
        raise Http404
    response = show_file(path, content_type="image/jpeg")
    response.headers["Cache-Control"] = KEEP
    return response


@viewer_required
@require_safe
def mask_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    segmentation = _finished(request, pk)
    _log(request, "mask.download", segmentation.scan)
    return send_file(Path(segmentation.mask.path), mask_name(segmentation))


@viewer_required
@require_safe
def preview(request: HttpRequest, pk: uuid.UUID, kind: str) -> HttpResponseBase:
    """The atlas of slices, the atlas of the mask, the thumbnail, or the evidence for a type.

    ``?colours=2-1-3`` are those that the lesions have by their names; in the address, so that a
    browser which has kept the picture asks again once they change.
    """
    if kind not in PREVIEWS:
        raise Http404
    path = preview_path(_finished(request, pk), kind)
    response: HttpResponseBase = show_file(path, content_type=PREVIEWS[kind][1])
    asked = re.fullmatch(r"[1-9](-[1-9]){0,6}", request.GET.get("colours", ""))
    if kind == "mask" and asked is not None:
        colours = [int(colour) for colour in asked.group().split("-")]
        content = recolour(path.read_bytes(), colours)
        response = HttpResponse(content, content_type=PREVIEWS[kind][1])
    response.headers["Cache-Control"] = KEEP
    return response


@viewer_required
@require_safe
def result_json(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The measures of one result as a file."""
    segmentation = _finished(request, pk)
    _log(request, "result.download", segmentation.scan)
    response = JsonResponse(_result(segmentation), json_dumps_params={"indent": 2})
    name = Path(mask_name(segmentation)).name.split(".")[0]
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response


def _result(segmentation: Segmentation) -> dict[str, object]:
    totals = (
        "voxels",
        "volume_ml",
        "tumour_slices",
        "key_slice",
        "key_area_pixels",
        "key_area_percent",
        "mean_probability",
        "brain_percent",
        "brain_volume_ml",
        "brain_source",
        "surface_mm2",
        "sum_of_products_mm2",
        "volume_interval",
        "is_multifocal",
        "satellites",
        "distances_mm",
        "labels",
        "parts",
        "gathered",
        "tumour_type",
    )
    hidden = {"id", "segmentation_id", "segmentation"}
    return {
        "segmentation": str(segmentation.pk),
        "scan": str(segmentation.scan_id),
        "sequence": segmentation.scan.sequence,
        "performed_on": segmentation.scan.study.performed_on,
        "model": {
            "name": segmentation.model_name,
            "version": segmentation.model_version,
            "sha256": segmentation.model_sha256,
        },
        "inputs": [
            {"scan": str(scan.pk), "sequence": scan.sequence}
            for scan in segmentation.inputs.order_by("sequence")
        ],
        "version": segmentation.version,
        "source": segmentation.source,
        "review": segmentation.review,
        "signed_by": segmentation.reviewer_name if segmentation.is_signed else "",
        "signed_at": segmentation.reviewed_at if segmentation.is_signed else None,
        **{name: getattr(segmentation, name) for name in totals},
        "unsure": unsure_figures(segmentation),
        "lesions": [
            {k: v for k, v in lesion.items() if k not in hidden}
            for lesion in segmentation.lesions.values()
        ],
        "notice": "Research software, not for diagnosis.",
    }


def _finished(request: HttpRequest, pk: uuid.UUID) -> Segmentation:
    segmentation = get_segmentation(clinic=clinic_of(request), pk=pk)
    if not segmentation.mask:
        raise Http404
    return segmentation


def _log(request: HttpRequest, action: str, scan: Scan) -> None:
    record_access(
        member=member_of(request), action=action, subject=scan, patient_id=scan.study.patient_id
    )
