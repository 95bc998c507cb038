"""Two results of one patient laid over each other: what grew, what is gone, what is as it was."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from clinic.models import Clinic
from segmentation.models.job import Job, JobQuerySet, job_constraints
from segmentation.models.segmentation import Segmentation


class Alignment(models.TextChoices):
    """How the later scan was brought to the earlier one."""

    AS_STORED = "as_stored", "as the files place them"
    RIGID = "rigid", "moved and turned to fit (rigid registration)"


class ComparisonStep(models.TextChoices):
    NONE = "", ""
    LOADING = "loading", "Reading the files"
    REGISTERING = "registering", "Aligning the later scan with the earlier one (rigid)"
    SAVING = "saving", "Comparing the masks"


class ComparisonQuerySet(JobQuerySet["Comparison"]):
    def of(self, clinic: Clinic) -> Self:
        return self.filter(earlier__study__patient__clinic=clinic)


class Comparison(Job):
    """Made by a worker; everything is on the grid of the earlier scan.

    ``matrix`` (4 x 4) takes RAS+ millimetres of the earlier scan to those of the later one.
    ``quality`` holds the figures by which the alignment was judged. ``links`` says which lesion of
    the earlier result is which of the later one: [earlier number, later number, shared voxels]
    each; it is empty until they were matched.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    earlier = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="+")
    later = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="+")
    alignment = models.CharField(max_length=9, choices=Alignment)
    step = models.CharField(
        max_length=11, choices=ComparisonStep, default=ComparisonStep.NONE, blank=True
    )
    matrix = models.JSONField(null=True, blank=True)
    quality = models.JSONField(default=dict, blank=True)
    links = models.JSONField(null=True, blank=True)
    files = models.CharField(max_length=200, blank=True)
    stable_voxels = models.PositiveBigIntegerField(null=True, blank=True)
    grown_voxels = models.PositiveBigIntegerField(null=True, blank=True)
    gone_voxels = models.PositiveBigIntegerField(null=True, blank=True)
    voxel_ml = models.FloatField(null=True, blank=True)

    objects = ComparisonQuerySet.as_manager()
    AT_START: ClassVar[dict[str, object]] = {"step": ComparisonStep.LOADING}

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            *job_constraints("comparison_"),
            models.CheckConstraint(
                condition=(Q(state="succeeded") & ~Q(files=""))
                | (~Q(state="succeeded") & Q(files="")),
                name="comparison_files_always_and_only_when_succeeded",
            ),
            models.UniqueConstraint(
                fields=("earlier", "later", "alignment"), name="one_comparison_for_each_two_results"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.earlier_id} and {self.later_id}: {self.state}"

    @property
    def patient_id(self) -> uuid.UUID:
        return self.earlier.scan.study.patient_id

    @property
    def stable_ml(self) -> float | None:
        return self._millilitres(self.stable_voxels)

    @property
    def grown_ml(self) -> float | None:
        return self._millilitres(self.grown_voxels)

    @property
    def gone_ml(self) -> float | None:
        return self._millilitres(self.gone_voxels)

    def _millilitres(self, voxels: int | None) -> float | None:
        """None where a scan has no reliable voxel size, also if it was corrected only later."""
        scans = (self.earlier.scan, self.later.scan)
        if voxels is None or self.voxel_ml is None:
            return None
        return voxels * self.voxel_ml if all(scan.has_physical_size for scan in scans) else None

    @property
    def folder(self) -> PurePosixPath:
        """Where its files lie, below the media root."""
        return PurePosixPath("comparisons") / str(self.pk)
