"""Asking for the comparisons that tell which lesion is which, without a person having to."""

from __future__ import annotations

import uuid

from django.db import transaction

from clinic.models import Membership
from segmentation.comparable import why_not_matched
from segmentation.errors import ComparisonError, ScanErasedError
from segmentation.models import Comparison, Segmentation, State
from segmentation.selectors.lesion_names import (
    PatientNames,
    current_results,
    name_patient_lesions,
)
from segmentation.services.comparisons import lacks_links, request_comparison


def match_on_commit(patient_id: uuid.UUID) -> None:
    """After another result counts: asks once the transaction is through, and never fails it."""
    transaction.on_commit(lambda: ask_for_links(patient_id=patient_id), robust=True)


def ask_for_links(
    *, patient_id: uuid.UUID, by: Membership | None = None, again: bool = False
) -> list[Comparison]:
    """Asks for what is missing to name the patient's lesions; the comparisons asked for.

    At most one for each result that counts at a time: with its newest earlier neighbour of the
    same family first, and with an older one only while a lesion has no link to any newer. What
    was asked for is not asked again; ``again`` retries what has failed.
    """
    names = name_patient_lesions(current_results(patient_id))
    asked = []
    for later, missing in names.missing.items():
        earlier = _next_to_ask(names, later, missing, again=again)
        if earlier is None:
            continue
        try:
            asked.append(request_comparison(earlier=earlier, later=later, by=by))
        except (ComparisonError, ScanErasedError):
            # Corrected or erased in this moment: the page says why there is no comparison.
            continue
    return asked


def _next_to_ask(
    names: PatientNames, later: Segmentation, missing: list[Segmentation], *, again: bool
) -> Segmentation | None:
    for earlier in missing:
        rows = names.comparisons.get((str(earlier.pk), str(later.pk)), [])
        if any(row.is_active for row in rows):
            return None
        if _is_open(rows, again=again) and not why_not_matched(earlier, later):
            return earlier
    return None


def _is_open(rows: list[Comparison], *, again: bool) -> bool:
    if not rows or any(lacks_links(row) for row in rows):
        return True
    return again and any(row.state == State.FAILED for row in rows)
