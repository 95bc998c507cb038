"""Giving signed masks away as a training set: with consent, de-identified, and written down."""

from __future__ import annotations

import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction

from clinic.models import Clinic, Membership
from clinic.services.log import record_access
from ml.export.cases import NotExportableError, Source, clean
from ml.export.folder import TrainingSet
from patients.models import Consent, Patient
from segmentation.errors import TrainingSetError
from segmentation.models import Segmentation
from segmentation.selectors.learning import exportable_results

NO_LOOK = "nobody has said that the pictures were looked at for burnt-in text"
NOTHING = (
    "There is nothing to export: no current signed result belongs to a patient who has consented "
    "to research."
)
# ZIP knows no date before it; the true ones would say when the export was made.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def export_training_set(
    *, clinic: Clinic, root: Path, by: Membership | None, pictures_looked_at: bool
) -> TrainingSet:
    """Writes the clinic's signed masks into ``root``, which is not there yet or empty.

    ``by`` is None on the command line. All or nothing: ``root`` gets its content when everything
    is written. Raises TrainingSetError where ``root`` is in use, nothing can be exported, or a
    patient withdraws the consent meanwhile.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise TrainingSetError(f"{root} is not an empty folder. Please name a new one.")
    with _beside(root) as folder:
        exported = _write(clinic, folder, by, pictures_looked_at)
        folder.chmod(0o750)
        folder.replace(root)
    return exported


@contextmanager
def _beside(root: Path) -> Iterator[Path]:
    """A folder on the same disk, which may be moved away and is removed otherwise."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=root.parent, prefix=".training-set-", ignore_cleanup_errors=True
    ) as folder:
        inner = Path(folder) / "set"
        inner.mkdir()
        yield inner


def pack_training_set(*, by: Membership, pictures_looked_at: bool) -> IO[bytes]:
    """The member's clinic's training set as a ZIP file, open at its start.

    It lies on the disk under no name and is gone as soon as it is closed. Raises as
    :func:`export_training_set` does.
    """
    incoming = Path(settings.INCOMING_ROOT)
    incoming.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=incoming, prefix="training-set-") as name:
        folder = Path(name)
        _write(by.clinic, folder, by, pictures_looked_at)
        packed = tempfile.TemporaryFile(dir=incoming)  # noqa: SIM115 - its reader closes it
        try:
            _pack(folder, packed)
        except BaseException:
            packed.close()
            raise
    packed.seek(0)
    return packed


def _pack(folder: Path, target: IO[bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = f"training-set/{path.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            compressed = path.name.endswith((".gz", ".png"))
            entry.compress_type = zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o640 << 16
            with path.open("rb") as source, archive.open(entry, "w") as packed:
                while chunk := source.read(1 << 20):
                    packed.write(chunk)


def _write(
    clinic: Clinic, folder: Path, by: Membership | None, pictures_looked_at: bool
) -> TrainingSet:
    patients = exportable_results(clinic=clinic).values_list("study__patient", flat=True)
    exported = TrainingSet(folder)
    # By primary key, which is drawn by chance: the order says nothing of who came when.
    for patient_id in sorted(set(patients)):
        _add_patient(exported, clinic, patient_id, pictures_looked_at)
    if not exported.count:
        because = "".join(f" {n} left out because {why}." for why, n in exported.left_out.items())
        raise TrainingSetError(NOTHING if not because else f"Nothing can be exported:{because}")
    exported.finish()
    _record(exported, clinic, by)
    return exported


def _add_patient(
    exported: TrainingSet, clinic: Clinic, patient_id: uuid.UUID, pictures_looked_at: bool
) -> None:
    results = exportable_results(clinic=clinic).filter(study__patient=patient_id)
    for result in results.select_related("scan__study__patient").order_by("pk"):
        if result.scan.kind == "picture" and not pictures_looked_at:
            exported.leave_out(NO_LOOK)
            continue
        try:
            cleaned = clean(_source(result))
        except NotExportableError as error:
            exported.leave_out(str(error))
            continue
        exported.add(
            cleaned,
            patient=str(patient_id),
            sequence=result.scan.sequence,
            generated=result.scan.patient.is_demo,
        )


def _source(result: Segmentation) -> Source:
    return Source(
        image=Path(result.scan.file.path),
        mask=Path(result.mask.path),
        sequence=result.scan.sequence,
        spacing_is_reliable=result.scan.spacing_is_reliable,
    )


@transaction.atomic
def _record(exported: TrainingSet, clinic: Clinic, by: Membership | None) -> None:
    """A line for each patient and one with the counts, if all of them still consent."""
    patients = [uuid.UUID(key) for key in exported.names]
    consenting = Patient.objects.filter(pk__in=patients, research_consent=Consent.GIVEN)
    # Locked, so that a withdrawal comes either before this and stops it, or after the log's lines.
    found = list(consenting.select_for_update())
    if len(found) != len(patients):
        raise TrainingSetError(
            "A patient withdrew the consent while the export was made. Please start it again."
        )
    for patient in found:
        record_access(
            member=by,
            clinic=clinic,
            action="patient.export",
            subject=patient,
            patient_id=patient.pk,
        )
    record_access(
        member=by,
        clinic=clinic,
        action="training_set.export",
        detail=(
            f"{exported.count} masks of {len(patients)} patients, "
            f"{exported.left_out.total()} left out"
        ),
    )
