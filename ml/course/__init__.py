"""The course of a tumour from scan to scan: what changed, how fast, and what a rule calls it."""

from ml.course.criteria import BY_PRODUCT, BY_VOLUME, CRITERIA, Category, Criterion
from ml.course.growth import Growth, growth_between, growth_over
from ml.course.matching import Link, match_lesions
from ml.course.naming import Named, Shown, name_lesions
from ml.course.observations import Clinical, Observation, Therapy, not_comparable
from ml.course.response import Response, assess
from ml.course.series import (
    Change,
    Reference,
    change_since,
    choose_baseline,
    comparable_with,
    nadir,
)

__all__ = [
    "BY_PRODUCT",
    "BY_VOLUME",
    "CRITERIA",
    "Category",
    "Change",
    "Clinical",
    "Criterion",
    "Growth",
    "Link",
    "Named",
    "Observation",
    "Reference",
    "Response",
    "Shown",
    "Therapy",
    "assess",
    "change_since",
    "choose_baseline",
    "comparable_with",
    "growth_between",
    "growth_over",
    "match_lesions",
    "nadir",
    "name_lesions",
    "not_comparable",
]
