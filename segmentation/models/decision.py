"""What a person says of a response category, beside what the rule said."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from clinic.models import Membership
from patients.models import Scan
from segmentation.models.segmentation import Segmentation


class CriterionName(models.TextChoices):
    PRODUCT = "product", "Product of diameters"
    VOLUME = "volume", "Volume"


class ResponseCategory(models.TextChoices):
    """The values are those of ``ml.course.Category``."""

    COMPLETE = "complete response", "Complete response"
    PARTIAL = "partial response", "Partial response"
    MINOR = "minor response", "Minor response"
    STABLE = "stable disease", "Stable disease"
    PROGRESSION = "progression", "Progression"
    BASELINE = "baseline", "Baseline"
    NOT_EVALUABLE = "not evaluable", "Not evaluable"


class ResponseDecision(models.Model):
    """One person's decision; a later one does not overwrite it, the newest counts.

    It is about a scan and outlives the versions of its result. ``figures`` is what the category
    of the rule rested on when it was made, so that a page can say when that has changed since.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="decisions")
    segmentation = models.ForeignKey(
        Segmentation, null=True, on_delete=models.SET_NULL, related_name="decisions"
    )
    criterion = models.CharField(max_length=7, choices=CriterionName)
    rule_category = models.CharField(max_length=17, choices=ResponseCategory)
    rule_is_preliminary = models.BooleanField(default=False)
    category = models.CharField(max_length=17, choices=ResponseCategory)
    is_preliminary = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    figures = models.JSONField(default=dict)
    by = models.ForeignKey(Membership, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-at", "-pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(criterion__in=CriterionName.values), name="criterion_is_known"
            ),
            models.CheckConstraint(
                condition=Q(category__in=ResponseCategory.values)
                & Q(rule_category__in=ResponseCategory.values),
                name="response_category_is_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    category=models.F("rule_category"),
                    is_preliminary=models.F("rule_is_preliminary"),
                )
                | ~Q(reason=""),
                name="a_reason_where_the_rule_is_not_followed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category} by {self.by_name}"

    @property
    def follows_the_rule(self) -> bool:
        mine = (self.category, self.is_preliminary)
        return mine == (self.rule_category, self.rule_is_preliminary)
