"""True erasure: for administrators, and it leaves no file behind."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet

from clinic.models import AccessEvent, Membership
from clinic.services.log import record_access
from patients.models import Patient, Scan
from patients.services.studies import remove_empty_study
from segmentation.files import media_root, remove_folder
from segmentation.models import Segmentation


def erase_patient(*, patient: Patient, by: Membership) -> None:
    """Removes the patient, every study, scan and result, and all their files, for good.

    Only the fact of it stays in the access log, with neither name nor record number. The rows go
    first, in one transaction; the files on its commit.
    """
    folders = [media_root() / "photos" / str(patient.pk)]
    folders += _scan_folders(Scan.objects.filter(study__patient=patient))
    patient_id = patient.pk
    with transaction.atomic():
        Patient.objects.select_for_update().get(pk=patient_id)
        patient.delete()
        _log(by, "patient.erase", patient_id)
        transaction.on_commit(lambda: _remove(folders), robust=True)


def erase_scan(*, scan: Scan, by: Membership) -> None:
    """Removes one scan with its results and files; its study too if it was the last one."""
    folders = _scan_folders(Scan.objects.filter(pk=scan.pk))
    study, patient_id = scan.study, scan.study.patient_id
    with transaction.atomic():
        scan.delete()
        remove_empty_study(study=study)
        _log(by, "scan.erase", patient_id)
        transaction.on_commit(lambda: _remove(folders), robust=True)


def _log(by: Membership, action: str, patient_id: uuid.UUID) -> None:
    # Earlier lines may quote names and numbers in their detail.
    AccessEvent.objects.filter(patient_id=patient_id).update(detail="")
    record_access(member=by, action=action, patient_id=patient_id)


def _scan_folders(scans: QuerySet[Scan]) -> list[Path]:
    results = Segmentation.objects.filter(scan__in=scans)
    root = media_root()
    return [root / "scans" / str(pk) for pk in scans.values_list("pk", flat=True)] + [
        root / "segmentations" / str(pk) for pk in results.values_list("pk", flat=True)
    ]


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        remove_folder(folder)
