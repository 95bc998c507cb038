"""The course as plain values, as the API and the chart's script read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml.course import Change, Growth
from patients.models import Study, Treatment
from segmentation.palette import LESION_COLOURS, colour_index
from segmentation.selectors.course import Assessed, Course, Decided, Entry, LesionFigures
from segmentation.selectors.lesion_names import LesionName

NOTICE = "Research software, not for diagnosis."


def course_values(course: Course) -> dict[str, Any]:
    """Everything of the course, dates and numbers as they are; oldest first."""
    return {
        "patient": str(course.patient.pk),
        "lesions": [
            {"name": name, "colour": LESION_COLOURS[colour_index(name) - 1]}
            for name in course.names
        ],
        "is_matching": course.is_matching,
        "examinations": [_entry(entry) for entry in course.entries],
        "treatments": [_treatment(row) for row in course.treatments],
        "studies": [_study(study) for study in course.studies],
        "notice": NOTICE,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    one, result = entry.observation, entry.result
    return {
        "scan": str(entry.scan.pk),
        "study": str(entry.study.pk),
        "segmentation": str(result.pk),
        "version": result.version,
        "day": one.day,
        "sequence": entry.scan.sequence,
        "component": one.component,
        "family": one.family,
        "method": one.method,
        "is_corrected": entry.is_corrected,
        "is_signed": one.is_signed,
        "found_nothing": one.found_nothing,
        "volume_ml": one.size("volume_ml"),
        "volume_interval": result.volume_interval,
        "product_mm2": one.size("product_mm2"),
        "new_lesions": None if entry.names.new is None else list(entry.names.new),
        "new_measurable_lesions": one.new_lesions,
        "why_new_lesions_are_not_known": entry.names.why_not_known,
        "lesions": [_lesion(figures) for figures in entry.lesions],
        "names": [_name(number, name) for number, name in sorted(entry.names.lesions.items())],
        "growth": _growth(entry.growth),
        "responses": [_assessed(assessed) for assessed in entry.assessed.values()],
    }


def _lesion(figures: LesionFigures) -> dict[str, Any]:
    return {
        "name": figures.name,
        "volume_ml": figures.volume_ml,
        "product_mm2": figures.product_mm2,
        "parts": figures.parts,
        "is_new": figures.is_new,
    }


def _name(number: int, name: LesionName) -> dict[str, Any]:
    return {"number": number, "name": name.name, "shown_as": name.label, "colour": name.colour}


def _growth(growth: Growth | None) -> dict[str, Any] | None:
    if growth is None:
        return None
    return {
        "rate_percent_a_month": growth.rate_percent_a_month,
        "doubling_days": growth.doubling_days,
        "halving_days": growth.halving_days,
        "expansion_mm_a_year": growth.expansion_mm_a_year,
        "days": growth.days,
    }


def _assessed(assessed: Assessed) -> dict[str, Any]:
    response = assessed.response
    return {
        "criterion": str(assessed.name),
        "value": assessed.value,
        "category": str(response.category),
        "is_preliminary": response.is_preliminary,
        "reason": response.reason,
        "conditions": list(response.conditions),
        "uses_drafts": response.uses_drafts,
        "rule": response.criterion.rule,
        "rule_source": response.source,
        "since_baseline": _change(assessed.since_baseline),
        "since_nadir": _change(assessed.since_nadir),
        "since_previous": _change(assessed.previous),
        "seen": assessed.seen,
        "decisions": decision_values(assessed.decisions),
    }


def _change(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "segmentation": change.since.key,
        "day": change.since.day,
        "before": change.before,
        "after": change.after,
        "absolute": change.absolute,
        "percent": change.percent,
    }


def decision_values(decisions: Sequence[Decided]) -> list[dict[str, Any]]:
    """The newest first."""
    return [
        {
            "id": str(decided.row.pk),
            "criterion": decided.row.criterion,
            "category": decided.row.category,
            "is_preliminary": decided.row.is_preliminary,
            "rule_category": decided.row.rule_category,
            "rule_is_preliminary": decided.row.rule_is_preliminary,
            "reason": decided.row.reason,
            "by": decided.row.by_name,
            "at": decided.row.at,
            "is_outdated": decided.is_outdated,
        }
        for decided in decisions
    ]


def _treatment(row: Treatment) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "description": row.description,
        "started_on": row.started_on,
        "ended_on": row.ended_on,
    }


def _study(study: Study) -> dict[str, Any]:
    return {
        "id": str(study.pk),
        "performed_on": study.performed_on,
        "steroid_mg": study.steroid_mg,
        "karnofsky": study.karnofsky,
        "clinical_change": study.clinical_change,
        "is_baseline": study.is_baseline,
    }
