"""What was measured on a mask as one document: plain values for JSON, or a table to read."""

from __future__ import annotations

from typing import Any

from ml.atlas.vasari import (
    SOURCE,
    deep_features,
    location_features,
    midline_features,
)
from ml.atlas.words import detail_words
from ml.measures.by_label import LabelledMeasurement, enhancing_satellites
from ml.measures.lesions import TINY_ML, TINY_VOXELS
from ml.measures.records import LesionMeasure, Measurement
from ml.measures.spread import SATELLITE_MM
from ml.place import Place

# Counts up when a figure changes its meaning.
VERSION = 1
NOTICE = "Research software, not for diagnosis."
DEFINITIONS = {
    "lesion": "26-connected component",
    "tiny": f"less than {TINY_ML} mL, without a voxel size less than {TINY_VOXELS} voxels",
    "satellite": f"at most {SATELLITE_MM:g} mm from the largest lesion, nearest voxel centres",
    "measurable": "both diameters at least 10 mm, or twice the distance of slices more than 5 mm "
    "apart, on at least two axial slices (RANO)",
}
OF_TOTAL = (
    *("voxels", "volume_ml", "brain_percent", "surface_mm2", "sum_of_products_mm2", "slices"),
    *("key_slice", "key_area_pixels", "key_area_percent"),
)


def full_report(found: LabelledMeasurement, values: dict[str, int]) -> dict[str, Any]:
    """Plain values: the union's figures, and each label's under its name with its value."""
    union = found.union
    brain = None
    if union.brain_voxels is not None:
        brain = {
            "voxels": union.brain_voxels,
            "volume_ml": union.brain_volume_ml,
            "source": union.brain_source,
        }
    labels = {
        name: {"value": values[name], **_figures(part), **_by_vasari(name, union, part)}
        for name, part in found.labels.items()
    }
    return {
        "version": VERSION,
        "definitions": DEFINITIONS,
        "brain": brain,
        **_figures(union),
        "labels": labels,
        "vasari": _vasari(found),
        "notice": NOTICE,
    }


def _vasari(found: LabelledMeasurement) -> dict[str, Any]:
    """The location features: of the tumour alone where the oedema is told apart."""
    tumour = found.tumour or found.union
    features = location_features(_places(tumour))
    if found.tumour is not None:
        features += deep_features(_places(tumour))
    features += midline_features({name: _places(part) for name, part in found.labels.items()})
    return {
        "source": SOURCE,
        "of": "the whole mask" if found.tumour is None else "the mask without oedema",
        "features": [vars(feature) for feature in features],
    }


def _places(part: Measurement) -> list[Place]:
    return [lesion.place for lesion in part.main or part.lesions]


def _figures(part: Measurement) -> dict[str, Any]:
    return {
        "total": _total(part),
        "lesions": [_lesion(lesion) for lesion in part.main],
        "tiny": [_lesion(lesion) for lesion in part.tiny],
        **part.spread.as_dict(),
    }


def _total(part: Measurement) -> dict[str, Any]:
    """Tiny lesions count in all but the diameters, which are those of single lesions."""
    return {
        **{name: getattr(part, name) for name in OF_TOTAL},
        "lesions": len(part.lesions),
        "tiny_lesions": len(part.tiny),
        "measurable_lesions": sum(bool(lesion.is_measurable) for lesion in part.lesions),
        "longest_diameter_mm": _largest(part, "longest_diameter_mm"),
        "longest_3d_mm": _largest(part, "longest_3d_mm"),
    }


def _largest(part: Measurement, name: str) -> float | None:
    """The largest of the lesions' figures called ``name``, where there are any."""
    values = [getattr(lesion, name) for lesion in part.lesions]
    return max((value for value in values if value is not None), default=None)


def _lesion(lesion: LesionMeasure) -> dict[str, Any]:
    values = lesion.as_dict()
    del values["mean_probability"]
    return values


def _by_vasari(name: str, union: Measurement, part: Measurement) -> dict[str, Any]:
    if not name.lower().startswith("enhanc"):
        return {}
    return {"satellites_within_main_lesion": enhancing_satellites(union, part)}


def as_table(report: dict[str, Any]) -> str:
    """The document as lines to read; a dash where the data cannot say."""
    lines = [*_part("All labels together" if report["labels"] else "Mask", report)]
    for name, part in report["labels"].items():
        lines += ["", *_part(f"{name} ({part['value']})", part)]
    if report["brain"] is None:
        lines += ["", "No share of the brain and no place: they need the scan (--image)."]
    else:
        lines += ["", f"Brain: {_value(report['brain']['volume_ml'], 0)} mL, by a "]
        lines[-1] += f"{report['brain']['source']}."
    return "\n".join([*lines, report["notice"]])


HEAD = ("lesion", "mL", "% brain", "diameters mm", "mm2", "3D mm", "surface", "spher.", "RANO")
WIDTHS = (8, 9, 8, 15, 9, 7, 9, 7, 5)


def _part(title: str, part: dict[str, Any]) -> list[str]:
    total = part["total"]
    lines = [
        f"{title}: {total['voxels']} voxels, {_value(total['volume_ml'], 2)} mL, "
        f"{_value(total['brain_percent'], 2)} % of the brain, on {total['slices']} slices"
    ]
    if part["lesions"]:
        lines.append(_row(HEAD))
    lines += [_row(_cells(lesion)) for lesion in part["lesions"]]
    lines += [_place_line(lesion) for lesion in part["lesions"]]
    if part["tiny"]:
        size = sum(lesion["voxels"] for lesion in part["tiny"])
        lines.append(f"  and {len(part['tiny'])} tiny, together {size} voxels")
    lines.append(
        f"  sum of products {_value(total['sum_of_products_mm2'], 0)} mm2 of "
        f"{total['measurable_lesions']} measurable; multifocal: {_yes(part['multifocal'])}; "
        f"satellites: {_numbers(part['satellites'])}"
    )
    return lines


def _row(cells: tuple[str, ...]) -> str:
    return "".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


def _place_line(lesion: dict[str, Any]) -> str:
    place = lesion["place"]
    details = ("crosses_midline", "depth_mm", "ventricle_mm")
    said = detail_words(
        **{name: (place["atlas"] or {}).get(name) for name in details},
        without_atlas=place["without_atlas"],
    )
    return f"  lesion {lesion['number']}: {'; '.join(filter(None, (place['words'], said)))}"


def _cells(lesion: dict[str, Any]) -> tuple[str, ...]:
    longest, across = lesion["longest_diameter_mm"], lesion["perpendicular_diameter_mm"]
    return (
        str(lesion["number"]),
        _value(lesion["volume_ml"], 2),
        _value(lesion["brain_percent"], 2),
        f"{_value(longest, 1)} x {_value(across, 1)}",
        _value(lesion["product_mm2"], 0),
        _value(lesion["longest_3d_mm"], 1),
        _value(lesion["surface_mm2"], 0),
        _value(lesion["sphericity"], 2),
        _yes(lesion["is_measurable"]),
    )


def _value(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _yes(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _numbers(values: list[int] | None) -> str:
    if values is None:
        return "-"
    return ", ".join(str(value) for value in values) or "none"
