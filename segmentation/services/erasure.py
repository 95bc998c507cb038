"""True erasure: for administrators, and it leaves no file behind."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction
from django.db.models import Q, QuerySet

from clinic.models import AccessEvent, Membership
from clinic.services.log import record_access
from patients.models import Patient, Scan, ScanCorrection
from patients.services.studies import remove_empty_study
from segmentation.files import media_root, remove_folder
from segmentation.models import Comparison, Edit, Segmentation
from segmentation.services.dependents import (
    ids_concerned,
    read_dependents_again,
    scans_resting_on,
)
from segmentation.services.locks import lock_found, lock_scans


def erase_patient(*, patient: Patient, by: Membership) -> None:
    """Removes the patient, every study, scan and result, and all their files, for good.

    Only the fact of it stays in the access log, with neither name nor record number. The rows go
    first, in one transaction; the files on its commit.
    """
    patient_id = patient.pk
    folders = [media_root() / "photos" / str(patient_id)]
    with transaction.atomic():
        # Uploads lock this row too: from here on no scan can come in that would be overlooked.
        locked = Patient.objects.select_for_update().get(pk=patient_id)
        scans = Scan.objects.filter(study__patient=locked)
        lock_scans(scans.values_list("pk", flat=True))
        folders += _scan_folders(scans)
        about = Q(patient_id=patient_id) | Q(
            subject_id__in=list(scans.values_list("pk", flat=True))
        )
        patient.delete()
        _forget_details(about)
        _forget_number(locked)
        record_access(member=by, action="patient.erase", patient_id=patient_id)
        transaction.on_commit(lambda: _remove(folders), robust=True)


def erase_scan(*, scan: Scan, by: Membership) -> None:
    """Removes one scan with its results and files; its study too if it was the last one.

    Results of other scans that were read from it too do not count any more, and are made again.
    Raises ScanErasedError where it is gone.
    """
    with transaction.atomic():
        # Whoever is adding a result at this moment has added it once the lock is ours.
        held = lock_found(lambda: ids_concerned(scan))
        dependents = scans_resting_on(scan)
        scan.refresh_from_db()
        scan_id, study, patient_id = scan.pk, scan.study, scan.study.patient_id
        folders = _scan_folders(Scan.objects.filter(pk=scan_id))
        scan.delete()
        read_dependents_again(
            scans=dependents, held=held, by=by, reason="erased by an administrator"
        )
        remove_empty_study(study=study)
        _forget_details(Q(subject_id=scan_id))
        record_access(member=by, action="scan.erase", patient_id=patient_id)
        transaction.on_commit(lambda: _remove(folders), robust=True)


def _forget_details(which: Q) -> None:
    """Lines of the log may quote names and numbers in their detail; the lines themselves stay."""
    AccessEvent.objects.filter(which).update(detail="")


def _forget_number(patient: Patient) -> None:
    """Where a scan was moved from or to this patient, the other record quotes the number."""
    number = patient.record_number
    moved = Q(clinic=patient.clinic, action="scan.correct", detail__startswith="patient: ")
    quoted = Q(detail__startswith=f"patient: {number} -> ") | Q(detail__endswith=f" -> {number}")
    _forget_details(moved & quoted)
    corrections = ScanCorrection.objects.filter(
        field="patient", scan__study__patient__clinic=patient.clinic
    )
    corrections.filter(before=number).update(before="erased")
    corrections.filter(after=number).update(after="erased")


def _scan_folders(scans: QuerySet[Scan]) -> list[Path]:
    """Every folder with a file that was made of these scans."""
    results = Segmentation.objects.filter(scan__in=scans)
    compared = Comparison.objects.filter(Q(earlier__in=results) | Q(later__in=results))
    made = {
        "scans": scans,
        "segmentations": results,
        "edits": Edit.objects.filter(scan__in=scans),
        "comparisons": compared,
    }
    return [
        media_root() / name / str(pk)
        for name, rows in made.items()
        for pk in rows.values_list("pk", flat=True)
    ]


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        remove_folder(folder)
