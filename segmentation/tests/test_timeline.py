"""What the pages show of results: timeline, course and summaries, in a steady number of queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic.models import Clinic, Membership
from ml.models import Model
from patients.models import Patient, Scan, Sequence
from patients.summaries import ResultSummary, summarise
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation.models import Segmentation
from segmentation.selectors.summaries import summarise_results
from segmentation.selectors.timeline import course, patient_timeline, scan_row
from segmentation.tests.factories import LesionFactory, ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import SIGNED

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.usefixtures("model")


def scan_on(patient: Patient, day: date, **of: Any) -> Scan:
    study = patient.studies.filter(performed_on=day).first()
    return ScanFactory(study=study or StudyFactory(patient=patient, performed_on=day), **of)


def count_queries(action: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        action()
    return len(queries)


def test_scans_stand_newest_first(patient: Patient) -> None:
    days = [date(2024, 3, 1), date(2022, 1, 1), date(2025, 6, 1)]
    for day in days:
        scan_on(patient, day)
    shown = [row.scan.study.performed_on for row in patient_timeline(patient=patient)]
    assert shown == sorted(days, reverse=True)


def test_a_timeline_holds_one_patients_scans(patient: Patient) -> None:
    ScanFactory()
    assert patient_timeline(patient=patient) == []


def test_the_current_result_stands_while_a_newer_attempt_is_under_way(patient: Patient) -> None:
    scan = scan_on(patient, date(2024, 3, 1))
    result = SegmentationFactory(scan=scan, succeeded=True)
    newer = SegmentationFactory(scan=scan)
    row = patient_timeline(patient=patient)[0]
    assert (row.current, row.latest) == (result, newer)
    assert row.is_active
    assert not row.has_failed


def test_a_newer_failure_is_said_beside_the_result(patient: Patient) -> None:
    scan = scan_on(patient, date(2024, 3, 1))
    result = SegmentationFactory(scan=scan, succeeded=True)
    SegmentationFactory(scan=scan, failed=True)
    row = scan_row(scan=scan)
    assert row.current == result
    assert row.has_failed


def test_a_result_of_an_older_model_is_known_as_such(patient: Patient, model: Model) -> None:
    old = SegmentationFactory(succeeded=True, model_version="before")
    new = SegmentationFactory(succeeded=True, model_version=model.card.version)
    unread = SegmentationFactory(succeeded=True, scan__sequence=Sequence.T2)
    assert scan_row(scan=old.scan).model_is_outdated
    assert not scan_row(scan=new.scan).model_is_outdated
    assert not scan_row(scan=unread.scan).model_is_outdated


def test_a_scan_that_no_model_reads_says_why(patient: Patient) -> None:
    scan = scan_on(patient, date(2024, 3, 1), sequence=Sequence.T2)
    assert "No model reads a volume of T2 alone" in scan_row(scan=scan).no_model_reason
    assert scan_row(scan=scan_on(patient, date(2024, 3, 1))).no_model_reason == ""


def test_the_course_runs_from_the_oldest_to_the_newest_measured_volume(patient: Patient) -> None:
    for day, volume in ((date(2024, 3, 1), 4.0), (date(2023, 3, 1), 8.0)):
        SegmentationFactory(scan=scan_on(patient, day), succeeded=True, volume_ml=volume)
    nothing = scan_on(patient, date(2025, 3, 1))
    SegmentationFactory(scan=nothing, succeeded=True, voxels=0, volume_ml=0.0)
    unsized = scan_on(patient, date(2025, 4, 1), spacing_is_reliable=False)
    SegmentationFactory(scan=unsized, succeeded=True, volume_ml=None)
    SegmentationFactory(scan=scan_on(patient, date(2025, 5, 1)), failed=True)
    points = course(patient_timeline(patient=patient))
    assert [point.volume_ml for point in points] == [8.0, 4.0, 0.0]
    assert [point.found_nothing for point in points] == [False, False, True]


@pytest.mark.parametrize("name", ["segmentation:patient", "segmentation:patient_scans"])
def test_a_page_asks_the_database_as_often_for_many_scans_as_for_one(
    name: str, sign_in: SignIn, viewer: Membership, patient: Patient
) -> None:
    browser, address = sign_in(viewer), reverse(name, args=[patient.pk])

    def add(day: int) -> None:
        scan = scan_on(patient, date(2024, 3, day), uploaded_by=viewer)
        SegmentationFactory(scan=scan, succeeded=True, is_current=False)
        LesionFactory(segmentation=SegmentationFactory(scan=scan, succeeded=True))
        SegmentationFactory(scan=scan)

    add(1)
    browser.get(address)
    few = count_queries(lambda: browser.get(address))
    for day in range(2, 8):
        add(day)
    assert count_queries(lambda: browser.get(address)) == few


def test_a_scans_page_asks_as_often_with_many_neighbours(
    sign_in: SignIn, viewer: Membership, patient: Patient
) -> None:
    browser = sign_in(viewer)
    scan = scan_on(patient, date(2024, 3, 1))
    LesionFactory(segmentation=SegmentationFactory(scan=scan, succeeded=True))
    scan_on(patient, date(2024, 3, 2))
    address = reverse("segmentation:scan", args=[scan.pk])
    browser.get(address)
    few = count_queries(lambda: browser.get(address))
    for day in range(3, 9):
        SegmentationFactory(scan=scan_on(patient, date(2024, 3, day)), succeeded=True)
    assert count_queries(lambda: browser.get(address)) == few


def test_a_scan_page_shows_the_version_that_was_asked_for(
    sign_in: SignIn, viewer: Membership, patient: Patient
) -> None:
    scan = scan_on(patient, date(2024, 3, 1))
    old = SegmentationFactory(scan=scan, succeeded=True, is_current=False)
    current = SegmentationFactory(scan=scan, succeeded=True)
    failed = SegmentationFactory(scan=scan, failed=True)
    elsewhere = SegmentationFactory(succeeded=True)
    browser, address = sign_in(viewer), reverse("segmentation:scan", args=[scan.pk])

    def shown(version: Any) -> Segmentation:
        return browser.get(address, {"version": version}).context["result"]

    assert shown(old.pk) == old
    for other in ("", current.pk, failed.pk, elsewhere.pk, "nonsense", "\x00"):
        assert shown(other) == current


def test_the_state_polls_until_nothing_is_under_way(
    sign_in: SignIn, viewer: Membership, patient: Patient
) -> None:
    row = SegmentationFactory(scan=scan_on(patient, date(2024, 3, 1)), running=True)
    browser, address = sign_in(viewer), reverse("segmentation:scan_status", args=[row.scan_id])
    assert "HX-Refresh" not in browser.get(address)
    Segmentation.objects.update(state="failed", reason="It <b>failed</b>.", token=None)
    final = browser.get(address)
    assert final["HX-Refresh"] == "true"
    assert "<b>failed" not in final.content.decode()


# Summaries for the list of patients


def test_a_summary_gives_the_newest_volume_and_its_course(patient: Patient) -> None:
    for day, volume in ((date(2024, 3, 1), 4.0), (date(2023, 3, 1), 8.0)):
        SegmentationFactory(scan=scan_on(patient, day), succeeded=True, volume_ml=volume)
    summary = summarise([patient.pk])[patient.pk]
    assert summary == ResultSummary(latest_volume_ml=4.0, course_ml=[8.0, 4.0], done=2)


def test_a_summary_counts_what_is_going_on(patient: Patient) -> None:
    SegmentationFactory(scan=scan_on(patient, date(2024, 3, 1)))
    SegmentationFactory(scan=scan_on(patient, date(2024, 3, 2)), running=True)
    twice = scan_on(patient, date(2024, 3, 3))
    SegmentationFactory(scan=twice, failed=True)
    SegmentationFactory(scan=twice, failed=True)
    assert summarise([patient.pk])[patient.pk] == ResultSummary(running=2, failed=1)


def test_a_failure_counts_until_a_later_attempt_has_succeeded(patient: Patient) -> None:
    scan = scan_on(patient, date(2024, 3, 1))
    SegmentationFactory(scan=scan, failed=True)
    SegmentationFactory(scan=scan, succeeded=True)
    summary = summarise([patient.pk])[patient.pk]
    assert (summary.failed, summary.done) == (0, 1)
    SegmentationFactory(scan=scan, failed=True)
    assert summarise([patient.pk])[patient.pk].failed == 1


def test_no_tumour_found_is_told_from_no_result(patient: Patient) -> None:
    scan = scan_on(patient, date(2024, 3, 1))
    SegmentationFactory(scan=scan, succeeded=True, voxels=0, volume_ml=0.0)
    summary = summarise([patient.pk])[patient.pk]
    assert summary.latest_is_none_found
    assert summary.latest_volume_ml == 0.0


def test_a_summary_tells_signed_results_from_drafts(patient: Patient) -> None:
    SegmentationFactory(scan=scan_on(patient, date(2024, 3, 1)), succeeded=True, **SIGNED)
    SegmentationFactory(scan=scan_on(patient, date(2024, 3, 2)), succeeded=True)
    summary = summarise([patient.pk])[patient.pk]
    assert (summary.signed, summary.drafts) == (1, 1)


def test_archived_scans_and_other_patients_count_for_nothing(patient: Patient) -> None:
    archived = scan_on(patient, date(2024, 3, 1), archived_at=timezone.now())
    SegmentationFactory(scan=archived, succeeded=True)
    SegmentationFactory(succeeded=True)
    assert summarise([patient.pk]) == {}


def test_summaries_take_two_queries_however_many_patients(clinic: Clinic) -> None:
    patients = PatientFactory.create_batch(5, clinic=clinic)
    for patient in patients:
        SegmentationFactory(scan=scan_on(patient, date(2024, 3, 1)), succeeded=True)
        SegmentationFactory(scan=scan_on(patient, date(2024, 3, 2)), failed=True)
    keys = [patient.pk for patient in patients]
    assert count_queries(lambda: summarise_results(keys)) == 2
    assert set(summarise_results(keys)) == set(keys)


def test_the_list_sorts_by_the_last_scan_with_patients_without_one_at_the_end(
    sign_in: SignIn, viewer: Membership
) -> None:
    def add(name: str, *days: date, **of: Any) -> None:
        patient = PatientFactory(clinic=viewer.clinic, full_name=name)
        for day in days:
            scan_on(patient, day, **of)

    add("Early", date(2022, 1, 1))
    add("Late", date(2021, 1, 1), date(2025, 1, 1))
    add("None")
    add("Archived only", date(2026, 1, 1), archived_at=timezone.now())
    browser = sign_in(viewer)

    def names(sort: str) -> list[str]:
        page = browser.get(reverse("patients:list"), {"sort": sort})
        return [patient.full_name for patient, _ in page.context["rows"]]

    assert names("scan") == ["Early", "Late", "Archived only", "None"]
    assert names("-scan")[:2] == ["Late", "Early"]
    assert set(names("-scan")[2:]) == {"Archived only", "None"}


def test_the_list_asks_as_often_for_many_patients_with_results(
    sign_in: SignIn, viewer: Membership
) -> None:
    browser = sign_in(viewer)

    def add() -> None:
        patient = PatientFactory(clinic=viewer.clinic)
        SegmentationFactory(scan=scan_on(patient, date(2024, 3, 1)), succeeded=True)

    add()
    few = count_queries(lambda: browser.get(reverse("patients:list")))
    for _ in range(6):
        add()
    assert count_queries(lambda: browser.get(reverse("patients:list"))) == few
