"""Who changes a scan's results does it one after the other."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from patients.models import Scan
from segmentation.errors import ScanErasedError


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
