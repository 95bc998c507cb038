"""Taking in a scan: judged before it is stored, stored whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from clinic.models import Membership
from clinic.services.log import record_access
from ml.errors import InvalidVolumeError
from ml.geometry import Geometry
from ml.models import file_sha256
from ml.plausibility import find_doubts
from ml.volumes import MedicalImage, load_image, stored_suffix
from patients.errors import RecordError
from patients.models import Patient, PictureConvention, Scan, Sequence
from patients.services.studies import study_on
from segmentation.errors import DuplicateScanError, SegmentationError, UploadError
from segmentation.files import remove_folder
from segmentation.models import Segmentation
from segmentation.services.locks import lock_visit
from segmentation.services.visits import read_new_scan
from segmentation.thumbnails import thumbnail_path, write_thumbnail

Upload = UploadedFile[Any]


@dataclass(frozen=True)
class Declaration:
    """What the uploader says of a file."""

    sequence: Sequence
    acquired_on: date
    spacing_is_reliable: bool = True
    convention: PictureConvention = PictureConvention.UNKNOWN


@dataclass(frozen=True)
class Accepted:
    """A stored scan; without a segmentation where it was held back or no model reads it.

    The segmentation of a scan that is read together with its visit may be another scan's.
    """

    scan: Scan
    segmentation: Segmentation | None
    notices: list[str] = field(default_factory=list)


def accept_upload(
    *, patient: Patient, by: Membership, upload: Upload, declaration: Declaration
) -> Accepted:
    """Stores a scan and asks for its segmentation.

    Raises UploadError (DuplicateScanError where the patient has this very file already), in one
    sentence; then nothing of it is kept.
    """
    if (upload.size or 0) > settings.MAX_FILE_BYTES:
        raise UploadError(
            f"The file is larger than {settings.MAX_FILE_BYTES // 2**20} MB. "
            "Please compress it as .nii.gz or resample it."
        )
    with _on_disk(upload) as path:
        try:
            image = load_image(path)
        except InvalidVolumeError as error:
            raise UploadError(str(error)) from error
        name = display_name(upload.name or "")
        doubts = find_doubts(
            image,
            sequence=declaration.sequence,
            file_name=name,
            spacing_is_reliable=declaration.spacing_is_reliable,
        )
        scan = _new_scan(image.geometry, declaration, name, path, doubts, by)
        stored = _store(scan, patient, by, declaration, path, image)
    return _ask_for_segmentation(stored, by)


def display_name(name: str) -> str:
    """A name from outside, fit to be shown: its last part, without control characters."""
    last = PurePath(name.replace("\\", "/")).name
    return "".join(c for c in last if c.isprintable())[-200:] or "unnamed"


@contextmanager
def _on_disk(upload: Upload) -> Iterator[Path]:
    """The upload as a file of ours, gone again at the end."""
    incoming = Path(settings.INCOMING_ROOT)
    incoming.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=incoming, prefix="upload-") as target:
        for chunk in upload.chunks():
            target.write(chunk)
        target.flush()
        yield Path(target.name)


def _new_scan(
    geometry: Geometry,
    declaration: Declaration,
    name: str,
    path: Path,
    doubts: list[str],
    by: Membership,
) -> Scan:
    return Scan(
        sequence=declaration.sequence,
        original_name=name,
        size_bytes=path.stat().st_size,
        sha256=file_sha256(path),
        kind=str(geometry.kind),
        file_format=geometry.file_format,
        shape=list(geometry.shape),
        channels=geometry.channels,
        data_type=geometry.data_type,
        spacing_mm=None if geometry.spacing_mm is None else list(geometry.spacing_mm),
        affine=None if geometry.affine is None else [list(row) for row in geometry.affine],
        orientation=geometry.orientation or "",
        slice_count=geometry.slice_count,
        spacing_is_reliable=declaration.spacing_is_reliable,
        convention=declaration.convention,
        doubts=doubts,
        uploaded_by=by,
    )


def _store(
    scan: Scan,
    patient: Patient,
    by: Membership,
    declaration: Declaration,
    path: Path,
    image: MedicalImage,
) -> Scan:
    """One transaction; the patient's row is locked so that a file is not taken twice at once."""
    try:
        with transaction.atomic():
            Patient.objects.select_for_update().get(pk=patient.pk)
            _refuse_duplicate(scan, patient)
            scan.doubts += _same_file_elsewhere(scan, patient)
            scan.study = study_on(patient=patient, day=declaration.acquired_on)
            with path.open("rb") as stream:
                scan.file.save(stored_suffix(path, image.geometry), File(stream), save=False)
            write_thumbnail(thumbnail_path(scan), image)
            scan.save(force_insert=True)
            record_access(
                member=by,
                action="scan.upload",
                subject=scan,
                patient_id=patient.pk,
                detail=f"{scan}: {scan.original_name}",
            )
    except BaseException as error:
        discard_file(scan)
        if isinstance(error, RecordError):
            raise UploadError(str(error)) from error
        raise
    return scan


def discard_file(scan: Scan) -> None:
    """Removes the scan's file and the folder that was made for it."""
    if scan.file.name:
        remove_folder(Path(scan.file.path).parent)


def _refuse_duplicate(scan: Scan, patient: Patient) -> None:
    same = (
        Scan.objects.filter(study__patient=patient, sha256=scan.sha256)
        .select_related("study")
        .first()
    )
    if same is not None:
        archived = ", archived" if same.archived_at else ""
        raise DuplicateScanError(
            f"This very file is in the patient's record already: {same.sequence} of "
            f"{same.study.performed_on:%-d %b %Y}{archived}. It was not stored again."
        )


def _same_file_elsewhere(scan: Scan, patient: Patient) -> list[str]:
    elsewhere = Scan.objects.of(patient.clinic).filter(sha256=scan.sha256)
    if not elsewhere.exclude(study__patient=patient).exists():
        return []
    return ["The same file is in another patient's record. Please check whose scan it is."]


def _ask_for_segmentation(scan: Scan, by: Membership) -> Accepted:
    if scan.is_held_back:
        return Accepted(scan, None, list(scan.doubts))
    try:
        asked = read_new_scan(scan=scan, by=by)
    except SegmentationError as error:
        return Accepted(scan, None, [str(error)])
    return Accepted(scan, asked.segmentation, [asked.notice] if asked.notice else [])


@transaction.atomic
def confirm_doubts(*, scan: Scan, by: Membership) -> Accepted:
    """A person has looked at the doubts and says that the scan is what was declared.

    Raises ScanErasedError where it is gone.
    """
    # Before the scan itself is written to: it may be read with others, which are held first.
    lock_visit(scan.pk)
    scan.doubts_confirmed_by = by
    scan.save(update_fields=["doubts_confirmed_by"])
    record_access(member=by, action="scan.confirm", subject=scan, patient_id=scan.study.patient_id)
    return _ask_for_segmentation(scan, by)
