"""One line of results for each patient of a list."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count, Exists, OuterRef, Q

from patients.summaries import ResultSummary
from segmentation.models import ReviewState, Segmentation, State

CourseRow = tuple[int | None, float | None, str]
"""Voxels, volume in mL and review of the result that counts."""


def summarise_results(patients: Iterable[uuid.UUID]) -> dict[uuid.UUID, ResultSummary]:
    """Two queries, however many patients."""
    chosen = list(patients)
    counts = _count_states(chosen)
    courses = _courses(chosen)
    return {
        patient: _summary(counts.get(patient, {}), courses.get(patient, []))
        for patient in chosen
        if patient in counts or patient in courses
    }


def _summary(counts: dict[str, int], course: list[CourseRow]) -> ResultSummary:
    voxels, volume, _ = course[-1] if course else (None, None, "")
    return ResultSummary(
        latest_volume_ml=volume,
        latest_is_none_found=voxels == 0,
        course_ml=[volume for _, volume, _ in course if volume is not None],
        running=counts.get("running", 0),
        failed=counts.get("failed", 0),
        done=len(course),
        signed=sum(review == ReviewState.SIGNED for _, _, review in course),
    )


def _count_states(patients: list[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
    active = Q(state__in=(State.QUEUED, State.RUNNING))
    # A failure counts until a later attempt at the same scan has succeeded.
    later_success = Segmentation.objects.filter(
        scan=OuterRef("scan"), state=State.SUCCEEDED, created_at__gt=OuterRef("created_at")
    )
    failed = Q(~Exists(later_success), state=State.FAILED)
    rows = (
        Segmentation.objects.filter(study__patient__in=patients, scan__archived_at=None)
        .values("study__patient")
        .annotate(
            running=Count("pk", filter=active, distinct=True),
            failed=Count("scan", filter=failed, distinct=True),
        )
    )
    return {
        row["study__patient"]: {"running": row["running"], "failed": row["failed"]} for row in rows
    }


def _courses(patients: list[uuid.UUID]) -> dict[uuid.UUID, list[CourseRow]]:
    rows = (
        Segmentation.objects.filter(
            study__patient__in=patients, is_current=True, scan__archived_at=None
        )
        .order_by("study__performed_on", "created_at")
        .values("study__patient", "voxels", "volume_ml", "review")
    )
    courses: dict[uuid.UUID, list[CourseRow]] = defaultdict(list)
    for row in rows:
        courses[row["study__patient"]].append((row["voxels"], row["volume_ml"], row["review"]))
    return courses
