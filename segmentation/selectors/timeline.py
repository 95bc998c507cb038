"""What a patient's page shows: every scan with its result, and the course over time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404

from clinic.models import Clinic
from ml.errors import NoModelError
from ml.models import card_for
from patients.models import Patient, Scan
from segmentation.models import ReviewState, Segmentation, State


@dataclass(frozen=True)
class ScanRow:
    """A scan with what is known of it.

    ``current`` is the result that counts; ``latest`` is the newest attempt, which may be under
    way or have failed while an older result still stands; ``versions`` are the results, the
    newest first.
    """

    scan: Scan
    current: Segmentation | None
    latest: Segmentation | None
    versions: tuple[Segmentation, ...] = ()

    @property
    def amendment(self) -> Segmentation | None:
        """The newest version after a signed one, while it waits for a signature of its own."""
        current = self.current
        if current is None or not current.is_signed:
            return None
        waiting = (v for v in self.versions if v.review != ReviewState.REJECTED)
        newest = next(waiting, None)
        is_newer = newest is not None and (newest.version or 0) > (current.version or 0)
        return newest if is_newer else None

    @property
    def rejected(self) -> Segmentation | None:
        """The newest rejected version, where no version counts since."""
        if self.current is not None:
            return None
        return next((v for v in self.versions if v.review == ReviewState.REJECTED), None)

    @property
    def is_active(self) -> bool:
        return self.latest is not None and self.latest.is_active

    @property
    def has_failed(self) -> bool:
        return self.latest is not None and self.latest.state == State.FAILED

    @property
    def model_is_outdated(self) -> bool:
        """Whether the current model is another one than that of the result."""
        if self.current is None or not self.current.model_name:
            return False
        try:
            card = card_for(self.scan.sequence)
        except NoModelError:
            return False
        return (card.name, card.version) != (self.current.model_name, self.current.model_version)

    @property
    def no_model_reason(self) -> str:
        """Why nothing was asked for, where no model reads the sequence; else empty."""
        if self.latest is not None:
            return ""
        try:
            card_for(self.scan.sequence)
        except NoModelError as error:
            return str(error)
        return ""


@dataclass(frozen=True)
class CoursePoint:
    """One result on the chart of volume over time."""

    scan_id: uuid.UUID
    day: date
    volume_ml: float
    sequence: str
    source: str
    found_nothing: bool
    signed_by: str = ""
    signed_at: datetime | None = None

    @property
    def is_signed(self) -> bool:
        return bool(self.signed_by)


def row_of(scan: Scan) -> ScanRow:
    attempts = list(scan.segmentations.all())
    results = (a for a in attempts if a.state == State.SUCCEEDED)
    return ScanRow(
        scan=scan,
        current=next((a for a in attempts if a.is_current), None),
        latest=attempts[0] if attempts else None,
        versions=tuple(sorted(results, key=lambda a: a.version or 0, reverse=True)),
    )


def patient_timeline(*, patient: Patient, archived: bool = False) -> list[ScanRow]:
    """The patient's scans, newest first; with ``archived``, those that were archived."""
    scans = Scan.objects.filter(study__patient=patient).select_related("study", "uploaded_by__user")
    scans = scans.exclude(archived_at=None) if archived else scans.present()
    attempts = Segmentation.objects.prefetch_related("lesions", "inputs")
    scans = scans.prefetch_related(Prefetch("segmentations", queryset=attempts))
    return [row_of(scan) for scan in scans]


def course(rows: list[ScanRow]) -> list[CoursePoint]:
    """The measured volumes, oldest first; scans without a physical size have none."""
    points = [
        CoursePoint(
            scan_id=row.scan.pk,
            day=row.scan.study.performed_on,
            volume_ml=row.current.volume_ml,
            sequence=row.scan.sequence,
            source=row.current.source,
            found_nothing=row.current.found_nothing,
            signed_by=row.current.reviewer_name if row.current.is_signed else "",
            signed_at=row.current.reviewed_at if row.current.is_signed else None,
        )
        for row in rows
        if row.current is not None
        and row.current.volume_ml is not None
        and row.scan.has_physical_size
    ]
    return sorted(points, key=lambda point: (point.day, point.sequence))


def get_segmentation(*, clinic: Clinic, pk: uuid.UUID) -> Segmentation:
    """The clinic's segmentation; Http404 for anybody else's."""
    segmentations = Segmentation.objects.of(clinic).select_related("scan__study__patient")
    return get_object_or_404(segmentations.prefetch_related("lesions", "inputs"), pk=pk)


def scan_row(*, scan: Scan) -> ScanRow:
    """One scan's row, read afresh."""
    attempts = Segmentation.objects.filter(scan=scan).prefetch_related("lesions", "inputs")
    fresh = Scan.objects.select_related("study__patient", "uploaded_by__user").prefetch_related(
        Prefetch("segmentations", queryset=attempts)
    )
    return row_of(fresh.get(pk=scan.pk))


@dataclass(frozen=True)
class CourseSummary:
    """The course in a line: the newest volume against the one before and the lowest, in mL."""

    latest: CoursePoint
    previous: CoursePoint | None
    nadir: CoursePoint

    @property
    def change_since_previous(self) -> float | None:
        """In per cent of the previous volume; None where there is nothing to compare with."""
        return None if self.previous is None else _change(self.previous, self.latest)

    @property
    def change_since_nadir(self) -> float | None:
        return None if self.previous is None else _change(self.nadir, self.latest)


def _change(before: CoursePoint, after: CoursePoint) -> float | None:
    if before.volume_ml == 0:
        return None
    return 100.0 * (after.volume_ml - before.volume_ml) / before.volume_ml


def summarise_course(points: list[CoursePoint]) -> CourseSummary | None:
    """Compares only results of the newest one's sequence, since others measure other things.

    What was measured on the same day is no change over time, so only earlier days count.
    """
    if not points:
        return None
    alike = [point for point in points if point.sequence == points[-1].sequence]
    latest = alike[-1]
    earlier = [point for point in alike if point.day < latest.day]
    return CourseSummary(
        latest=latest,
        previous=earlier[-1] if earlier else None,
        nadir=min([*earlier, latest], key=lambda point: point.volume_ml),
    )
