"""From a correction that is signed to the training set that holds it, as people go that way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from clinic.models import Clinic, Membership
from clinic.tests.factories import PASSWORD
from ml.geometry import ImageKind
from ml.tests.export_factories import brain_and_lesion
from ml.volumes import read_geometry, write_mask
from patients.models import Patient
from patients.tests.factories import PatientFactory
from segmentation.models import Segmentation
from segmentation.selectors.learning import model_records
from segmentation.tests.factories import SegmentationFactory
from segmentation.tests.learning_factories import signed_volume

SignIn = Callable[[Membership], Client]


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return PatientFactory(clinic=clinic)


@pytest.fixture
def draft(patient: Patient) -> Segmentation:
    """What the model drew, which nobody has looked at yet."""
    open_ = {"review": "draft", "reviewed_at": None, "reviewer_name": ""}
    return signed_volume(patient, model_name="flair2d", model_version="2", **open_)


def correct(draft: Segmentation) -> tuple[Segmentation, np.ndarray]:
    """A person's version without half of the lesion, and its mask (X, Y, Z)."""
    _, mask = brain_and_lesion()
    mask[:, 40:] = 0
    path = draft.mask.name.replace("/x/", "/y/")
    version = SegmentationFactory(
        scan=draft.scan,
        succeeded=True,
        is_current=False,
        parent=draft,
        author_name="Dr Sample",
        model_name="",
        model_version="",
        mask=path,
    )
    source, target = Path(draft.scan.file.path), Path(version.mask.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    geometry = read_geometry(source)
    assert geometry.kind is ImageKind.VOLUME
    write_mask(target, mask, like=source, geometry=geometry)
    return version, mask


def test_a_signed_correction_is_counted_and_exported_once_the_patient_consents(
    sign_in: SignIn, clinician: Membership, admin: Membership, draft: Segmentation, tmp_path: Path
) -> None:
    version, mask = correct(draft)
    reader, administrator = sign_in(clinician), sign_in(admin)
    assert model_records(clinic=clinician.clinic) == []

    sign = reverse("segmentation:review_step", args=[version.pk, "sign"])
    reader.post(sign, {"password": PASSWORD, "place": "scan"})

    (record,) = model_records(clinic=clinician.clinic)
    _, drawn = brain_and_lesion()
    dice = 2 * (drawn * mask).sum() / (drawn.sum() + mask.sum())
    assert (record.name, record.version, record.total.signed) == ("flair2d", "2", 1)
    assert record.total.mean == pytest.approx(dice)
    assert f"{dice:.3f}" in administrator.get("/models/").content.decode()

    export = reverse("segmentation:export_training_set")
    assert administrator.post(export).status_code == 302
    consent = reverse("patients:consent", args=[draft.study.patient_id])
    reader.post(consent, {"consent": "given"})
    content = administrator.post(export).getvalue()

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = [entry for entry in archive.namelist() if "/masks/" in entry]
        archive.extract(name, tmp_path)
    assert np.array_equal(np.asarray(nib.load(tmp_path / name).dataobj), mask)


def test_a_signature_that_is_withdrawn_takes_the_mask_out_again(
    sign_in: SignIn, clinician: Membership, admin: Membership, draft: Segmentation
) -> None:
    reader = sign_in(clinician)
    sign = reverse("segmentation:review_step", args=[draft.pk, "sign"])
    reader.post(sign, {"password": PASSWORD, "place": "scan"})
    reader.post(reverse("patients:consent", args=[draft.study.patient_id]), {"consent": "given"})
    assert sign_in(admin).post(reverse("segmentation:export_training_set")).status_code == 200
    assert model_records(clinic=clinician.clinic)[0].total.unchanged == 1

    client_answer = reader.patch(
        reverse("api:scan", args=[draft.scan_id]),
        {"sequence": "T2", "reason": "It is the T2"},
        content_type="application/json",
    )

    assert client_answer.status_code == 200
    assert model_records(clinic=clinician.clinic) == []
    assert sign_in(admin).post(reverse("segmentation:export_training_set")).status_code == 302
