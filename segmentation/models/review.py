"""What people decided about results: a line for each step, never changed."""

from __future__ import annotations

from django.db import models

from clinic.models import Membership
from segmentation.models.segmentation import Segmentation


class ReviewAction(models.TextChoices):
    STARTED = "started", "took it into review"
    RELEASED = "released", "gave the review back"
    SIGNED = "signed", "signed it"
    REJECTED = "rejected", "rejected it"
    WITHDRAWN = "withdrawn", "withdrew the signature"
    MADE_CURRENT = "made_current", "made it the current one"


class Review(models.Model):
    """One step of one result's review. ``by_name`` is the name at the time."""

    segmentation = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="reviews")
    action = models.CharField(max_length=12, choices=ReviewAction)
    by = models.ForeignKey(Membership, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=200)
    comment = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("at", "pk")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(action__in=ReviewAction.values), name="review_action_is_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(action=ReviewAction.REJECTED, comment=""),
                name="a_rejection_always_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by_name} {self.get_action_display()}"
