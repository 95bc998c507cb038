"""A person's drawing becomes a result: a new version, measured by the code that measures models."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
from django.db import transaction
from django.utils.timezone import localtime

from clinic.models import Membership
from clinic.services.log import record_access
from ml import nifti
from ml.atlas import TemplateFit
from ml.drawings import measure_labels, unpack_labels
from ml.errors import InvalidVolumeError
from ml.geometry import ImageKind
from ml.parts import keep_parts
from ml.place import Convention
from ml.volumes import MedicalImage, load_image
from patients.models import Scan
from segmentation.basis import Taken, taken_over
from segmentation.errors import NewerVersionError, SegmentationError, StaleDrawingError
from segmentation.files import attempt_folder, kept_only_if_saved
from segmentation.found import Addition, Finding
from segmentation.models import Edit, Segmentation
from segmentation.naming import carry_type
from segmentation.parts import describe_parts
from segmentation.selectors.edits import newer_version, own_edit
from segmentation.services.edits import (
    ARCHIVED,
    CHANGED_ELSEWHERE,
    NOTHING_KEPT,
    lock_edit,
    remove_edit,
)
from segmentation.services.locks import lock_visit
from segmentation.services.results import (
    Written,
    store_result,
    write_finding,
)

NOT_FITTED_YET = "no worker has laid this scan on the template yet"
FILE_MISSING = "The scan's file could not be read on the server. Your drawing is kept."
HELD_BACK = (
    "The scan has open doubts, so nothing can be measured on it yet. Your drawing is kept; please "
    "confirm or correct the scan on its page, then save again."
)
CORRECTED_MEANWHILE = (
    "What is declared of the scan, or of one that its result was read with, was changed while this "
    "was saved. Your drawing is kept; please save it again."
)


def save_edit(
    *,
    scan: Scan,
    by: Membership,
    revision: int,
    remark: str = "",
    even_though_newer: bool = False,
) -> Segmentation:
    """Makes the member's drawing, at ``revision``, the scan's next version, and removes it.

    Measures, previews and lesions come from the same code as a model's. An empty mask says that
    there is no tumour. Its parts are those of the drawing's base, and rest on what that rests on;
    where one of those scans has changed, it is drawn by hand and has none. A version made from a
    signed one is an amendment: it waits, and the signed one counts. Raises StaleDrawingError where
    another revision is kept, NewerVersionError where the drawing's base is not the newest any more
    (unless ``even_though_newer``), SegmentationError where the scan is archived, or it or what the
    base rests on was changed or erased meanwhile. Nothing is stored then, and the drawing stays
    with its scan.
    """
    edit = _checked(scan, by, revision, even_though_newer)
    image, finding = _measure(scan, edit)
    taken = taken_over(edit.base)
    segmentation = _new_row(scan, by, edit, remark, taken)
    finding, parts = _take_parts_over(segmentation, image, finding)
    carried = (*parts, *carry_type(scan, edit.base))
    folder = attempt_folder(segmentation.pk, uuid.uuid4())
    with kept_only_if_saved(folder):
        written = write_finding(folder, scan=scan, image=image, finding=finding)
        for addition in carried:
            addition.write(folder)
            setattr(segmentation, addition.field, addition.facts)
        with transaction.atomic():
            edit = _lock_and_check(scan, by, revision, even_though_newer, taken)
            _store(segmentation, edit, written, finding, taken)
    return segmentation


def _checked(scan: Scan, by: Membership, revision: int, even_though_newer: bool) -> Edit:
    """The drawing, if it may be saved as things stand; asked again once the scan is locked."""
    if scan.archived_at is not None:
        raise SegmentationError(ARCHIVED)
    if scan.is_held_back:
        raise SegmentationError(HELD_BACK)
    edit = own_edit(scan=scan, member=by)
    if edit is None:
        raise SegmentationError(NOTHING_KEPT)
    if edit.revision != revision:
        raise StaleDrawingError(CHANGED_ELSEWHERE, edit.revision)
    if not even_though_newer:
        _refuse_if_newer(scan, edit)
    return edit


def _refuse_if_newer(scan: Scan, edit: Edit) -> None:
    newer = newer_version(scan=scan, base=edit.base)
    if newer is None:
        return
    made_from = "without a result" if edit.base is None else f"from version {edit.base.version}"
    raise NewerVersionError(
        f"Your drawing was begun {made_from}, but there is now {describe_version(newer)}. "
        "Nothing was overwritten: please look at it, or save yours as one more version.",
        newer,
    )


def describe_version(row: Segmentation) -> str:
    """Such as "version 3 by Dr Example of 21 Nov 2026, 11:32"."""
    when = "" if row.finished_at is None else f"{localtime(row.finished_at): of %-d %b %Y, %H:%M}"
    return f"version {row.version} by {row.source}{when}"


def _measure(scan: Scan, edit: Edit) -> tuple[MedicalImage, Finding]:
    try:
        image = load_image(Path(scan.file.path))
        content = Path(edit.labels.path).read_bytes()
        labels = unpack_labels(content, shape=tuple(scan.shape), kind=ImageKind(scan.kind))
        slices, measurement = measure_labels(
            labels,
            image,
            sequence=scan.sequence,
            spacing_is_reliable=scan.spacing_is_reliable,
            convention=Convention(scan.convention),
            fit=_fit(scan),
        )
    except InvalidVolumeError as error:
        raise SegmentationError(str(error)) from error
    except OSError as error:
        raise SegmentationError(FILE_MISSING) from error
    return image, Finding((labels > 0).astype(np.uint8), slices, measurement)


def _take_parts_over(
    segmentation: Segmentation, image: MedicalImage, finding: Finding
) -> tuple[Finding, tuple[Addition, ...]]:
    """The drawing with the parts of the version that it was made from, where that has any."""
    base, scan = segmentation.parent, segmentation.scan
    if base is None or len(segmentation.labels) < 2:
        return finding, ()
    try:
        before, _ = nifti.read_voxels(Path(base.mask.path))
    except (InvalidVolumeError, OSError) as error:
        raise SegmentationError(FILE_MISSING) from error
    names = {int(value): str(name) for value, name in segmentation.labels.items()}
    mask, names = keep_parts(finding.mask > 0, before.astype(np.uint8), names)
    segmentation.labels = {str(value): name for value, name in names.items()}
    parts = describe_parts(mask, names, image=image, spacing_is_reliable=scan.spacing_is_reliable)
    return replace(finding, mask=mask), (parts,)


def _fit(scan: Scan) -> TemplateFit:
    """As the worker has found it; looking for it would take longer than a page may wait."""
    if scan.template_fit is None:
        return TemplateFit.refused(NOT_FITTED_YET)
    return TemplateFit.from_dict(scan.template_fit)


def _new_row(scan: Scan, by: Membership, edit: Edit, remark: str, taken: Taken) -> Segmentation:
    return Segmentation(
        scan=scan,
        parent=edit.base,
        author=by,
        author_name=by.display_name,
        requested_by=by,
        remark=remark.strip(),
        labels=dict(taken.labels),
        started_at=edit.created_at,
    )


def _lock_and_check(
    scan: Scan, by: Membership, revision: int, even_though_newer: bool, taken: Taken
) -> Edit:
    """The drawing, after everything was asked once more with it and the visit locked."""
    fresh = next(one for one in lock_visit(scan.pk) if one.pk == scan.pk)
    if _reading(fresh) != _reading(scan):
        raise SegmentationError(CORRECTED_MEANWHILE)
    lock_edit(fresh, by, revision)
    edit = _checked(fresh, by, revision, even_though_newer)
    if taken_over(edit.base) != taken:
        raise SegmentationError(CORRECTED_MEANWHILE)
    return edit


def _store(
    segmentation: Segmentation, edit: Edit, written: Written, finding: Finding, taken: Taken
) -> None:
    """The rows, for who holds the locks of the scan and the drawing."""
    scan, by = edit.scan, edit.author
    segmentation.study = scan.study
    store_result(segmentation, written, finding.measurement)
    segmentation.inputs.set(Scan.objects.filter(pk__in={scan.pk, *taken.others}))
    remove_edit(edit)
    made_from = (
        "" if segmentation.parent is None else f" from version {segmentation.parent.version}"
    )
    record_access(
        member=by,
        action="edit.save",
        subject=scan,
        patient_id=scan.study.patient_id,
        detail=f"version {segmentation.version}{made_from}",
    )


def _reading(scan: Scan) -> tuple[str, bool, str]:
    """What the measures depend on beside the file."""
    return scan.sequence, scan.spacing_is_reliable, scan.convention
