"""States that cannot be: the database itself refuses them, whatever the code does."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from segmentation.models import Segmentation
from segmentation.tests.factories import LesionFactory, ScanFactory, SegmentationFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()

IMPOSSIBLE: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown state": ("queued", {"state": "paused"}, "state_is_known"),
    "a result without a mask": (
        "succeeded", {"mask": ""}, "a_mask_always_and_only_when_succeeded"
    ),
    "a mask without a result": (
        "queued", {"mask": "mask.nii.gz"}, "a_mask_always_and_only_when_succeeded"
    ),
    "a failure without a reason": (
        "failed", {"reason": ""}, "a_reason_always_and_only_when_failed"
    ),
    "a reason without a failure": (
        "succeeded", {"reason": "Why?"}, "a_reason_always_and_only_when_failed"
    ),
    "running without a token": ("running", {"token": None}, "a_token_always_and_only_when_running"),
    "running without a sign of life": (
        "running", {"heard_at": None}, "a_token_always_and_only_when_running"
    ),
    "a token without running": (
        "queued", {"token": uuid.uuid4()}, "a_token_always_and_only_when_running"
    ),
    "a current failure": ("failed", {"is_current": True}, "only_a_result_is_current"),
    "a result without a version": (
        "succeeded", {"version": None}, "a_version_always_and_only_when_succeeded"
    ),
    "a version without a result": (
        "queued", {"version": 1}, "a_version_always_and_only_when_succeeded"
    ),
    "an unknown review": ("succeeded", {"review": "liked"}, "review_is_known"),
    "a review of nothing": ("queued", {"review": "in_review"}, "only_a_result_is_reviewed"),
    "a signature without a name": (
        "succeeded", {"review": "signed", "reviewed_at": NOW},
        "a_decision_always_has_a_name_and_a_time"
    ),
    "a signature without a time": (
        "succeeded", {"review": "signed", "reviewer_name": "Dr Sample"},
        "a_decision_always_has_a_name_and_a_time"
    ),
    "a rejected current result": (
        "succeeded", {"review": "rejected", "reviewer_name": "Dr Sample", "reviewed_at": NOW},
        "a_rejected_result_is_not_current"
    ),
    "a fourth attempt": ("running", {"attempts": 4}, "three_attempts_at_most"),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_the_database_refuses(name: str) -> None:
    state, change, constraint = IMPOSSIBLE[name]
    row = SegmentationFactory(**({} if state == "queued" else {state: True}))
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Segmentation.objects.filter(pk=row.pk).update(**change)


def test_every_constraint_of_a_segmentation_is_tried_out() -> None:
    tried = {constraint for _, _, constraint in IMPOSSIBLE.values()}
    tried |= {"one_current_result_a_scan", "one_segmentation_under_way_a_scan"}
    tried |= {"one_result_for_each_version_of_a_scan", "one_result_in_review_a_scan"}
    assert {constraint.name for constraint in Segmentation._meta.constraints} == tried


def test_a_scan_has_one_current_result() -> None:
    scan = ScanFactory()
    SegmentationFactory(scan=scan, succeeded=True)
    SegmentationFactory(scan=scan, succeeded=True, is_current=False)
    with pytest.raises(IntegrityError, match="one_current_result_a_scan"), transaction.atomic():
        SegmentationFactory(scan=scan, succeeded=True)


@pytest.mark.parametrize("second", [{}, {"running": True}])
def test_a_scan_has_one_segmentation_under_way(second: dict[str, bool]) -> None:
    scan = ScanFactory()
    SegmentationFactory(scan=scan)
    with pytest.raises(IntegrityError, match="one_segmentation_under_way"), transaction.atomic():
        SegmentationFactory(scan=scan, **second)


def test_a_version_of_a_scan_is_one_result() -> None:
    first = SegmentationFactory(succeeded=True)
    with pytest.raises(IntegrityError, match="one_result_for_each_version"), transaction.atomic():
        SegmentationFactory(scan=first.scan, succeeded=True, is_current=False, version=1)


def test_a_scan_has_one_result_in_review() -> None:
    first = SegmentationFactory(succeeded=True, review="in_review")
    with pytest.raises(IntegrityError, match="one_result_in_review"), transaction.atomic():
        SegmentationFactory(scan=first.scan, succeeded=True, is_current=False, review="in_review")


def test_lesions_of_a_result_have_numbers_of_their_own() -> None:
    lesion = LesionFactory()
    with pytest.raises(IntegrityError, match="one_lesion_for_each_number"), transaction.atomic():
        LesionFactory(segmentation=lesion.segmentation)


def test_a_scans_sequence_is_one_that_is_known() -> None:
    with pytest.raises(IntegrityError, match="scan_sequence_is_known"), transaction.atomic():
        ScanFactory(sequence="DWI")
