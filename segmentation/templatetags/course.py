"""How figures of the course are written, and where its chart puts them."""

from __future__ import annotations

from django import template

from segmentation.models import CriterionName
from segmentation.selectors.course import CRITERIA, LesionFigures
from segmentation.templatetags.results import millilitres

register = template.Library()


@register.filter
def minus(value: float, other: float) -> float:
    return round(value - other, 1)


@register.filter
def plus(value: float, other: float) -> float:
    return round(value + other, 1)


@register.filter
def course_value(value: float | None, name: str) -> str:
    """``12.3 mL`` or ``1,204 mm²``; a dash where there is none."""
    if value is None:
        return "–"
    return millilitres(value) if name == CriterionName.VOLUME else f"{value:,.0f} mm²"


@register.filter
def size_by(figures: LesionFigures, name: str) -> float | None:
    return figures.size(CRITERIA[CriterionName(name)].size)
