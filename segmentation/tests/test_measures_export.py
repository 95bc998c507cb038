"""The tables of measures: their rows, their formats and who may have them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic.models import AccessEvent, Clinic, Membership
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation.models import Segmentation
from segmentation.report.export import COLUMNS, csv_lines, current_results, json_pieces, rows
from segmentation.tests.factories import LesionFactory, ScanFactory, SegmentationFactory

SignIn = Callable[[Membership], Client]


def add_result(clinic: Clinic, lesions: int = 1, number: str = "A-1", **of: Any) -> Segmentation:
    patient = PatientFactory(clinic=clinic, record_number=number)
    scan = ScanFactory(study=StudyFactory(patient=patient))
    row: Segmentation = SegmentationFactory(scan=scan, succeeded=True, **of)
    for n in range(lesions):
        LesionFactory(segmentation=row, number=n + 1, volume_ml=10.0 - n)
    return row


def read_csv(answer: Any) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_each_lesion_has_a_row_and_an_empty_result_one_with_nothing_in_it(clinic: Clinic) -> None:
    add_result(clinic, lesions=2, number="A-1")
    add_result(clinic, lesions=0, number="A-2", voxels=0, volume_ml=0.0)
    found = list(rows(current_results(clinic=clinic)))
    assert [(row["record_number"], row["lesion"], row["volume_ml"]) for row in found] == [
        ("A-1", 1, 10.0), ("A-1", 2, 9.0), ("A-2", None, None),
    ]  # fmt: skip
    assert found[2]["total_volume_ml"] == 0.0
    assert all(set(row) == set(COLUMNS) for row in found)


def test_only_results_that_count_of_what_is_not_archived_are_in_it(clinic: Clinic) -> None:
    kept = add_result(clinic)
    SegmentationFactory(scan=kept.scan, succeeded=True, is_current=False)
    add_result(clinic, number="A-2").scan.__class__.objects.exclude(pk=kept.scan_id).update(
        archived_at=timezone.now()
    )
    assert [row["segmentation"] for row in rows(current_results(clinic=clinic))] == [str(kept.pk)]


def test_the_place_on_the_template_is_in_both_formats(clinic: Clinic) -> None:
    row = add_result(clinic, lesions=0)
    regions = [
        {"name": "frontal", "side": "left", "share": 0.71},
        {"name": "brainstem", "side": "", "share": 0.29},
    ]
    LesionFactory(
        segmentation=row, regions=regions, crosses_midline=False, depth_mm=2.5, ventricle_mm=0.0,
        eloquent={"motor": 0.1},
    )  # fmt: skip
    LesionFactory(segmentation=row, number=2, without_atlas="the outlines do not agree")
    results = current_results(clinic=clinic)
    placed, unplaced = list(csv.DictReader(io.StringIO("".join(csv_lines(results)))))
    assert placed["regions"] == "left frontal 0.7100; brainstem 0.2900"
    assert placed["eloquent"] == "motor 0.1000"
    assert (placed["depth_mm"], placed["ventricle_mm"]) == ("2.5", "0.0")
    assert (unplaced["regions"], unplaced["depth_mm"]) == ("", "")
    assert unplaced["without_atlas"] == "the outlines do not agree"
    kept = json.loads("".join(json_pieces(results)))["rows"][0]
    assert (kept["regions"], kept["crosses_midline"]) == (regions, False)


def test_what_a_spreadsheet_would_run_is_text(clinic: Clinic) -> None:
    add_result(clinic, number="=1+1")
    (line,) = list(csv.DictReader(io.StringIO("".join(csv_lines(current_results(clinic=clinic))))))
    (values,) = list(rows(current_results(clinic=clinic)))
    assert "'=1+1" in line.values()
    assert values["record_number"] == "=1+1"


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_patient_s_table_has_that_patient_alone(
    clinic: Clinic, viewer: Membership, sign_in: SignIn, kind: str
) -> None:
    row = add_result(clinic)
    add_result(clinic, number="A-2")
    patient = row.study.patient
    answer = sign_in(viewer).get(reverse("segmentation:measures", args=[patient.pk, kind]))
    if kind == "csv":
        found = [line["record_number"] for line in read_csv(answer)]
    else:
        body = json.loads(b"".join(answer.streaming_content))
        found = [line["record_number"] for line in body["rows"]]
        assert body["notice"] == "Research software, not for diagnosis."
    assert found == ["A-1"]
    assert AccessEvent.objects.filter(action="measures.export", patient_id=patient.pk)


def test_administrators_get_the_clinic_s_and_no_other_clinic_s(
    clinic: Clinic, admin: Membership, stranger: Membership, sign_in: SignIn
) -> None:
    add_result(clinic)
    add_result(stranger.clinic, number="S-1")
    answer = sign_in(admin).get(reverse("segmentation:all_measures", args=["csv"]))
    assert [line["record_number"] for line in read_csv(answer)] == ["A-1"]
    assert AccessEvent.objects.filter(action="measures.export_all").count() == 1


def test_a_format_that_there_is_not_is_not_found(admin: Membership, sign_in: SignIn) -> None:
    address = reverse("segmentation:all_measures", args=["xml"])
    assert sign_in(admin).get(address).status_code == 404


def test_the_queries_do_not_grow_with_the_table(clinic: Clinic) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            list(rows(current_results(clinic=clinic)))
        return len(counted)

    add_result(clinic, lesions=2)
    few = queries()
    for n in range(5):
        add_result(clinic, lesions=3, number=f"B-{n}")
    assert queries() == few
