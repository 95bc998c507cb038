"""The model's draft that a mask goes back to, and how far a person has moved from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.metrics import dice_of_files
from segmentation.models import Segmentation, State

log = logging.getLogger(__name__)
# Longer than any chain of corrections; a loop, which nothing should make, would end here.
MOST_ANCESTORS = 200


@dataclass(frozen=True)
class Draft:
    """A model's result and its Dice with the mask that came of it; both None without one."""

    model_result: Segmentation | None = None
    dice: float | None = None


def compare_with_draft(result: Segmentation) -> Draft:
    """The draft of ``result`` with Dice on the scan's grid; two empty masks agree: 1.

    A file that cannot be read keeps nobody from signing: there is no Dice then, and a log line.
    """
    draft = find_draft(result)
    if draft is None:
        return Draft()
    if draft.pk == result.pk:
        return Draft(draft, 1.0)
    try:
        return Draft(draft, dice_of_files(Path(result.mask.path), Path(draft.mask.path)))
    except (OSError, ValueError):
        log.exception("no Dice between %s and its draft %s", result.pk, draft.pk)
        return Draft(draft)


def find_draft(result: Segmentation) -> Segmentation | None:
    """The model's result at the root of ``result``, itself included."""
    return draft_among(result, list(Segmentation.objects.filter(scan=result.scan_id)))


def draft_among(result: Segmentation, rows: Sequence[Segmentation]) -> Segmentation | None:
    """As ``find_draft``, among ``rows`` of the same scan.

    By ``parent`` links; where those lead to none, the model's latest before it for this scan.
    """
    by_id = {row.pk: row for row in rows}
    step: Segmentation | None = result
    for _ in range(MOST_ANCESTORS):
        if step is None:
            break
        if not step.is_by_a_person and step.state == State.SUCCEEDED:
            return step
        step = None if step.parent_id is None else by_id.get(step.parent_id)
    before = (
        row
        for row in rows
        if row.state == State.SUCCEEDED
        and not row.is_by_a_person
        and (row.version or 0) < (result.version or 0)
    )
    return max(before, key=lambda row: row.version or 0, default=None)
