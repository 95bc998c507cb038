"""What a result goes back to, and whether that is still as it was when it was read.

A result rests on every scan that its model was given, and a person's version on what the version
rests on that it was drawn on, whose labels it has. Who asks whether a result counts, may be
signed or drawn on, or whom a correction concerns, asks here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Max

from patients.models import Scan
from segmentation.models import Segmentation

# Labels of a mask that has taken nothing over: whatever it was drawn on, it goes back to none.
DRAWN_BY_HAND = {"1": "Drawn by hand"}
# What changes how a file is read; a date or a patient that was corrected leaves the mask right.
READING = ("sequence", "spacing", "sides")


@dataclass(frozen=True)
class Taken:
    """What a drawing has from the version that it was begun on: the names of its parts, and the
    other scans that these rest on."""

    labels: dict[str, str]
    others: frozenset[uuid.UUID]


def attempts_on(scan_id: uuid.UUID) -> list[Segmentation]:
    """All that was tried on a scan, with what was read for it and how that was corrected since."""
    attempts = Segmentation.objects.filter(scan=scan_id).select_related("scan")
    return list(attempts.prefetch_related("inputs__corrections"))


def scans_behind(result: Segmentation, attempts: Iterable[Segmentation]) -> frozenset[uuid.UUID]:
    """The other scans that ``result`` rests on; ``attempts`` are those on its scan, with inputs."""
    rows = _lineage(result, attempts)
    return frozenset(scan.pk for row in rows for scan in _others_given(row))


def taken_over(base: Segmentation | None) -> Taken:
    """What a drawing on ``base`` takes over: nothing where what that rests on has changed."""
    if base is not None:
        attempts = attempts_on(base.scan_id)
        if all(is_as_read(row) for row in _lineage(base, attempts)):
            return Taken(dict(base.labels), scans_behind(base, attempts))
    return Taken(dict(DRAWN_BY_HAND), frozenset())


def why_outdated(result: Segmentation) -> str:
    """Why the result cannot count any more, in a sentence; empty where it can."""
    return outdated_of(result.scan, (result,)).get(result.pk, "")


def outdated_of(scan: Scan, results: Iterable[Segmentation]) -> dict[uuid.UUID, str]:
    """Those of the scan's ``results`` that cannot count any more, by id, each with why."""
    corrected = scan.corrections.filter(field__in=READING)
    last = corrected.aggregate(last=Max("corrected_at"))["last"]
    reasons, fitting = {}, []
    for result in results:
        if last is not None and last > (result.finished_at or result.created_at):
            reasons[result.pk] = (
                f"The scan was corrected after version {result.version} was made, so that version "
                "does not fit it any more."
            )
        else:
            fitting.append(result)
    attempts = attempts_on(scan.pk) if fitting else []
    for result in fitting:
        if not all(is_as_read(row) for row in _lineage(result, attempts)):
            reasons[result.pk] = (
                f"A scan that version {result.version} was read with was corrected, moved or "
                "erased since, so that version does not hold any more."
            )
    return reasons


def is_as_read(row: Segmentation) -> bool:
    """Whether the other scans that one attempt was given are there as they were: of that sequence,
    in the same visit and not corrected since.

    A scan that was erased is no input any more, so what was placed is asked for by sequence.
    """
    since = row.finished_at or row.created_at
    gathered = row.gathered or {}
    placed = set() if gathered.get("instead") else set(gathered.get("placed", ()))
    return placed <= {scan.sequence for scan in row.inputs.all()} and all(
        other.study_id == row.scan.study_id
        and all(one.corrected_at <= since for one in other.corrections.all())
        for other in _others_given(row)
    )


def _lineage(result: Segmentation, attempts: Iterable[Segmentation]) -> Iterator[Segmentation]:
    """``result`` and the versions whose labels it has, the newest first."""
    by_id = {row.pk: row for row in attempts}
    step = by_id.pop(result.pk, None)
    while step is not None:
        yield step
        has_taken = step.is_by_a_person and dict(step.labels) != DRAWN_BY_HAND
        step = by_id.pop(step.parent_id, None) if has_taken and step.parent_id else None


def _others_given(row: Segmentation) -> list[Scan]:
    """What was read beside the scan itself; nothing where it was read alone instead."""
    if (row.gathered or {}).get("instead"):
        return []
    return [scan for scan in row.inputs.all() if scan.pk != row.scan_id]
