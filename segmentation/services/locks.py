"""Who changes a scan's results, or what a visit is read from, does it one after the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from django.db import transaction

from patients.models import Scan
from segmentation.errors import ScanErasedError


class _MoreByNowError(Exception):
    """Between being found and being held there came more."""


def lock_scan(scan_id: uuid.UUID) -> None:
    """Holds the scan until the end of the transaction; for all that add to it, change what counts
    or erase it. Raises ScanErasedError where it is gone.

    The scan's row is taken before any result's, everywhere, so that nobody waits in a circle.
    """
    if Scan.objects.select_for_update().filter(pk=scan_id).first() is None:
        raise ScanErasedError


def lock_scans(scan_ids: Iterable[uuid.UUID]) -> None:
    """Holds several, always in the same order."""
    for scan_id in sorted(set(scan_ids)):
        lock_scan(scan_id)


def lock_found(find: Callable[[], Collection[uuid.UUID]]) -> frozenset[uuid.UUID]:
    """Holds all scans that ``find`` names; their ids. Raises what ``find`` raises.

    What was found before a lock may be out of date behind it, so it is looked up again. Where
    there is more by then, the locks are given back and all are taken anew, in the one order.
    """
    while True:
        wanted = frozenset(find())
        with suppress(_MoreByNowError), transaction.atomic():
            list(Scan.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
            if not wanted.issuperset(find()):
                raise _MoreByNowError
            return wanted


def lock_visit(scan_id: uuid.UUID) -> list[Scan]:
    """The scans of the visit that a scan belongs to, held and read behind the lock.

    Whoever plans from a visit what is read, or stores what rests on several of its scans, holds
    all of them. Raises ScanErasedError where the scan is gone.
    """
    held = lock_found(lambda: ids_in_visit(scan_id))
    return list(Scan.objects.filter(pk__in=held, study__scans=scan_id).select_related("study"))


def lock_study(study_id: uuid.UUID) -> list[Scan]:
    """As ``lock_visit``, by the study; none where that is gone."""
    scans = Scan.objects.filter(study=study_id)
    held = lock_found(lambda: set(scans.values_list("pk", flat=True)))
    return held_visit(study_id, held)


def held_visit(study_id: uuid.UUID, held: Collection[uuid.UUID]) -> list[Scan]:
    """The scans of a visit, as they are now, that are among the held ones.

    One that came in since is not: who added it plans again once the locks are given back, and
    waiting for it here, out of order, could be for ever.
    """
    return list(Scan.objects.filter(study=study_id, pk__in=held).select_related("study"))


def ids_in_visit(scan_id: uuid.UUID) -> set[uuid.UUID]:
    """The scans of the visit that a scan belongs to. Raises ScanErasedError where it is gone."""
    found = set(Scan.objects.filter(study__scans=scan_id).values_list("pk", flat=True))
    if not found:
        raise ScanErasedError
    return found
