"""One connected piece of a mask, with its measures."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from segmentation.models.segmentation import Segmentation


class Lesion(models.Model):
    """One 26-connected component, numbered from 1, the largest first.

    ``centroid`` is in indices of the stack of axial slices: slice (from 0 at the foot), row
    (towards posterior), column (towards the patient's left). ``diameter_lines`` holds the ends of
    the two diameters as voxel indices [i, j, k] of the scan's file: ``longest`` and
    ``perpendicular``, each two points; it is empty where there is no such line.

    The figures from ``product_mm2`` to ``is_tiny`` are those of :mod:`ml.measures`; they are empty
    in results from before they were worked out, and where the data cannot say.

    ``regions`` and what follows are the place in the template's brain (ml.place.AtlasPlace says
    what each is) and null where the scan is not laid on it; ``without_atlas`` then says why.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    segmentation = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="lesions")
    number = models.PositiveIntegerField()
    voxels = models.PositiveBigIntegerField()
    volume_ml = models.FloatField(null=True)
    longest_diameter_mm = models.FloatField(null=True)
    perpendicular_diameter_mm = models.FloatField(null=True)
    product_mm2 = models.FloatField(null=True)
    longest_3d_mm = models.FloatField(null=True)
    surface_mm2 = models.FloatField(null=True)
    sphericity = models.FloatField(null=True)
    brain_percent = models.FloatField(null=True)
    is_measurable = models.BooleanField(null=True)
    is_tiny = models.BooleanField(null=True)
    diameter_lines = models.JSONField(default=dict, blank=True)
    slices = models.PositiveIntegerField()
    first_slice = models.PositiveIntegerField()
    last_slice = models.PositiveIntegerField()
    key_slice = models.PositiveIntegerField()
    key_area_pixels = models.PositiveIntegerField()
    key_area_percent = models.FloatField(null=True)
    centroid = ArrayField(models.FloatField(), size=3)
    mean_probability = models.FloatField(null=True)
    side = models.CharField(max_length=8)
    left_share = models.FloatField(null=True)
    place = models.CharField(max_length=160)
    regions = models.JSONField(null=True, blank=True)
    crosses_midline = models.BooleanField(null=True, blank=True)
    depth_mm = models.FloatField(null=True, blank=True)
    ventricle_mm = models.FloatField(null=True, blank=True)
    cortex_share = models.FloatField(null=True, blank=True)
    eloquent = models.JSONField(null=True, blank=True)
    unnamed_share = models.FloatField(null=True, blank=True)
    without_atlas = models.CharField(max_length=160, blank=True)

    class Meta:
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(
                fields=("segmentation", "number"), name="one_lesion_for_each_number"
            ),
        ]

    def __str__(self) -> str:
        return f"Lesion {self.number}: {self.place}"
