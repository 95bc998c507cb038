"""Asking for comparisons, and saving what was found: once for each pair and alignment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.models import Membership
from clinic.services.log import record_access
from ml.course import Link
from ml.difference import Difference
from segmentation.comparable import check_alignment, choose_alignment
from segmentation.errors import ClaimLostError
from segmentation.files import media_root
from segmentation.models import Alignment, Comparison, ComparisonStep, Segmentation, State
from segmentation.services.locks import lock_scans
from segmentation.services.queue import Claim, ring_for


def request_comparison(
    *,
    earlier: Segmentation,
    later: Segmentation,
    by: Membership | None,
    alignment: Alignment | None = None,
) -> Comparison:
    """The comparison of two results of one patient: the one there is, or a new one that waits.

    Without an ``alignment`` the fitting one is taken. One that has failed waits once more, and so
    does one from before lesions were matched. ``by`` is None where no person asked. Raises
    ComparisonError, in plain words, where the two cannot be laid over each other, and
    ScanErasedError where one of them is gone.
    """
    chosen = alignment or choose_alignment(earlier, later)
    check_alignment(earlier, later, chosen)
    try:
        with transaction.atomic():
            lock_scans([earlier.scan_id, later.scan_id])
            row, asked = _row(earlier, later, chosen, by)
            if asked:
                _tell(row, by)
    except IntegrityError:
        # Somebody else asked for the same in this moment: theirs is as good.
        return Comparison.objects.get(earlier=earlier, later=later, alignment=chosen)
    return row


def _row(
    earlier: Segmentation, later: Segmentation, alignment: Alignment, by: Membership | None
) -> tuple[Comparison, bool]:
    """The row, and whether it was put into the queue just now."""
    found = (
        Comparison.objects.select_for_update()
        .filter(earlier=earlier, later=later, alignment=alignment)
        .first()
    )
    if found is None:
        made = Comparison.objects.create(
            earlier=earlier,
            later=later,
            alignment=alignment,
            requested_by=by,
            sent_at=timezone.now(),
        )
        return made, True
    if found.state != State.FAILED and not lacks_links(found):
        return found, False
    found.state, found.reason, found.attempts, found.files = State.QUEUED, "", 0, ""
    found.requested_by, found.sent_at, found.finished_at = by, timezone.now(), None
    found.save()
    return found, True


def lacks_links(row: Comparison) -> bool:
    """Whether it was finished before lesions were matched."""
    return row.state == State.SUCCEEDED and row.links is None


def _tell(row: Comparison, by: Membership | None) -> None:
    if by is not None:
        record_access(
            member=by,
            action="comparison.request",
            subject=row,
            patient_id=row.earlier.study.patient_id,
        )
    transaction.on_commit(lambda: ring_for(Comparison, row.pk), robust=True)


@dataclass(frozen=True)
class Compared:
    """What a worker found: the difference on the earlier grid, and how the later scan came there.

    ``matrix`` (4 x 4) takes RAS+ millimetres of the earlier scan to those of the later one.
    """

    difference: Difference
    matrix: list[list[float]]
    voxel_ml: float | None
    links: list[Link]
    quality: dict[str, float] = field(default_factory=dict)


@transaction.atomic
def save_comparison(*, claim: Claim, folder: Path, found: Compared) -> Comparison:
    """The rows of a finished comparison, in exchange for the claim.

    Raises ClaimLostError where the claim is no longer valid.
    """
    row: Comparison | None = claim.rows.select_for_update().first()
    if row is None:
        raise ClaimLostError(f"{claim} has another worker")
    values: dict[str, Any] = {
        "state": State.SUCCEEDED,
        "token": None,
        "step": ComparisonStep.NONE,
        "finished_at": timezone.now(),
        "files": str(folder.relative_to(media_root())),
        "matrix": found.matrix,
        "quality": found.quality,
        "voxel_ml": found.voxel_ml,
        "links": [[link.earlier, link.later, link.shared] for link in found.links],
        "stable_voxels": found.difference.stable,
        "grown_voxels": found.difference.grown,
        "gone_voxels": found.difference.gone,
    }
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row
