"""Which model reads a scan and together with which others of its visit (ml.routing decides)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml.errors import NoModelError
from ml.geometry import ImageKind
from ml.models import Card
from ml.routing import choose_reading
from patients.models import Scan, Sequence

# Where a visit is read together without anybody naming a scan: FLAIR shows all of the abnormality,
# and its volumes are what a course is made of.
HOSTS = (Sequence.FLAIR, Sequence.T2, Sequence.T1CE, Sequence.T1)


@dataclass(frozen=True)
class Plan:
    """The model for a scan and what it is given, the scan itself first."""

    card: Card
    scans: tuple[Scan, ...]

    @property
    def is_together(self) -> bool:
        return len(self.scans) > 1

    @property
    def partner_words(self) -> str:
        """Such as "T1 and T1ce": what is read beside the scan."""
        return " and ".join(scan.sequence for scan in self.scans[1:])

    @property
    def labels(self) -> dict[str, str]:
        return {str(value): label for value, label in self.card.labels.items()}


def plan_reading(scan: Scan, visit: Iterable[Scan]) -> Plan:
    """The plan for ``scan`` among ``visit``, the scans of its study, in which it may be.

    Of two with one sequence the newer is read. Raises NoModelError, which says what would be read,
    where no model fits.
    """
    partners: dict[str, Scan] = {}
    if can_join(scan):
        others = [other for other in visit if other.pk != scan.pk and can_join(other)]
        partners = {other.sequence: other for other in sorted(others, key=_age)}
    partners.pop(scan.sequence, None)
    reading = choose_reading(scan.sequence, ImageKind(scan.kind), visit=partners)
    others_read = (partners[name] for name in reading.sequences if name != scan.sequence)
    return Plan(reading.card, (scan, *others_read))


def find_host(visit: Iterable[Scan]) -> Plan | None:
    """The plan of the scan on whose grid a visit is read if nobody names one; None where its scans
    are not read together."""
    scans = sorted((scan for scan in visit if can_join(scan)), key=_age, reverse=True)
    for sequence in HOSTS:
        scan = next((scan for scan in scans if scan.sequence == sequence), None)
        plan = None if scan is None else _plan_or_none(scan, scans)
        if plan is not None and plan.is_together:
            return plan
    return None


def can_join(scan: Scan) -> bool:
    """Whether a scan can be laid on the others of its visit: a volume that says where it lies."""
    return (
        scan.kind == ImageKind.VOLUME
        and scan.affine is not None
        and scan.has_physical_size
        and scan.archived_at is None
        and not scan.is_held_back
    )


def _plan_or_none(scan: Scan, visit: list[Scan]) -> Plan | None:
    try:
        return plan_reading(scan, visit)
    except NoModelError:
        return None


def _age(scan: Scan) -> tuple[object, str]:
    return scan.uploaded_at, str(scan.pk)
