"""The reading room, and the volumes that its viewer loads."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from itertools import count, groupby
from pathlib import Path
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.access import clinic_of, member_of, viewer_required
from clinic.models import Membership
from clinic.services.log import record_access
from ml.errors import InvalidVolumeError
from ml.geometry import ImageKind
from ml.picture_volumes import picture_volume
from ml.place import Convention
from patients.models import Scan
from patients.selectors import get_scan
from segmentation.files import unsure_path
from segmentation.lesion_maps import lesion_map
from segmentation.models import Segmentation
from segmentation.selectors.reading import channel_count, reading_manifest
from segmentation.selectors.timeline import get_segmentation, scan_row
from segmentation.selectors.versions import review_panel
from segmentation.sending import send_kept, unchanged
from segmentation.stage import show_result


@viewer_required
@require_safe
def read(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The scan with its current result, or with the one that ``?version=`` names."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    _log(request, "scan.reading", scan)
    manifest = reading_manifest(
        member=member_of(request), scan=scan, version=request.GET.get("version", "")
    )
    context = {
        "scan": scan,
        "patient": scan.patient,
        "manifest": manifest,
        "visits": _visits(manifest["volumes"]),
        "first_volume": _first(manifest["volumes"], scan),
        # The room is dark whatever the rest of the site is.
        "theme": "dark",
    }
    return render(
        request,
        "segmentation/reading.html",
        {**context, **_result(scan, manifest, member_of(request))},
    )


def _first(volumes: list[dict[str, Any]], scan: Scan) -> dict[str, Any]:
    """What is shown at first: the scan, of a composite its FLAIR."""
    own = [volume_ for volume_ in volumes if volume_["scan_id"] == str(scan.pk)]
    return next((volume_ for volume_ in own if volume_["label"] == "FLAIR"), own[0])


def _visits(volumes: list[dict[str, Any]]) -> list[tuple[date, list[dict[str, Any]]]]:
    """The volumes by date, newest first, those of the study being read with a key each."""
    keys = count(1)
    for volume_ in volumes:
        volume_["key"] = next(keys) if volume_["same_study"] else None
    by_day = groupby(volumes, key=lambda volume_: date.fromisoformat(volume_["date"]))
    return [(day, list(rows)) for day, rows in by_day]


def _result(scan: Scan, manifest: dict[str, Any], member: Membership) -> dict[str, Any]:
    """The result being shown, its review, and what its slices need where there is no WebGL 2."""
    if manifest["result"] is None:
        return {"result": None}
    result = scan.segmentations.get(pk=manifest["result"]["id"])
    row = scan_row(scan=scan)
    return {
        "result": result,
        "row": row,
        "panel": review_panel(result=result, row=row, member=member),
        "place": "reading",
        **show_result(scan, result),
    }


@viewer_required
@require_safe
def volume(request: HttpRequest, pk: uuid.UUID, channel: int) -> HttpResponseBase:
    """The scan as NIfTI: the file itself, or a picture's channel as a volume of one slice."""
    scan = get_scan(clinic=clinic_of(request), pk=pk)
    if channel >= channel_count(scan):
        raise Http404
    tag = f"{scan.sha256}-{channel}-{scan.sequence}-{scan.convention}"
    known = unchanged(request, tag)
    if known is not None:
        return known
    response = send_kept(_content(scan, channel), tag=tag)
    _log(request, "scan.show", scan)
    return response


def _content(scan: Scan, channel: int) -> Path | bytes:
    path = Path(scan.file.path)
    if scan.kind == ImageKind.VOLUME:
        return path
    try:
        return picture_volume(
            path,
            channel=channel if channel_count(scan) > 1 else None,
            convention=Convention(scan.convention),
        )
    except (InvalidVolumeError, IndexError, FileNotFoundError) as error:
        raise Http404 from error


@viewer_required
@require_safe
def lesions(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The numbers of the lesions on the scan's grid, as NIfTI."""
    segmentation = get_segmentation(clinic=clinic_of(request), pk=pk)
    if not segmentation.mask:
        raise Http404
    return _send_map(request, segmentation, lesion_map, action="mask.show")


@viewer_required
@require_safe
def parts(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The values of a mask with several labels on the scan's grid: the mask itself."""
    segmentation = get_segmentation(clinic=clinic_of(request), pk=pk)
    if not segmentation.parts:
        raise Http404
    return _send_map(request, segmentation, _mask_path, action="mask.show")


@viewer_required
@require_safe
def unsure(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Where the model was unsure on the scan's grid, as NIfTI of hundredths of a bit."""
    segmentation = get_segmentation(clinic=clinic_of(request), pk=pk)
    if segmentation.unsure is None:
        raise Http404
    return _send_map(request, segmentation, unsure_path, action="unsure.show")


def _mask_path(segmentation: Segmentation) -> Path:
    return Path(segmentation.mask.path)


def _send_map(
    request: HttpRequest,
    segmentation: Segmentation,
    find: Callable[[Segmentation], Path],
    *,
    action: str,
) -> HttpResponseBase:
    """One of a result's volumes, looked for only where the browser does not have it yet."""
    # The folder is the attempt's own, so another mask has another one.
    folder = _mask_path(segmentation).parent.name
    tag = f"{find.__name__}-{folder}-{segmentation.scan.convention}"
    known = unchanged(request, tag)
    if known is not None:
        return known
    response = send_kept(find(segmentation), tag=tag)
    _log(request, action, segmentation.scan)
    return response


def _log(request: HttpRequest, action: str, scan: Scan) -> None:
    record_access(
        member=member_of(request), action=action, subject=scan, patient_id=scan.study.patient_id
    )
