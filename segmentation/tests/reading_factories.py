"""What people add to results: reviews, drawings, measures by hand, comparisons."""

from __future__ import annotations

import gzip
from typing import Any

import factory
import numpy as np
from django.core.files.base import ContentFile
from django.utils import timezone
from factory.django import DjangoModelFactory

from clinic.tests.factories import MembershipFactory
from patients.models import Patient, Scan
from patients.tests.factories import StudyFactory
from segmentation.files import media_root
from segmentation.models import (
    Alignment,
    Comparison,
    Edit,
    HandMeasure,
    MeasureKind,
    Plane,
    ResponseDecision,
    Review,
    ReviewAction,
    State,
)
from segmentation.tests.factories import SHAPE, ScanFactory, SegmentationFactory, picture_bytes

SIGNED = {"review": "signed", "reviewer_name": "Dr Sample", "reviewed_at": timezone.now()}
"""Fields of a signed result, for ``SegmentationFactory(succeeded=True, **SIGNED)``."""


def packed(labels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """Labels (X, Y, Z) as a browser sends them: gzipped, the first axis fastest."""
    return gzip.compress(labels.tobytes(order="F"), mtime=0)


class ReviewFactory(DjangoModelFactory[Review]):
    class Meta:
        model = Review

    segmentation = factory.SubFactory(SegmentationFactory, succeeded=True)
    action = ReviewAction.STARTED
    by_name = "Dr Sample"


class EditFactory(DjangoModelFactory[Edit]):
    """A drawing with one voxel; ``content`` takes its place."""

    class Meta:
        model = Edit

    class Params:
        content = factory.LazyFunction(lambda: packed(_one_voxel()))

    scan = factory.SubFactory(ScanFactory)
    author = factory.SubFactory(MembershipFactory)
    labels = factory.LazyAttribute(lambda edit: ContentFile(edit.content, name="labels.gz"))


def _one_voxel() -> np.ndarray[Any, np.dtype[np.uint8]]:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[10, 20, 5] = 1
    return labels


class HandMeasureFactory(DjangoModelFactory[HandMeasure]):
    class Meta:
        model = HandMeasure

    scan = factory.SubFactory(ScanFactory)
    author_name = "Dr Sample"
    kind = MeasureKind.DISTANCE
    plane = Plane.AXIAL
    points = [[10, 20, 5], [20, 20, 5]]
    longest_mm = 20.0


class ComparisonFactory(DjangoModelFactory[Comparison]):
    """Queued; or ``succeeded``, with one file on disk."""

    class Meta:
        model = Comparison
        skip_postgeneration_save = True

    class Params:
        succeeded = factory.Trait(
            state=State.SUCCEEDED,
            attempts=1,
            files=factory.LazyAttribute(lambda row: f"comparisons/{row.id}/x"),
            stable_voxels=10,
            grown_voxels=5,
            gone_voxels=2,
            finished_at=factory.LazyFunction(timezone.now),
        )

    id = factory.Faker("uuid4", cast_to=None)
    earlier = factory.SubFactory(SegmentationFactory, succeeded=True)
    later = factory.SubFactory(SegmentationFactory, succeeded=True)
    alignment = Alignment.AS_STORED
    sent_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def on_disk(row: Comparison, create: bool, _extracted: Any, **_: Any) -> None:  # noqa: N805
        if create and row.files:
            folder = media_root() / row.files
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "difference.nii.gz").write_bytes(b"difference")


class DecisionFactory(DjangoModelFactory[ResponseDecision]):
    """One that follows the rule."""

    class Meta:
        model = ResponseDecision

    scan = factory.SubFactory(ScanFactory)
    criterion = "volume"
    rule_category = category = "stable disease"
    by_name = "Dr Sample"


def picture_scan(patient: Patient, *, colour: bool = False, **fields: Any) -> Scan:
    """A slice as PNG; in colour its channels differ."""
    content = picture_bytes("PNG", colour=colour)
    values = {
        "kind": "picture",
        "file_format": "PNG",
        "shape": [96, 96],
        "slice_count": 1,
        "spacing_mm": None,
        "affine": None,
        "orientation": "",
        "channels": 3 if colour else 1,
        "content": content,
    }
    if "study" not in fields:
        fields["study"] = StudyFactory(patient=patient)
    return ScanFactory(**{**values, **fields})
