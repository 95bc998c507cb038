"""Drawings that are not saved yet: kept under a revision number, and no results."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from clinic.models import Membership
from clinic.services.log import record_access
from ml.drawings import unpack_labels
from ml.geometry import ImageKind
from patients.models import Scan
from segmentation.errors import SegmentationError, StaleDrawingError
from segmentation.files import media_root, remove_folder
from segmentation.models import Edit, Segmentation
from segmentation.services.locks import lock_scan

NOTHING_KEPT = "You have no unsaved drawing on this scan."
ARCHIVED = "The scan is archived. Please restore it before you draw on it."
CHANGED_ELSEWHERE = (
    "This drawing was changed in another window of yours, so this one was not kept over it. "
    "Please load the kept one, or keep this one in its place."
)
GONE_ELSEWHERE = (
    "This drawing was saved or discarded in another window of yours. "
    "What you see here is not kept any more unless you keep it anew."
)


def keep_edit(
    *, scan: Scan, by: Membership, base: Segmentation | None, revision: int, content: bytes
) -> Edit:
    """Keeps ``content``, gzipped labels, as the next revision of the member's drawing.

    ``revision`` is the one that it was made from, 0 for a new drawing. Raises InvalidDrawingError
    for labels that are not of the scan's grid and StaleDrawingError where another revision is
    kept; then what was kept before stands. Where that is this very content, kept by a request
    whose answer was lost on its way, nothing is refused. Raises SegmentationError where the scan
    is archived or was erased. Autosaves are many: the access log has the first.
    """
    if scan.archived_at is not None:
        raise SegmentationError(ARCHIVED)
    if base is not None and (base.scan_id != scan.pk or base.version is None):
        raise SegmentationError("That is no version of this scan. Please reload the page.")
    unpack_labels(content, shape=tuple(scan.shape), kind=ImageKind(scan.kind))
    if revision == 0:
        return _begin(scan, by, base, content)
    return _replace(scan, by, base, revision, content)


def _begin(scan: Scan, by: Membership, base: Segmentation | None, content: bytes) -> Edit:
    edit = Edit(scan=scan, author=by, base=base)
    try:
        with transaction.atomic():
            lock_scan(scan.pk)
            edit.labels.save("labels.gz", ContentFile(content), save=False)
            edit.save(force_insert=True)
            record_access(
                member=by, action="edit.begin", subject=scan, patient_id=scan.study.patient_id
            )
    except IntegrityError as error:
        remove_folder(media_root() / edit.folder)
        kept = Edit.objects.filter(scan=scan, author=by).first()
        if kept is not None and _is_kept_already(kept, base, 0, content):
            return kept
        raise StaleDrawingError(CHANGED_ELSEWHERE, kept.revision if kept else 0) from error
    except BaseException:
        remove_folder(media_root() / edit.folder)
        raise
    return edit


def _replace(
    scan: Scan, by: Membership, base: Segmentation | None, revision: int, content: bytes
) -> Edit:
    """A file of its own for each revision: the old one goes once the new one counts."""
    written: Path | None = None
    try:
        with transaction.atomic():
            kept = Edit.objects.select_for_update().filter(scan=scan, author=by).first()
            if kept is not None and _is_kept_already(kept, base, revision, content):
                return kept
            edit = lock_edit(scan, by, revision)
            former = Path(edit.labels.path)
            edit.base = base
            edit.revision += 1
            edit.labels.save("labels.gz", ContentFile(content), save=False)
            written = Path(edit.labels.path)
            edit.save()
            transaction.on_commit(partial(former.unlink, missing_ok=True), robust=True)
    except BaseException:
        if written is not None:
            written.unlink(missing_ok=True)
        raise
    return edit


def _is_kept_already(kept: Edit, base: Segmentation | None, revision: int, content: bytes) -> bool:
    """Whether ``kept`` is what came of keeping ``content`` upon ``revision``."""
    is_next = kept.revision == revision + 1 and kept.base_id == (base.pk if base else None)
    if not is_next or kept.labels.size != len(content):
        return False
    return Path(kept.labels.path).read_bytes() == content


def lock_edit(scan: Scan, by: Membership, revision: int) -> Edit:
    """The member's drawing, locked, at this very revision; raises StaleDrawingError otherwise."""
    edit = Edit.objects.select_for_update().filter(scan=scan, author=by).first()
    if edit is None:
        raise StaleDrawingError(GONE_ELSEWHERE, 0)
    if edit.revision != revision:
        raise StaleDrawingError(CHANGED_ELSEWHERE, edit.revision)
    return edit


@transaction.atomic
def discard_edit(*, scan: Scan, by: Membership) -> None:
    """Removes the member's unsaved drawing for good. Raises SegmentationError without one."""
    edit = Edit.objects.select_for_update().filter(scan=scan, author=by).first()
    if edit is None:
        raise SegmentationError(NOTHING_KEPT)
    remove_edit(edit)
    record_access(member=by, action="edit.discard", subject=scan, patient_id=scan.study.patient_id)


def remove_edit(edit: Edit) -> None:
    """The row now, its files once that holds."""
    folder = media_root() / edit.folder
    edit.delete()
    transaction.on_commit(partial(remove_folder, folder), robust=True)
