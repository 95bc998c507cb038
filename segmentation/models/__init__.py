"""Results; import them from here."""

from segmentation.models.comparison import Alignment, Comparison, ComparisonStep
from segmentation.models.decision import CriterionName, ResponseCategory, ResponseDecision
from segmentation.models.edit import Edit
from segmentation.models.hand_measure import HandMeasure, MeasureKind, Plane
from segmentation.models.job import ACTIVE, LEASE, MAX_ATTEMPTS, Job, JobQuerySet, State
from segmentation.models.lesion import Lesion
from segmentation.models.review import Review, ReviewAction
from segmentation.models.segmentation import ReviewState, Segmentation, Step

__all__ = (
    "ACTIVE",
    "LEASE",
    "MAX_ATTEMPTS",
    "Alignment",
    "Comparison",
    "ComparisonStep",
    "CriterionName",
    "Edit",
    "HandMeasure",
    "Job",
    "JobQuerySet",
    "Lesion",
    "MeasureKind",
    "Plane",
    "ResponseCategory",
    "ResponseDecision",
    "Review",
    "ReviewAction",
    "ReviewState",
    "Segmentation",
    "State",
    "Step",
)
