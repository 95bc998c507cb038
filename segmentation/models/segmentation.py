"""One attempt to say where the tumour is on a scan, from asking to result."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from clinic.models import Clinic, Membership
from patients.models import Scan, Study

MAX_ATTEMPTS = 3
# A running segmentation that has not been heard of for this long has lost its worker. Progress
# is written after every few slices and after every step, so this is many times what one takes.
LEASE = timedelta(seconds=75)


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"


class Step(models.TextChoices):
    NONE = "", ""
    LOADING = "loading", "Reading the file"
    SEGMENTING = "segmenting", "Segmenting"
    MEASURING = "measuring", "Measuring"
    SAVING = "saving", "Saving"


class SegmentationQuerySet(models.QuerySet["Segmentation"]):
    def of(self, clinic: Clinic) -> Self:
        return self.filter(study__patient__clinic=clinic)

    def active(self) -> Self:
        return self.filter(state__in=(State.QUEUED, State.RUNNING))

    def stale(self) -> Self:
        """Running, but its worker has not been heard of for longer than the lease."""
        return self.filter(state=State.RUNNING, heard_at__lt=timezone.now() - LEASE)

    def claimable(self) -> Self:
        lost = Q(state=State.RUNNING, heard_at__lt=timezone.now() - LEASE)
        return self.filter(Q(state=State.QUEUED) | lost, attempts__lt=MAX_ATTEMPTS)


def mask_path(segmentation: Segmentation, suffix: str) -> str:
    """Each attempt writes into a folder of its own, so a late worker overwrites nothing."""
    return f"segmentations/{segmentation.pk}/{segmentation.token}/mask{suffix}"


class Segmentation(models.Model):
    """What was found on a study, by which model or person.

    ``scan`` is the scan whose grid the mask has; ``inputs`` are all scans that were read.
    ``labels`` names the values of the mask. Slices count from 1 at the foot. Volumes are empty
    where the scan gives no reliable spacing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="segmentations")
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="segmentations")
    inputs = models.ManyToManyField(Scan, related_name="read_by")

    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    step = models.CharField(max_length=10, choices=Step, default=Step.NONE, blank=True)
    slices_done = models.PositiveIntegerField(default=0)
    slices_total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    model_name = models.CharField(max_length=40, blank=True)
    model_version = models.CharField(max_length=20, blank=True)
    model_sha256 = models.CharField(max_length=64, blank=True)
    author = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="segmentations"
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    labels = models.JSONField(default=dict)
    is_current = models.BooleanField(default=False)

    mask = models.FileField(upload_to=mask_path, blank=True, max_length=200)
    preview = models.JSONField(default=dict, blank=True)
    voxels = models.PositiveBigIntegerField(null=True, blank=True)
    volume_ml = models.FloatField(null=True, blank=True)
    tumour_slices = models.PositiveIntegerField(null=True, blank=True)
    key_slice = models.PositiveIntegerField(null=True, blank=True)
    key_area_pixels = models.PositiveIntegerField(null=True, blank=True)
    key_area_percent = models.FloatField(null=True, blank=True)
    mean_probability = models.FloatField(null=True, blank=True)

    requested_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = SegmentationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        indexes = [models.Index(fields=("state", "heard_at"))]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="state_is_known"),
            models.CheckConstraint(
                condition=(Q(state=State.SUCCEEDED) & ~Q(mask=""))
                | (~Q(state=State.SUCCEEDED) & Q(mask="")),
                name="a_mask_always_and_only_when_succeeded",
            ),
            models.CheckConstraint(
                condition=(Q(state=State.FAILED) & ~Q(reason=""))
                | (~Q(state=State.FAILED) & Q(reason="")),
                name="a_reason_always_and_only_when_failed",
            ),
            models.CheckConstraint(
                condition=Q(state=State.RUNNING, token__isnull=False, heard_at__isnull=False)
                | (~Q(state=State.RUNNING) & Q(token__isnull=True)),
                name="a_token_always_and_only_when_running",
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(state=State.SUCCEEDED),
                name="only_a_result_is_current",
            ),
            models.CheckConstraint(
                condition=Q(attempts__lte=MAX_ATTEMPTS), name="three_attempts_at_most"
            ),
            models.UniqueConstraint(
                fields=("scan",), condition=Q(is_current=True), name="one_current_result_a_scan"
            ),
            models.UniqueConstraint(
                fields=("scan",),
                condition=Q(state__in=(State.QUEUED, State.RUNNING)),
                name="one_segmentation_under_way_a_scan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name or 'manual'} {self.model_version}: {self.state}"

    @property
    def is_active(self) -> bool:
        return self.state in (State.QUEUED, State.RUNNING)

    @property
    def found_nothing(self) -> bool:
        """Whether this is the result "no tumour found"."""
        return self.state == State.SUCCEEDED and self.voxels == 0

    @property
    def folder(self) -> PurePosixPath:
        """Where this segmentation keeps its files, below the media root."""
        return PurePosixPath("segmentations") / str(self.pk)
