"""Correcting what was said about a scan; archiving and restoring it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.models import AccessEvent, Membership
from ml.models import Model
from patients.errors import RecordError
from patients.models import Patient, PictureConvention, Scan, ScanCorrection, Sequence, Study
from patients.services.studies import archive_scan, restore_scan
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation import pipeline
from segmentation.models import Segmentation, State
from segmentation.selectors.timeline import patient_timeline
from segmentation.services import queue
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.dependents import REPLACED
from segmentation.tests.factories import (
    LesionFactory,
    ScanFactory,
    SegmentationFactory,
    head_bytes,
)

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.usefixtures("model")
REASON = "Entered for the wrong visit"


@pytest.fixture
def scan(patient: Patient) -> Scan:
    return ScanFactory(study=StudyFactory(patient=patient))


@pytest.fixture
def correct(scan: Scan, clinician: Membership) -> Callable[..., Scan]:
    def corrected(reason: str = REASON, **changes: Any) -> Scan:
        facts = replace(facts_of(scan), **changes)
        return correct_scan(scan=scan, by=clinician, facts=facts, reason=reason)

    return corrected


def test_another_date_moves_the_scan_and_its_results_and_ends_the_empty_study(
    scan: Scan, correct: Callable[..., Scan]
) -> None:
    result = SegmentationFactory(scan=scan, succeeded=True)
    former = scan.study_id
    correct(performed_on=date(2024, 5, 6))
    scan.refresh_from_db()
    result.refresh_from_db()
    assert scan.study.performed_on == date(2024, 5, 6)
    assert result.study == scan.study
    assert result.is_current
    assert not Study.objects.filter(pk=former).exists()
    assert Segmentation.objects.count() == 1


def test_another_patient_gets_the_scan_and_its_results(
    scan: Scan, correct: Callable[..., Scan], patient: Patient
) -> None:
    result = SegmentationFactory(scan=scan, succeeded=True)
    other = PatientFactory(clinic=patient.clinic)
    correct(patient=other)
    scan.refresh_from_db()
    result.refresh_from_db()
    assert scan.patient == result.study.patient == other
    assert patient_timeline(patient=patient) == []
    assert [row.scan for row in patient_timeline(patient=other)] == [scan]
    assert not patient.studies.exists()


def test_a_study_with_another_scan_stays(scan: Scan, correct: Callable[..., Scan]) -> None:
    remaining = ScanFactory(study=scan.study, content=head_bytes(1))
    correct(performed_on=date(2024, 5, 6))
    remaining.refresh_from_db()
    assert remaining.study.performed_on == date(2024, 3, 1)


def test_a_move_joins_the_study_that_is_there(
    scan: Scan, correct: Callable[..., Scan], patient: Patient
) -> None:
    there = StudyFactory(patient=patient, performed_on=date(2024, 5, 6))
    correct(performed_on=date(2024, 5, 6))
    scan.refresh_from_db()
    assert scan.study == there
    assert Study.objects.count() == 1


def test_a_scan_is_not_moved_to_a_patient_who_has_the_same_file(
    scan: Scan, correct: Callable[..., Scan], patient: Patient
) -> None:
    other = PatientFactory(clinic=patient.clinic)
    ScanFactory(study=StudyFactory(patient=other))
    with pytest.raises(RecordError, match="very file already"):
        correct(patient=other)
    scan.refresh_from_db()
    assert scan.patient == patient


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_correction_needs_a_reason(reason: str, scan: Scan, correct: Callable[..., Scan]) -> None:
    with pytest.raises(RecordError, match="reason"):
        correct(reason, sequence=Sequence.T1)
    assert Scan.objects.get().sequence == Sequence.FLAIR
    assert not ScanCorrection.objects.exists()


def test_an_impossible_date_changes_nothing(
    scan: Scan, correct: Callable[..., Scan], patient: Patient
) -> None:
    for day in (
        timezone.localdate() + timedelta(days=1),
        patient.birth_date - timedelta(days=1),
    ):
        with pytest.raises(RecordError, match="examination date"):
            correct(performed_on=day, sequence=Sequence.T1)
    kept = Scan.objects.get()
    assert (kept.study.performed_on, kept.sequence) == (date(2024, 3, 1), Sequence.FLAIR)
    assert not ScanCorrection.objects.exists()


def test_what_changed_and_why_is_kept(
    scan: Scan, correct: Callable[..., Scan], clinician: Membership
) -> None:
    correct(performed_on=date(2024, 5, 6), sequence=Sequence.COMPOSITE)
    kept = {line.field: (line.before, line.after) for line in scan.corrections.all()}
    assert kept == {"date": ("2024-03-01", "2024-05-06"), "sequence": ("FLAIR", "COMPOSITE")}
    assert {(line.reason, line.corrected_by) for line in scan.corrections.all()} == {
        (REASON, clinician)
    }
    assert AccessEvent.objects.filter(action="scan.correct", subject_id=scan.pk).count() == 2


def test_a_correction_that_changes_nothing_leaves_no_trace(
    scan: Scan, correct: Callable[..., Scan]
) -> None:
    correct()
    assert not ScanCorrection.objects.exists()
    assert not Segmentation.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": Sequence.COMPOSITE},
        {"spacing_is_reliable": False},
        {"convention": PictureConvention.RADIOLOGICAL},
    ],
)
def test_another_reading_is_segmented_again(
    change: dict[str, Any], scan: Scan, correct: Callable[..., Scan]
) -> None:
    old = SegmentationFactory(scan=scan, succeeded=True)
    correct(**change)
    old.refresh_from_db()
    assert not old.is_current
    assert scan.segmentations.get(state=State.QUEUED)


def test_another_date_alone_is_not_segmented_again(
    scan: Scan, correct: Callable[..., Scan]
) -> None:
    SegmentationFactory(scan=scan, succeeded=True)
    correct(performed_on=date(2024, 5, 6))
    assert scan.segmentations.count() == 1


def test_what_is_under_way_is_stopped_and_its_worker_saves_nothing(
    scan: Scan, correct: Callable[..., Scan]
) -> None:
    under_way = SegmentationFactory(scan=scan)
    claim = queue.claim(pk=under_way.pk)
    assert claim is not None
    correct(convention=PictureConvention.RADIOLOGICAL)
    pipeline.run(claim=claim)
    under_way.refresh_from_db()
    assert (under_way.state, under_way.reason) == (State.FAILED, REPLACED)
    fresh = scan.segmentations.get(state=State.QUEUED)
    assert fresh.pk != under_way.pk


def test_a_sequence_that_no_model_reads_leaves_no_current_result(
    scan: Scan, correct: Callable[..., Scan]
) -> None:
    SegmentationFactory(scan=scan, succeeded=True)
    correct(sequence=Sequence.T2)
    assert not scan.segmentations.filter(is_current=True).exists()
    assert not scan.segmentations.active().exists()


def test_unreliable_spacing_takes_sizes_out_of_all_results(
    scan: Scan, correct: Callable[..., Scan]
) -> None:
    for is_current in (False, True):
        result = SegmentationFactory(scan=scan, succeeded=True, is_current=is_current)
        LesionFactory(segmentation=result)
    elsewhere = LesionFactory()
    correct(spacing_is_reliable=False)
    assert set(scan.segmentations.values_list("volume_ml", flat=True)) == {None}
    sizes = [
        (lesion.volume_ml, lesion.longest_diameter_mm)
        for row in scan.segmentations.all()
        for lesion in row.lesions.all()
    ]
    assert sizes == [(None, None), (None, None)]
    elsewhere.refresh_from_db()
    assert elsewhere.volume_ml == 2.0


def test_a_correction_settles_open_doubts(
    scan: Scan, correct: Callable[..., Scan], clinician: Membership
) -> None:
    scan.doubts = ["The file's name speaks of T2, but FLAIR was declared."]
    scan.save()
    correct(sequence=Sequence.COMPOSITE)
    scan.refresh_from_db()
    assert not scan.is_held_back
    assert scan.doubts_confirmed_by == clinician


def test_an_archived_scan_leaves_the_course_and_comes_back(
    scan: Scan, patient: Patient, clinician: Membership
) -> None:
    SegmentationFactory(scan=scan, succeeded=True)
    archive_scan(scan=scan, by=clinician)
    assert patient_timeline(patient=patient) == []
    assert [row.scan for row in patient_timeline(patient=patient, archived=True)] == [scan]
    restore_scan(scan=scan, by=clinician)
    row = patient_timeline(patient=patient)[0]
    assert row.current is not None


# The pages


def values(**changes: Any) -> dict[str, Any]:
    usual = {
        "record_number": "A-1",
        "performed_on": "2024-03-01",
        "sequence": "FLAIR",
        "spacing_is_reliable": "on",
        "convention": "unknown",
        "reason": REASON,
    }
    return {**usual, **changes}


def test_the_form_corrects_the_scan(sign_in: SignIn, clinician: Membership, scan: Scan) -> None:
    browser, address = sign_in(clinician), reverse("segmentation:correct", args=[scan.pk])
    assert browser.get(address).status_code == 200
    response = browser.post(address, values(performed_on="2024-05-06"))
    assert response["Location"] == reverse("segmentation:scan", args=[scan.pk])
    page = browser.get(response["Location"]).content.decode()
    assert REASON in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"record_number": "B-9"}, "record_number"),
        ({"performed_on": "soon"}, "performed_on"),
        ({"performed_on": "2999-01-01"}, "__all__"),
        ({"sequence": "DWI"}, "sequence"),
    ],
)
def test_the_form_says_what_is_wrong(
    wrong: dict[str, str], field: str, sign_in: SignIn, clinician: Membership, scan: Scan
) -> None:
    address = reverse("segmentation:correct", args=[scan.pk])
    page = sign_in(clinician).post(address, values(**wrong))
    assert page.status_code == 200
    assert set(page.context["form"].errors) == {field}
    assert not ScanCorrection.objects.exists()


def test_a_scan_cannot_be_moved_into_another_clinic(
    sign_in: SignIn, clinician: Membership, stranger: Membership, scan: Scan
) -> None:
    PatientFactory(clinic=stranger.clinic, record_number="S-1")
    address = reverse("segmentation:correct", args=[scan.pk])
    page = sign_in(clinician).post(address, values(record_number="S-1"))
    assert "No patient of this clinic" in str(page.context["form"].errors["record_number"])


def test_the_page_archives_restores_and_segments_again(
    sign_in: SignIn, clinician: Membership, scan: Scan, model: Model
) -> None:
    browser = sign_in(clinician)
    browser.post(reverse("segmentation:archive_scan", args=[scan.pk]))
    refused = browser.post(reverse("segmentation:segment", args=[scan.pk]), follow=True)
    assert "The scan is archived" in refused.content.decode()
    browser.post(reverse("segmentation:archive_scan", args=[scan.pk]))
    browser.post(reverse("segmentation:segment", args=[scan.pk]))
    assert Segmentation.objects.get().requested_by == clinician


def test_what_others_did_to_the_scan_meanwhile_is_not_written_over(
    scan: Scan, clinician: Membership
) -> None:
    opened_before = Scan.objects.get(pk=scan.pk)
    archive_scan(scan=scan, by=clinician)
    facts = replace(facts_of(opened_before), sequence="T1")
    correct_scan(scan=opened_before, by=clinician, facts=facts, reason=REASON)
    scan.refresh_from_db()
    assert scan.archived_at is not None
    assert scan.sequence == "T1"
