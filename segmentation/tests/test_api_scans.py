"""Uploads, corrections and files through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from patients.models import Scan, Study
from segmentation.models import Segmentation
from segmentation.tests.api_helpers import (
    House,
    files_below,
    head_bytes,
    head_file,
    new_patient,
    post_scan,
)

pytest_plugins = ("segmentation.tests.api_fixtures",)
pytestmark = pytest.mark.usefixtures("own_files", "quick_model")


def test_an_upload_is_stored_and_queued(house: House, own_files: Path) -> None:
    answer = post_scan(house.client("clinician"), house.patient)
    assert answer.status_code == 201
    body = answer.json()
    segmentation = Segmentation.objects.get()
    assert body["segmentation"] == {"id": str(segmentation.pk), "state": "queued"}
    assert (body["doubts"], body["notices"]) == ([], [])
    assert body["spacing_is_reliable"] is True
    assert (body["acquired_on"], body["shape"]) == ("2024-03-01", [44, 52, 20])
    assert body["patient"] == str(house.patient.pk)
    assert len(files_below(own_files)) == 2


def test_the_very_same_file_is_a_conflict(house: House, own_files: Path) -> None:
    client = house.client("clinician")
    post_scan(client, house.patient)
    again = post_scan(client, house.patient, acquired_on="2024-05-05", file=head_file(name="b.nii"))
    assert again.status_code == 409
    assert "in the patient's record already" in again.json()["detail"]
    assert Scan.objects.count() == 1
    assert len(files_below(own_files)) == 2


def small(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.mark.parametrize(
    "file",
    [
        small("notes.txt", b"no image at all"),
        small("empty.nii.gz", b""),
        small("cut.nii.gz", head_bytes()[:2000]),
        small("../../evil.png", b"\x89PNG\r\n\x1a\n not really"),
    ],
    ids=["text", "empty", "cut", "png"],
)
def test_a_bad_file_is_refused_in_a_sentence_and_leaves_nothing(
    file: SimpleUploadedFile, house: House, own_files: Path
) -> None:
    answer = post_scan(house.client("clinician"), house.patient, file=file)
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].endswith(".")
    assert not Scan.objects.exists()
    assert not Study.objects.exists()
    assert files_below(own_files) == []


@pytest.mark.parametrize("day", ["2999-01-01", "1950-01-01"])
def test_an_impossible_date_leaves_nothing(day: str, house: House, own_files: Path) -> None:
    answer = post_scan(house.client("clinician"), house.patient, acquired_on=day)
    assert answer.status_code == 400
    assert "examination date" in answer.json()["detail"]
    assert not Scan.objects.exists()
    assert files_below(own_files) == []


@pytest.mark.parametrize(
    "wrong", [{"sequence": "PET"}, {"acquired_on": "soon"}, {"file": ""}, {"sequence": ""}]
)
def test_a_declaration_with_gaps_names_the_field(wrong: dict[str, str], house: House) -> None:
    answer = post_scan(house.client("clinician"), house.patient, **wrong)
    assert answer.status_code == 400
    assert list(answer.json()) == list(wrong)


def test_doubts_hold_the_segmentation_back_until_confirmed(house: House) -> None:
    client = house.client("clinician")
    held = post_scan(client, house.patient, file=head_file(name="brain_t2.nii.gz")).json()
    assert held["segmentation"] is None
    assert held["is_held_back"] is True
    assert held["doubts"] == held["notices"] != []
    confirmed = client.post(f"/api/v1/scans/{held['id']}/confirm/")
    assert confirmed.status_code == 200
    assert confirmed.json()["segmentation"]["state"] == "queued"
    again = client.post(f"/api/v1/scans/{held['id']}/confirm/")
    assert (again.status_code, again.json()["detail"]) == (409, "The scan has no open doubts.")


def test_a_sequence_without_a_model_is_stored_with_a_notice(house: House) -> None:
    answer = post_scan(
        house.client("clinician"), house.patient, sequence="T2", file=head_file(name="a.nii.gz")
    )
    assert answer.status_code == 201
    assert answer.json()["segmentation"] is None
    assert "No model reads a volume of T2 alone" in answer.json()["notices"][0]


def test_unreliable_spacing_is_kept_as_declared(house: House) -> None:
    answer = post_scan(house.client("clinician"), house.patient, spacing_is_reliable="false")
    assert answer.json()["has_physical_size"] is False


def correct(house: House, scan: dict[str, Any], **values: Any) -> Any:
    address = f"/api/v1/scans/{scan['id']}/"
    return house.client("clinician").patch(address, values, format="json")


def test_a_correction_needs_a_reason_and_is_kept(house: House) -> None:
    scan = post_scan(house.client("clinician"), house.patient).json()
    assert correct(house, scan, acquired_on="2024-03-03").json() == {
        "reason": ["This field is required."]
    }
    answer = correct(house, scan, acquired_on="2024-03-03", reason="Typing error")
    assert answer.status_code == 200
    assert answer.json()["acquired_on"] == "2024-03-03"
    kept = answer.json()["corrections"][0]
    assert (kept["before"], kept["after"]) == ("2024-03-01", "2024-03-03")
    assert (kept["reason"], kept["corrected_by"]) == ("Typing error", str(house.clinician.pk))
    impossible = correct(house, scan, acquired_on="2999-01-01", reason="x")
    assert (impossible.status_code, list(impossible.json())) == (400, ["detail"])


def test_a_changed_reading_is_segmented_again(house: House) -> None:
    scan = post_scan(house.client("clinician"), house.patient).json()
    body = correct(house, scan, spacing_is_reliable=False, reason="Scanner was reset").json()
    assert body["spacing_is_reliable"] is False
    assert body["segmentation"]["state"] == "queued"
    assert body["segmentation"]["id"] != scan["segmentation"]["id"]


def test_a_scan_moves_only_within_the_clinic(house: House) -> None:
    scan = post_scan(house.client("clinician"), house.patient).json()
    outside = new_patient(house.stranger)
    assert correct(house, scan, patient=str(outside.pk), reason="x").status_code == 400
    inside = new_patient(house.clinician, record_number="B-2")
    moved = correct(house, scan, patient=str(inside.pk), reason="Mixed up")
    assert moved.json()["patient"] == str(inside.pk)
    listed = house.client("viewer").get(f"/api/v1/patients/{house.patient.pk}/scans/")
    assert listed.json() == []


def test_an_archived_scan_leaves_the_list_and_comes_back(house: House) -> None:
    client = house.client("clinician")
    scan = post_scan(client, house.patient).json()
    address = f"/api/v1/scans/{scan['id']}/"
    listed = f"/api/v1/patients/{house.patient.pk}/scans/"
    assert [row["id"] for row in client.get(listed).json()] == [scan["id"]]
    assert client.delete(address).status_code == 204
    assert client.get(listed).json() == []
    refused = client.post(f"{address}segment/")
    assert (refused.status_code, list(refused.json())) == (409, ["detail"])
    assert client.post(f"{address}restore/").json()["archived_at"] is None


def test_a_study_has_its_scans(house: House) -> None:
    client = house.client("clinician")
    scans = [post_scan(client, house.patient, file=head_file(seed)).json() for seed in (1, 2)]
    studies = client.get(f"/api/v1/patients/{house.patient.pk}/studies/").json()
    assert [study["performed_on"] for study in studies] == ["2024-03-01"]
    study = client.get(f"/api/v1/studies/{studies[0]['id']}/").json()
    assert {scan["id"] for scan in study["scans"]} == {scan["id"] for scan in scans}


@pytest.mark.parametrize("accept", ["*/*", "application/gzip"])
def test_the_file_comes_back_as_it_went_in(accept: str, house: House) -> None:
    client = house.client("clinician")
    file = head_file(name="my scan.nii.gz")
    scan = post_scan(client, house.patient, file=file).json()
    answer = client.get(f"/api/v1/scans/{scan['id']}/file/", headers={"accept": accept})
    assert b"".join(answer.streaming_content) == head_bytes()
    assert answer["Content-Disposition"] == 'attachment; filename="my scan.nii.gz"'
    assert "no-store" in answer["Cache-Control"]


def test_erasing_a_scan_leaves_no_file(
    house: House, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    scan = post_scan(house.client("clinician"), house.patient).json()
    with django_capture_on_commit_callbacks(execute=True):
        house.client("admin").post(f"/api/v1/scans/{scan['id']}/erase/")
    assert not Scan.objects.exists()
    assert files_below(own_files) == []
