"""True erasure: no row, no file, no name; and only for administrators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from clinic.models import AccessEvent, Membership
from patients.models import Patient, Scan, Sequence, Study
from patients.services.patients import update_patient
from patients.tests.factories import (
    DiagnosisFactory,
    PatientFactory,
    StudyFactory,
    TreatmentFactory,
)
from segmentation import pipeline
from segmentation.models import Lesion, Segmentation
from segmentation.services import queue
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.erasure import erase_patient, erase_scan
from segmentation.services.uploads import Declaration, accept_upload
from segmentation.tasks import run_segmentation
from segmentation.tests.factories import ScanFactory, files_below, head_bytes, upload
from segmentation.tests.reading_factories import (
    ComparisonFactory,
    DecisionFactory,
    EditFactory,
    HandMeasureFactory,
    ReviewFactory,
)

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.usefixtures("model")
OURS = ("patients", "segmentation")


def with_result(patient: Patient, by: Membership, seed: int = 0, name: str = "h.nii.gz") -> Scan:
    """A scan that came in and was segmented the usual way."""
    accepted = accept_upload(
        patient=patient,
        by=by,
        upload=upload(head_bytes(seed), name),
        declaration=Declaration(sequence=Sequence.FLAIR, acquired_on=date(2024, 3, 1 + seed)),
    )
    assert accepted.segmentation is not None
    run_segmentation(str(accepted.segmentation.pk))
    return accepted.scan


@pytest.fixture
def full(patient: Patient, clinician: Membership) -> Patient:
    """A patient with everything that a record can hold."""
    patient.photo.save("x.jpg", ContentFile(b"photo"))
    DiagnosisFactory(patient=patient)
    TreatmentFactory(patient=patient)
    for seed in (1, 2):
        with_result(patient, clinician, seed, name="Ada_Sample.nii.gz")
    scan = Scan.objects.first()
    assert scan is not None
    again = queue.request_segmentation(scan=scan, by=clinician)
    run_segmentation(str(again.pk))
    correct_scan(
        scan=scan,
        by=clinician,
        facts=replace(facts_of(scan), performed_on=date(2024, 6, 1)),
        reason="Wrong day",
    )
    _read(scan, clinician)
    return patient


def _read(scan: Scan, by: Membership) -> None:
    """What reading adds: a review, a measure by hand, a drawing, a comparison, a decision."""
    results = list(Segmentation.objects.filter(is_current=True))
    ReviewFactory(segmentation=results[0], by=by)
    HandMeasureFactory(scan=scan, author=by)
    EditFactory(scan=scan, author=by)
    ComparisonFactory(earlier=results[0], later=results[1], succeeded=True)
    DecisionFactory(scan=scan, by=by)


def rows() -> dict[str, int]:
    """How many rows each of the record's tables has."""
    models = [model for app in OURS for model in apps.get_app_config(app).get_models()]
    return {model.__name__: model.objects.count() for model in models}


def test_erasing_a_patient_leaves_no_row_and_no_file(
    full: Patient, admin: Membership, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    assert min(rows().values()) > 0, "the record should hold one of everything"
    assert len(files_below(media)) > 10
    with django_capture_on_commit_callbacks(execute=True):
        erase_patient(patient=full, by=admin)
    assert set(rows().values()) == {0}
    assert files_below(media) == []
    left = [path for path in media.rglob("*") if path.parent != media]
    assert left == []


def test_erasing_a_patient_leaves_the_others_alone(
    full: Patient,
    admin: Membership,
    clinician: Membership,
    media: Path,
    django_capture_on_commit_callbacks: Any,
) -> None:
    other = PatientFactory(clinic=full.clinic)
    kept = with_result(other, clinician, 5)
    with django_capture_on_commit_callbacks(execute=True):
        erase_patient(patient=full, by=admin)
    assert [scan.pk for scan in Scan.objects.all()] == [kept.pk]
    assert Lesion.objects.count() == 1
    result = kept.segmentations.get()
    assert Path(kept.file.path).exists()
    assert Path(result.mask.path).exists()
    # The scan and its thumbnail; its mask, the lesions, the unsure voxels and three previews.
    assert len(files_below(media)) == 8


def test_only_the_fact_of_it_stays_in_the_log(
    full: Patient, admin: Membership, clinician: Membership
) -> None:
    update_patient(patient=full, by=clinician, phone="1234567")
    erase_patient(patient=full, by=admin)
    told = " ".join(str(line) for line in AccessEvent.objects.values())
    for secret in ("Ada", "A-1", "1234567"):
        assert secret not in told
    event = AccessEvent.objects.get(action="patient.erase")
    assert event.member == admin


def test_a_record_number_that_a_correction_has_quoted_elsewhere_goes_too(
    patient: Patient, admin: Membership, clinician: Membership
) -> None:
    """A scan was once in the wrong record: both logs and the correction speak of both numbers."""
    other = PatientFactory(clinic=patient.clinic, record_number="B-2")
    scan = ScanFactory(study=StudyFactory(patient=patient))
    facts = replace(facts_of(scan), patient=other)
    correct_scan(scan=scan, by=clinician, facts=facts, reason="Wrong patient")
    erase_patient(patient=patient, by=admin)
    assert Scan.objects.get().patient == other
    assert "A-1" not in " ".join(str(line) for line in AccessEvent.objects.values())
    assert "A-1" not in " ".join(str(line) for line in scan.corrections.values())


def test_the_number_of_the_patient_that_received_the_scan_goes_too(
    patient: Patient, admin: Membership, clinician: Membership
) -> None:
    other = PatientFactory(clinic=patient.clinic, record_number="B-2")
    scan = ScanFactory(study=StudyFactory(patient=patient))
    facts = replace(facts_of(scan), patient=other)
    correct_scan(scan=scan, by=clinician, facts=facts, reason="Wrong patient")
    erase_patient(patient=other, by=admin)
    assert "B-2" not in " ".join(str(line) for line in AccessEvent.objects.values())


def test_erasing_a_scan_leaves_nothing_of_it_and_its_neighbour_alone(
    patient: Patient,
    admin: Membership,
    clinician: Membership,
    media: Path,
    django_capture_on_commit_callbacks: Any,
) -> None:
    gone, kept = with_result(patient, clinician, 1), with_result(patient, clinician, 2)
    pk = str(gone.pk)
    results = [str(row.pk) for row in gone.segmentations.all()]
    with django_capture_on_commit_callbacks(execute=True):
        erase_scan(scan=gone, by=admin)
    assert list(Scan.objects.all()) == [kept]
    assert [study.performed_on for study in Study.objects.all()] == [date(2024, 3, 3)]
    assert Segmentation.objects.count() == 1
    for file in files_below(media):
        assert not any(part in file for part in (pk, *results))
    assert Path(kept.segmentations.get().mask.path).exists()


def test_erasing_a_scan_keeps_what_the_log_says_of_the_rest(
    patient: Patient, admin: Membership, clinician: Membership
) -> None:
    update_patient(patient=patient, by=clinician, phone="1234567")
    gone = with_result(patient, clinician, 1, name="Ada_Sample.nii.gz")
    erase_scan(scan=gone, by=admin)
    assert AccessEvent.objects.get(action="patient.edit").detail == "phone"
    assert AccessEvent.objects.get(action="scan.upload").detail == ""


def test_a_study_with_another_scan_outlives_an_erased_one(
    patient: Patient, admin: Membership
) -> None:
    study = StudyFactory(patient=patient)
    gone, kept = ScanFactory(study=study), ScanFactory(study=study)
    erase_scan(scan=gone, by=admin)
    assert kept.study == Study.objects.get()


def test_files_stay_where_the_erasure_is_rolled_back(
    full: Patient,
    admin: Membership,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("the log could not be written")

    before, pk = files_below(media), full.pk
    monkeypatch.setattr("segmentation.services.erasure.record_access", broken)
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(RuntimeError):
        erase_patient(patient=full, by=admin)
    assert Patient.objects.filter(pk=pk).exists()
    assert files_below(media) == before


def test_a_worker_that_is_on_it_leaves_no_file_behind(
    patient: Patient,
    admin: Membership,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    scan = ScanFactory(study=StudyFactory(patient=patient))
    row = queue.request_segmentation(scan=scan, by=None)
    claim = queue.claim(pk=row.pk)
    assert claim is not None
    predict = pipeline.predict_mask

    def erased_meanwhile(*args: Any, **how: Any) -> Any:
        prediction = predict(*args, **how)
        with django_capture_on_commit_callbacks(execute=True):
            erase_scan(scan=scan, by=admin)
        return prediction

    monkeypatch.setattr(pipeline, "predict_mask", erased_meanwhile)
    monkeypatch.setattr(queue, "report_progress", lambda **_: None)
    pipeline.run(claim=claim)
    assert files_below(media) == []


# The pages


def test_the_record_number_has_to_be_typed(
    sign_in: SignIn, admin: Membership, full: Patient, media: Path
) -> None:
    browser = sign_in(admin)
    address = reverse("segmentation:erase_patient", args=[full.pk])
    assert browser.get(address).context["scans"] == 2
    for typed in ("", "a-1", "A-1 "):
        assert browser.post(address, {"record_number": typed}).context["mismatch"]
    assert Patient.objects.exists()
    response = browser.post(address, {"record_number": "A-1"})
    assert response["Location"] == reverse("patients:list")
    assert not Patient.objects.exists()


def test_the_word_erase_has_to_be_typed(
    sign_in: SignIn, admin: Membership, patient: Patient
) -> None:
    scan = ScanFactory(study=StudyFactory(patient=patient))
    browser, address = sign_in(admin), reverse("segmentation:erase_scan", args=[scan.pk])
    page = browser.post(address, {"confirmation": "yes"}, follow=True)
    assert "Nothing was erased" in page.content.decode()
    assert Scan.objects.exists()
    browser.post(address, {"confirmation": "erase"})
    assert not Scan.objects.exists()


@pytest.mark.parametrize("who", ["viewer", "clinician"])
def test_nobody_but_an_administrator_erases(
    who: str, request: pytest.FixtureRequest, sign_in: SignIn, patient: Patient
) -> None:
    scan = ScanFactory(study=StudyFactory(patient=patient))
    browser = sign_in(request.getfixturevalue(who))
    for name, pk, values in (
        ("segmentation:erase_patient", patient.pk, {"record_number": "A-1"}),
        ("segmentation:erase_scan", scan.pk, {"confirmation": "erase"}),
        ("api:erase_patient", patient.pk, {"record_number": "A-1"}),
        ("api:erase_scan", scan.pk, {}),
    ):
        assert browser.post(reverse(name, args=[pk]), values).status_code == 403
    assert Patient.objects.exists()
    assert Scan.objects.exists()
