"""What a person measured by hand on a scan."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from clinic.models import Membership
from patients.models import Scan
from segmentation.models.segmentation import Segmentation


class MeasureKind(models.TextChoices):
    DISTANCE = "distance", "Distance"
    ANGLE = "angle", "Angle"
    DIAMETERS = "diameters", "Two perpendicular diameters"


class Plane(models.TextChoices):
    AXIAL = "axial", "Axial"
    CORONAL = "coronal", "Coronal"
    SAGITTAL = "sagittal", "Sagittal"


class HandMeasure(models.Model):
    """Points set by a person, and what follows from them.

    ``points`` are voxel indices [i, j, k] of the scan's file (fractions allowed; a picture's k is
    0): two of a distance; three of an angle, its corner in the middle; four of two diameters, the
    longer one first. Lengths are computed here, through the affine, and are empty where the scan
    has no reliable voxel size; then ``longest_pixels`` and ``perpendicular_pixels`` hold indices.
    ``segmentation`` and ``lesion_number`` say which automatic line was edited, if one was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="hand_measures")
    segmentation = models.ForeignKey(
        Segmentation, null=True, blank=True, on_delete=models.SET_NULL, related_name="hand_measures"
    )
    lesion_number = models.PositiveIntegerField(null=True, blank=True)
    author = models.ForeignKey(Membership, null=True, on_delete=models.SET_NULL, related_name="+")
    author_name = models.CharField(max_length=200)
    kind = models.CharField(max_length=9, choices=MeasureKind)
    plane = models.CharField(max_length=8, choices=Plane)
    points = models.JSONField()
    longest_mm = models.FloatField(null=True, blank=True)
    perpendicular_mm = models.FloatField(null=True, blank=True)
    longest_pixels = models.FloatField(null=True, blank=True)
    perpendicular_pixels = models.FloatField(null=True, blank=True)
    angle_degrees = models.FloatField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ("created_at",)
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=MeasureKind.values), name="hand_measure_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(plane__in=Plane.values), name="hand_measure_plane_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.author_name}"
