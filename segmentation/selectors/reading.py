"""What the reading room has to know of a scan: its grid, its neighbours, its results."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import Prefetch
from django.urls import reverse
from numpy.typing import NDArray

from clinic.models import Membership
from ml.geometry import ImageKind
from ml.picture_volumes import picture_affine
from ml.place import Convention
from ml.stacks import CHANNELS, stack_to_voxel
from patients.models import PictureConvention, Scan, Sequence
from segmentation.models import Lesion, ReviewState, Segmentation
from segmentation.palette import LESION_COLOURS, PART_COLOURS, colour_index
from segmentation.selectors.lesion_names import (
    LesionName,
    current_results,
    name_patient_lesions,
)
from segmentation.selectors.unsure import unsure_figures
from segmentation.templatetags.results import place_details

# How the voxels of a volume that states no affine are shown, which is how nibabel places them too.
GUESS = (-1.0, 1.0, 1.0)


def reading_manifest(*, member: Membership, scan: Scan, version: str = "") -> dict[str, Any]:
    """Plain values for the viewer of ``scan``.

    ``version`` names the result to show; without it, or where it is none of this scan's, that is
    the current one. Voxels are indices [i, j, k] of the volume that is served: the file's own, and
    [column, row, 0] of a picture. ``affine`` takes them to RAS+ mm and is null where the file
    states none; ``grid`` places them for drawing, and its millimetres mean nothing then.
    """
    results = scan.segmentations.exclude(mask="").order_by("-version")
    results = results.select_related("parent").prefetch_related("lesions")
    shown = _choose(list(results), version)
    return {
        "scan": _scan(scan),
        "volumes": [volume for other in _siblings(scan) for volume in _volumes(other, scan)],
        "result": None if shown is None else _result(shown, scan, _names(shown, scan)),
        "versions": [_version(row) for row in results],
        "may_edit": member.can_edit,
        "urls": _urls(scan),
        "notice": "Research software, not for diagnosis.",
    }


def has_sides(scan: Scan) -> bool:
    """Whether the patient's left and right are known."""
    if scan.kind == ImageKind.PICTURE:
        return scan.convention != PictureConvention.UNKNOWN
    return scan.affine is not None


def served_shape(scan: Scan) -> tuple[int, int, int]:
    """The shape (X, Y, Z) of the volume that is served; a picture's is (W, H, 1)."""
    if scan.kind == ImageKind.PICTURE:
        height, width = scan.shape
        return width, height, 1
    x, y, z = scan.shape
    return x, y, z


def channel_count(scan: Scan) -> int:
    """Three for a composite of T1, FLAIR and T1ce, else one."""
    return len(CHANNELS) if scan.sequence == Sequence.COMPOSITE else 1


def _choose(results: list[Segmentation], version: str) -> Segmentation | None:
    named = next((row for row in results if str(row.pk) == version), None)
    current = next((row for row in results if row.is_current), None)
    # Where none counts, the rejected one can be looked at and corrected.
    rejected = (row for row in results if row.review == ReviewState.REJECTED)
    return named or current or next(rejected, None)


def _grid(scan: Scan) -> NDArray[np.float64]:
    """The affine (4 x 4) by which the viewer places the voxels."""
    if scan.kind == ImageKind.PICTURE:
        return picture_affine(Convention(scan.convention))
    if scan.affine is not None:
        return np.asarray(scan.affine, dtype=np.float64)
    sizes = scan.spacing_mm or (1.0, 1.0, 1.0)
    return np.diag([*(g * s for g, s in zip(GUESS, sizes, strict=True)), 1.0])


def _scan(scan: Scan) -> dict[str, Any]:
    return {
        "id": str(scan.pk),
        "sequence": scan.sequence,
        "date": scan.study.performed_on.isoformat(),
        "shape": list(served_shape(scan)),
        "spacing_mm": scan.spacing_mm,
        "affine": scan.affine,
        "grid": _grid(scan).tolist(),
        "orientation": scan.orientation,
        "slice_count": scan.slice_count,
        "has_physical_size": scan.has_physical_size,
        "has_sides": has_sides(scan),
        "kind": scan.kind,
        "convention": scan.convention,
    }


def _siblings(scan: Scan) -> list[Scan]:
    """The patient's scans, newest first, archived ones only if it is the one being read."""
    scans = Scan.objects.filter(study__patient=scan.study.patient_id).select_related("study")
    current = Segmentation.objects.filter(is_current=True)
    scans = scans.prefetch_related(
        Prefetch("segmentations", queryset=current, to_attr="current_results")
    )
    return [other for other in scans if other.archived_at is None or other.pk == scan.pk]


def _volumes(other: Scan, scan: Scan) -> list[dict[str, Any]]:
    return [_volume(other, scan, channel) for channel in range(channel_count(other))]


def _volume(other: Scan, scan: Scan, channel: int) -> dict[str, Any]:
    is_composite = channel_count(other) > 1
    return {
        "scan_id": str(other.pk),
        "date": other.study.performed_on.isoformat(),
        "sequence": other.sequence,
        "channel": channel,
        "label": CHANNELS[channel] if is_composite else other.get_sequence_display(),
        "url": reverse("segmentation:volume", args=[other.pk, channel]),
        "read_url": reverse("segmentation:read", args=[other.pk]),
        "same_study": other.study_id == scan.study_id,
        "shape": list(served_shape(other)),
        "affine": other.affine,
        "grid": _grid(other).tolist(),
    }


def _version(row: Segmentation) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "version": row.version,
        "source": row.source,
        "review": row.review,
        "review_label": row.get_review_display(),
        "is_current": row.is_current,
        "finished_at": None if row.finished_at is None else row.finished_at.isoformat(),
        "parent_version": None if row.parent is None else row.parent.version,
        "remark": row.remark,
        "volume_ml": row.volume_ml,
        "read_url": f"{reverse('segmentation:read', args=[row.scan_id])}?version={row.pk}",
    }


def _names(shown: Segmentation, scan: Scan) -> dict[int, LesionName]:
    """The lasting names of the lesions; none for a version that does not count."""
    if not shown.is_current:
        return {}
    names = name_patient_lesions(current_results(scan.study.patient_id)).of(shown)
    return {} if names is None else names.lesions


def _result(row: Segmentation, scan: Scan, names: dict[int, LesionName]) -> dict[str, Any]:
    return {
        **_version(row),
        "found_nothing": row.found_nothing,
        "key_slice": row.key_slice,
        "lesions_url": reverse("segmentation:lesions", args=[row.pk]),
        "parts": _parts(row),
        "parts_url": reverse("segmentation:parts", args=[row.pk]) if row.parts else None,
        "unsure": unsure_figures(row),
        "unsure_url": None if row.unsure is None else reverse("segmentation:unsure", args=[row.pk]),
        "lesions": [
            _lesion(lesion, scan, names.get(lesion.number)) for lesion in row.lesions.all()
        ],
    }


def _parts(row: Segmentation) -> list[dict[str, Any]]:
    """Each value of the mask with its colour; the core, which is two of them, is none."""
    single = ((part["labels"], part["name"]) for part in row.parts or ())
    return [
        {"value": values[0], "name": name, "colour": PART_COLOURS[values[0]]}
        for values, name in single
        if len(values) == 1
    ]


def _lesion(lesion: Lesion, scan: Scan, name: LesionName | None) -> dict[str, Any]:
    slice_, row, column = lesion.centroid
    return {
        "number": lesion.number,
        "name": str(lesion.number) if name is None else name.label,
        "is_named": name is not None,
        "is_new": name is not None and name.is_new,
        "colour": name.colour if name else LESION_COLOURS[colour_index(lesion.number) - 1],
        "voxels": lesion.voxels,
        "volume_ml": lesion.volume_ml,
        "longest_diameter_mm": lesion.longest_diameter_mm,
        "perpendicular_diameter_mm": lesion.perpendicular_diameter_mm,
        "product_mm2": lesion.product_mm2,
        "longest_3d_mm": lesion.longest_3d_mm,
        "is_measurable": lesion.is_measurable,
        "diameter_lines": lesion.diameter_lines,
        "place": lesion.place,
        "place_details": place_details(lesion),
        "key_slice": lesion.key_slice,
        "key_area_pixels": lesion.key_area_pixels,
        "centroid_voxel": _voxel((slice_, row, column), scan),
        "key_voxel": _voxel((lesion.key_slice - 1, row, column), scan),
    }


def _voxel(point: tuple[float, float, float], scan: Scan) -> list[float]:
    """A point of the stack (Z, H, W) as a voxel of the volume that is served."""
    if scan.kind == ImageKind.PICTURE:
        return [point[2], point[1], 0.0]
    return list(stack_to_voxel(point, _grid(scan), served_shape(scan)))


def _urls(scan: Scan) -> dict[str, str]:
    return {
        "scan": reverse("segmentation:scan", args=[scan.pk]),
        "patient": reverse("segmentation:patient", args=[scan.study.patient_id]),
        "manifest": reverse("api:reading", args=[scan.pk]),
        "api": reverse("api:scan", args=[scan.pk]),
    }
