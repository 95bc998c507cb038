"""Who draws on a scan, and whether what a drawing was made from is still the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clinic.models import Membership
from patients.models import Scan
from segmentation.models import Edit, ReviewState, Segmentation, State


@dataclass(frozen=True)
class OtherDrawing:
    """That somebody else has an unsaved drawing, and when it was last changed."""

    name: str
    changed_at: datetime


def own_edit(*, scan: Scan, member: Membership) -> Edit | None:
    """The member's unsaved drawing on the scan; nobody sees anybody else's."""
    return Edit.objects.select_related("base").filter(scan=scan, author=member).first()


def others_editing(*, scan: Scan, member: Membership) -> list[OtherDrawing]:
    """The others with an unsaved drawing on the scan, the last changed first.

    Not who has left the clinic, whose drawing nobody will go on with.
    """
    edits = Edit.objects.filter(scan=scan, author__is_active=True).exclude(author=member)
    return [
        OtherDrawing(edit.author.display_name, edit.updated_at)
        for edit in edits.select_related("author__user")
    ]


def newer_version(*, scan: Scan, base: Segmentation | None) -> Segmentation | None:
    """What somebody who drew on ``base`` has not seen, or None.

    That is the newest result after it which nobody rejected, one that waits to be signed
    included; failing that the current one, where another was made current instead.
    """
    results = Segmentation.objects.filter(scan=scan, state=State.SUCCEEDED)
    after = results.exclude(review=ReviewState.REJECTED)
    if base is not None:
        after = after.filter(version__gt=base.version)
    newest = after.order_by("-version").first()
    if newest is not None:
        return newest
    current = results.filter(is_current=True).first()
    return None if current == base else current
