"""All measures of a patient or a clinic as a table or as JSON: one row for each lesion."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from clinic.models import Clinic
from ml.glioma import CORE, ENHANCING, OEDEMA, WITH_CONTRAST
from ml.parts import CORE_NAME
from patients.models import Patient
from segmentation.models import Lesion, Segmentation

NOTICE = "Research software, not for diagnosis."
OF_THE_RESULT = (
    "record_number", "performed_on", "sequence", "scan", "segmentation", "version", "source",
    "model", "review", "signed_by", "signed_at",
)  # fmt: skip
OF_THE_WHOLE = (
    "total_volume_ml", "total_voxels", "total_slices", "total_brain_percent", "brain_source",
    "total_sum_of_products_mm2", "total_volume_low_ml", "total_volume_high_ml",
    "total_volume_level", "is_multifocal", "core_ml", "enhancing_ml", "oedema_ml", "necrosis_ml",
    "tumour_type", "tumour_type_probability", "tumour_type_model",
)  # fmt: skip
PARTS = {
    "core_ml": CORE_NAME,
    "enhancing_ml": WITH_CONTRAST[ENHANCING],
    "oedema_ml": WITH_CONTRAST[OEDEMA],
    "necrosis_ml": WITH_CONTRAST[CORE],
}
OF_THE_LESION = (
    "lesion", "volume_ml", "voxels", "longest_diameter_mm", "perpendicular_diameter_mm",
    "product_mm2", "longest_3d_mm", "surface_mm2", "sphericity", "brain_percent",
    "is_measurable", "is_tiny", "slices", "first_slice", "last_slice", "side", "left_share",
    "place", "regions", "unnamed_share", "crosses_midline", "depth_mm", "ventricle_mm",
    "cortex_share", "eloquent", "without_atlas", "mean_probability",
)  # fmt: skip
COLUMNS = OF_THE_RESULT + OF_THE_WHOLE + OF_THE_LESION
# A spreadsheet would take these for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def current_results(*, clinic: Clinic, patient: Patient | None = None) -> QuerySet[Segmentation]:
    """The results that count, of present scans and patients, by record number and date."""
    results = Segmentation.objects.of(clinic).filter(
        is_current=True, scan__archived_at=None, study__patient__archived_at=None
    )
    if patient is not None:
        results = Segmentation.objects.of(clinic).filter(
            is_current=True, scan__archived_at=None, study__patient=patient
        )
    related = results.select_related("scan", "study__patient").prefetch_related("lesions")
    return related.order_by("study__patient__record_number", "study__performed_on", "pk")


def rows(results: Iterable[Segmentation]) -> Iterator[dict[str, Any]]:
    """A row for each lesion; a result without any has one row with empty lesion columns."""
    for result in results:
        head = _head(result)
        lesions = list(result.lesions.all())
        if not lesions:
            yield {**head, **dict.fromkeys(OF_THE_LESION)}
        for lesion in lesions:
            yield {**head, **_lesion(lesion)}


def _head(result: Segmentation) -> dict[str, Any]:
    signed = result.is_signed
    model = f"{result.model_name} {result.model_version}".strip()
    interval = result.volume_interval or {}
    named = result.tumour_type or {}
    has_type = bool(named.get("verdict"))
    return {
        "record_number": result.study.patient.record_number,
        "performed_on": result.study.performed_on.isoformat(),
        "sequence": result.scan.sequence,
        "scan": str(result.scan_id),
        "segmentation": str(result.pk),
        "version": result.version,
        "source": result.source,
        "model": model,
        "review": result.review,
        "signed_by": result.reviewer_name if signed else "",
        "signed_at": result.reviewed_at.isoformat() if signed and result.reviewed_at else "",
        "total_volume_ml": result.volume_ml,
        "total_voxels": result.voxels,
        "total_slices": result.tumour_slices,
        "total_brain_percent": result.brain_percent,
        "brain_source": result.brain_source,
        "total_sum_of_products_mm2": result.sum_of_products_mm2,
        "total_volume_low_ml": interval.get("low_ml"),
        "total_volume_high_ml": interval.get("high_ml"),
        "total_volume_level": interval.get("level"),
        "is_multifocal": result.is_multifocal,
        **_parts(result),
        "tumour_type": named.get("verdict"),
        "tumour_type_probability": max(named["probabilities"].values()) if has_type else None,
        "tumour_type_model": f"{named['model']} {named['version']}" if has_type else None,
    }


def _parts(result: Segmentation) -> dict[str, float | None]:
    """The volumes of a mask's parts, mL; empty for one that has none."""
    known = {part["name"]: part["volume_ml"] for part in result.parts or ()}
    return {column: known.get(name) for column, name in PARTS.items()}


def _lesion(lesion: Lesion) -> dict[str, Any]:
    named = {name: getattr(lesion, name) for name in OF_THE_LESION if name != "lesion"}
    return {"lesion": lesion.number, **named}


class _Echo:
    """What csv writes to, when each line is wanted as it is made."""

    def write(self, line: str) -> str:
        return line


def csv_lines(results: Iterable[Segmentation]) -> Iterator[str]:
    """The table as CSV (RFC 4180), a line at a time; missing figures are empty."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)
    for row in rows(results):
        yield writer.writerow([_cell(row[name]) for name in COLUMNS])


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is marked as text; shares become text."""
    if isinstance(value, list):
        named = ((f"{one['side']} {one['name']}".strip(), one["share"]) for one in value)
        return "; ".join(f"{name} {share:.4f}" for name, share in named)
    if isinstance(value, dict):
        return "; ".join(f"{name} {share:.4f}" for name, share in value.items())
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def json_pieces(results: Iterable[Segmentation]) -> Iterator[str]:
    """The same rows as one JSON object, a row at a time."""
    yield f'{{"notice": {json.dumps(NOTICE)}, "rows": ['
    for n, row in enumerate(rows(results)):
        yield (",\n" if n else "\n") + json.dumps(row)
    yield "\n]}\n"
