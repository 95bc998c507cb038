"""What a patient's page shows: every scan with its result, and the course over time."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404

from clinic.models import Clinic
from ml.errors import NoModelError
from patients.models import Patient, Scan
from segmentation.basis import outdated_of, scans_behind
from segmentation.models import ReviewState, Segmentation, State
from segmentation.plans import Plan, plan_reading


@dataclass(frozen=True)
class ScanRow:
    """A scan with what is known of it.

    ``current`` is the result that counts; ``latest`` is the newest attempt, which may be under
    way or have failed while an older result still stands; ``versions`` are the results, the
    newest first. ``visit`` are the scans of its study, and ``elsewhere`` what is or was found on
    another of them with this one among what was read.
    """

    scan: Scan
    current: Segmentation | None
    latest: Segmentation | None
    versions: tuple[Segmentation, ...] = ()
    visit: tuple[Scan, ...] = ()
    elsewhere: Segmentation | None = None

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

    @cached_property
    def _planned(self) -> tuple[Plan | None, str]:
        """What the scan would be read by now, or None and why no model fits."""
        try:
            return plan_reading(self.scan, self.visit), ""
        except NoModelError as error:
            return None, str(error)

    @property
    def plan(self) -> Plan | None:
        return self._planned[0]

    @property
    def no_model_reason(self) -> str:
        """Why nothing was asked for, where no model reads the scan; else empty."""
        return self._planned[1] if self.latest is None else ""

    @cached_property
    def outdated(self) -> dict[uuid.UUID, str]:
        """The versions that cannot count any more, by id, each with why."""
        return outdated_of(self.scan, self.versions)

    @property
    def model_is_outdated(self) -> bool:
        """Whether the current model is another one than the one that was asked for the result."""
        if self.current is None or not self.current.model_name or self.plan is None:
            return False
        card = self.plan.card
        return (card.name, card.version) != asked_model(self.current) and not self.arrived

    @property
    def arrived(self) -> tuple[str, ...]:
        """The sequences that the visit has by now and the current result was not given."""
        planned, read = self._planned_and_read()
        return tuple(scan.sequence for scan in planned if scan not in read)

    @property
    def gone(self) -> tuple[str, ...]:
        """The sequences that the current result was given and the visit does not have any more."""
        planned, read = self._planned_and_read()
        return tuple(scan.sequence for scan in read if scan not in planned)

    def _planned_and_read(self) -> tuple[list[Scan], list[Scan]]:
        """The scans that would be read by now, and those that the model of the current result
        was given; none where there is nothing to compare."""
        if self.current is None or not self.current.model_name or self.plan is None:
            return [], []
        return list(self.plan.scans), list(self.current.inputs.all())


def asked_model(result: Segmentation) -> tuple[str, str]:
    """The model that was asked for, which another one may have stood in for, and its version."""
    gathered = result.gathered or {}
    asked = gathered.get("asked") if gathered.get("instead") else None
    if asked is None:
        return result.model_name, result.model_version
    return str(asked["model"]), str(asked["version"])


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


def row_of(scan: Scan, visit: Iterable[Scan] = ()) -> ScanRow:
    """The row of ``scan``, whose segmentations are loaded; ``visit`` are the scans of its study."""
    attempts = list(scan.segmentations.all())
    results = (a for a in attempts if a.state == State.SUCCEEDED)
    return ScanRow(
        scan=scan,
        current=next((a for a in attempts if a.is_current), None),
        latest=attempts[0] if attempts else None,
        versions=tuple(sorted(results, key=lambda a: a.version or 0, reverse=True)),
        visit=tuple(visit) or (scan,),
        elsewhere=_found_elsewhere(scan, visit),
    )


def _found_elsewhere(scan: Scan, visit: Iterable[Scan]) -> Segmentation | None:
    """The result of another scan of the visit, or what is under way there, that rests on this."""
    for other in visit:
        if other.pk == scan.pk:
            continue
        attempts = list(other.segmentations.all())
        for attempt in attempts:
            counts = attempt.is_current or attempt.is_active
            if counts and scan.pk in scans_behind(attempt, attempts):
                attempt.scan = other
                return attempt
    return None


def patient_timeline(*, patient: Patient, archived: bool = False) -> list[ScanRow]:
    """The patient's scans, newest first; with ``archived``, those that were archived."""
    scans = Scan.objects.filter(study__patient=patient).select_related("study", "uploaded_by__user")
    scans = scans.exclude(archived_at=None) if archived else scans.present()
    rows = list(_with_attempts(scans))
    visits: dict[uuid.UUID, list[Scan]] = defaultdict(list)
    for scan in rows:
        visits[scan.study_id].append(scan)
    return [row_of(scan, visits[scan.study_id]) for scan in rows]


def _with_attempts(scans: QuerySet[Scan]) -> QuerySet[Scan]:
    attempts = Segmentation.objects.prefetch_related("lesions", "inputs")
    return scans.prefetch_related(Prefetch("segmentations", queryset=attempts))


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
    visit = Scan.objects.filter(study=scan.study_id).select_related(
        "study__patient", "uploaded_by__user"
    )
    rows = list(_with_attempts(visit))
    fresh = next(row for row in rows if row.pk == scan.pk)
    return row_of(fresh, [row for row in rows if row.archived_at is None or row.pk == scan.pk])


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
