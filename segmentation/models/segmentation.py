"""One attempt to say where the tumour is on a scan, by a model or a person."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from clinic.models import Clinic, Membership
from ml.measures import HEAD
from patients.models import Scan, Study
from segmentation.models.job import Job, JobQuerySet, State, job_constraints


class Step(models.TextChoices):
    NONE = "", ""
    LOADING = "loading", "Reading the file"
    SEGMENTING = "segmenting", "Segmenting"
    MEASURING = "measuring", "Measuring"
    SAVING = "saving", "Saving"


class ReviewState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    SIGNED = "signed", "Signed"
    REJECTED = "rejected", "Rejected"


DECIDED = (ReviewState.SIGNED, ReviewState.REJECTED)


class SegmentationQuerySet(JobQuerySet["Segmentation"]):
    def of(self, clinic: Clinic) -> Self:
        return self.filter(study__patient__clinic=clinic)


def mask_path(segmentation: Segmentation, suffix: str) -> str:
    """Each attempt writes into a folder of its own, so a late worker overwrites nothing."""
    return f"segmentations/{segmentation.pk}/{segmentation.token}/mask{suffix}"


class Segmentation(Job):
    """What was found on a study, by which model or person.

    ``scan`` is the scan whose grid the mask has; ``inputs`` are all scans that were read.
    ``labels`` names the values of the mask. Slices count from 1 at the foot. Volumes are empty
    where the scan gives no reliable spacing.

    ``version`` counts a scan's results from 1. ``author`` is the person who drew this one, made
    from ``parent``; a model's has none. ``reviewer`` is who has it in review or has decided, and
    ``reviewer_name`` their name at the time, which outlives the membership. ``draft`` is the
    model's result that a signed mask goes back to, and ``draft_dice`` how well they agree.

    ``brain_source`` says how the brain was found whose share is given. ``sum_of_products_mm2`` is
    over the measurable lesions. ``satellites`` are numbers of lesions, and ``distances_mm`` a list
    of pairs of them with the millimetres between. All are empty in results from before them.

    ``volume_interval`` holds ``level``, ``low_ml``, ``high_ml`` and ``patients``: between which
    volumes a reader's lies in that share of patients like those that the model was tested on
    (``ml.uncertainty``). None for a person's mask, and where the card says nothing of it.

    What one of several models adds is None where it was not asked. ``parts`` are those of a mask
    with several labels, each with ``name``, ``labels``, ``voxels`` and ``volume_ml``; they overlap,
    as the core holds what enhances. ``gathered`` says how the ``inputs`` came onto one grid:
    ``placed`` and ``left_out`` by sequence, how the ``brain`` was found, and ``instead`` why fewer
    were read than the visit has. ``tumour_type`` holds ``model``, ``version``, ``sha256``,
    ``probabilities`` by type, ``verdict``, ``certain_from`` and more (``segmentation.naming``), or
    ``without``, a sentence on why there is none. ``unsure`` says how the layer of
    unsure voxels beside the mask was made.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="segmentations")
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="segmentations")
    inputs = models.ManyToManyField(Scan, related_name="read_by")

    step = models.CharField(max_length=10, choices=Step, default=Step.NONE, blank=True)
    slices_done = models.PositiveIntegerField(default=0)
    slices_total = models.PositiveIntegerField(default=0)

    model_name = models.CharField(max_length=40, blank=True)
    model_version = models.CharField(max_length=20, blank=True)
    model_sha256 = models.CharField(max_length=64, blank=True)
    author = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="segmentations"
    )
    author_name = models.CharField(max_length=200, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    version = models.PositiveIntegerField(null=True, blank=True)
    remark = models.CharField(max_length=300, blank=True)
    labels = models.JSONField(default=dict)
    is_current = models.BooleanField(default=False)

    review = models.CharField(max_length=9, choices=ReviewState, default=ReviewState.DRAFT)
    reviewer = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.SET_NULL, related_name="reviewed"
    )
    reviewer_name = models.CharField(max_length=200, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    draft = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="signed_masks"
    )
    draft_dice = models.FloatField(null=True, blank=True)

    mask = models.FileField(upload_to=mask_path, blank=True, max_length=200)
    preview = models.JSONField(default=dict, blank=True)
    voxels = models.PositiveBigIntegerField(null=True, blank=True)
    volume_ml = models.FloatField(null=True, blank=True)
    tumour_slices = models.PositiveIntegerField(null=True, blank=True)
    key_slice = models.PositiveIntegerField(null=True, blank=True)
    key_area_pixels = models.PositiveIntegerField(null=True, blank=True)
    key_area_percent = models.FloatField(null=True, blank=True)
    mean_probability = models.FloatField(null=True, blank=True)
    brain_percent = models.FloatField(null=True, blank=True)
    brain_volume_ml = models.FloatField(null=True, blank=True)
    brain_source = models.CharField(max_length=120, blank=True)
    surface_mm2 = models.FloatField(null=True, blank=True)
    sum_of_products_mm2 = models.FloatField(null=True, blank=True)
    volume_interval = models.JSONField(null=True, blank=True)
    is_multifocal = models.BooleanField(null=True, blank=True)
    satellites = models.JSONField(null=True, blank=True)
    distances_mm = models.JSONField(null=True, blank=True)
    parts = models.JSONField(null=True, blank=True)
    gathered = models.JSONField(null=True, blank=True)
    tumour_type = models.JSONField(null=True, blank=True)
    unsure = models.JSONField(null=True, blank=True)

    objects = SegmentationQuerySet.as_manager()
    AT_START: ClassVar[dict[str, object]] = {
        "step": Step.LOADING,
        "slices_done": 0,
        "slices_total": 0,
    }

    class Meta:
        ordering = ("-created_at",)
        indexes = [
            models.Index(fields=("state", "heard_at")),
            models.Index(fields=("review", "finished_at")),
        ]
        constraints = [
            *job_constraints(),
            models.CheckConstraint(
                condition=(Q(state=State.SUCCEEDED) & ~Q(mask=""))
                | (~Q(state=State.SUCCEEDED) & Q(mask="")),
                name="a_mask_always_and_only_when_succeeded",
            ),
            models.CheckConstraint(
                condition=Q(state=State.SUCCEEDED, version__isnull=False, version__gte=1)
                | (~Q(state=State.SUCCEEDED) & Q(version__isnull=True)),
                name="a_version_always_and_only_when_succeeded",
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(state=State.SUCCEEDED),
                name="only_a_result_is_current",
            ),
            models.CheckConstraint(
                condition=Q(review__in=ReviewState.values), name="review_is_known"
            ),
            models.CheckConstraint(
                condition=Q(review=ReviewState.DRAFT) | Q(state=State.SUCCEEDED),
                name="only_a_result_is_reviewed",
            ),
            models.CheckConstraint(
                condition=(Q(review__in=DECIDED, reviewed_at__isnull=False) & ~Q(reviewer_name=""))
                | (~Q(review__in=DECIDED) & Q(reviewed_at__isnull=True)),
                name="a_decision_always_has_a_name_and_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(review=ReviewState.REJECTED, is_current=True),
                name="a_rejected_result_is_not_current",
            ),
            models.UniqueConstraint(
                fields=("scan",), condition=Q(is_current=True), name="one_current_result_a_scan"
            ),
            models.UniqueConstraint(
                fields=("scan",),
                condition=Q(state__in=(State.QUEUED, State.RUNNING)),
                name="one_segmentation_under_way_a_scan",
            ),
            models.UniqueConstraint(
                fields=("scan", "version"), name="one_result_for_each_version_of_a_scan"
            ),
            models.UniqueConstraint(
                fields=("scan",),
                condition=Q(review=ReviewState.IN_REVIEW),
                name="one_result_in_review_a_scan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name or 'manual'} {self.model_version}: {self.state}"

    @property
    def found_nothing(self) -> bool:
        """Whether this is the result "no tumour found"."""
        return self.state == State.SUCCEEDED and self.voxels == 0

    @property
    def share_of(self) -> str:
        """What the shares "of the brain" are of: ``head`` where no outline of it was found."""
        return "head" if self.brain_source == HEAD else "brain"

    @property
    def is_by_a_person(self) -> bool:
        return bool(self.author_name)

    @property
    def is_signed(self) -> bool:
        return self.review == ReviewState.SIGNED

    @property
    def source(self) -> str:
        """Who or what drew it, for a reader."""
        return self.author_name or f"{self.model_name} {self.model_version}".strip()

    @property
    def folder(self) -> PurePosixPath:
        """Where this segmentation keeps its files, below the media root."""
        return PurePosixPath("segmentations") / str(self.pk)
