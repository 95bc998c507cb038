"""What the tests of the API share: heads to upload, and clients that sign in."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from clinic.models import Clinic, Membership
from ml.tests import factories as heads
from patients.models import Patient
from patients.services.patients import add_patient
from segmentation.tasks import run_segmentation

PASSWORD = "correct horse battery"
SPACING_MM = (3.5, 3.5, 6.0)


@dataclass(frozen=True)
class House:
    """One clinic with a member of each role, and an administrator of another clinic."""

    clinic: Clinic
    viewer: Membership
    clinician: Membership
    admin: Membership
    stranger: Membership
    patient: Patient

    def client(self, name: str) -> APIClient:
        return client_of(getattr(self, name))


def client_of(member: Membership) -> APIClient:
    token, _ = Token.objects.get_or_create(user=member.user)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


def patient_values(**changes: Any) -> dict[str, Any]:
    values = {
        "record_number": "A-1",
        "full_name": "Ada Example",
        "birth_date": "1970-05-01",
        "sex": "F",
    }
    return {**values, **changes}


def new_patient(by: Membership, **changes: Any) -> Patient:
    values = patient_values(birth_date=date(1970, 5, 1))
    return add_patient(by=by, **{**values, **changes})


def head_bytes(seed: int = 0, **fields: Any) -> bytes:
    """A textured head with a bright blob, as .nii.gz."""
    volume, _ = heads.head_with_blob(seed=seed)
    affine = heads.ras_affine(SPACING_MM, volume.shape)
    return gzip.compress(heads.nifti_bytes(volume, affine, **fields), mtime=0)


def head_file(seed: int = 0, name: str = "flair.nii.gz") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, head_bytes(seed))


def post_scan(client: APIClient, patient: Patient, **changes: Any) -> Any:
    values = {"file": head_file(), "sequence": "FLAIR", "acquired_on": "2024-03-01"}
    return client.post(f"/api/v1/patients/{patient.pk}/scans/", {**values, **changes})


def work_on(segmentation_id: str) -> None:
    """What the worker does once the bell has rung."""
    run_segmentation(segmentation_id)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
