"""The compare page, the part of it that keeps itself up to date, and the API of comparisons."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from clinic.models import AccessEvent, Membership
from clinic.tests.factories import MembershipFactory
from patients.models import Patient
from patients.tests.factories import StudyFactory
from segmentation.files import media_root
from segmentation.models import Alignment, Comparison, ComparisonStep, Segmentation, State
from segmentation.tests.factories import ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import SIGNED, ComparisonFactory

pytestmark = pytest.mark.django_db


def finished(patient: Patient, day: date, sequence: str = "FLAIR", **of: Any) -> Segmentation:
    scan_of = of.pop("scan_of", {})
    study = StudyFactory(patient=patient, performed_on=day)
    scan = ScanFactory(study=study, sequence=sequence, **scan_of)
    return SegmentationFactory(scan=scan, succeeded=True, **of)


@pytest.fixture
def pair(patient: Patient) -> tuple[Segmentation, Segmentation]:
    return (
        finished(patient, date(2024, 1, 10), volume_ml=2.0),
        finished(patient, date(2024, 6, 10), volume_ml=5.0),
    )


def page(client: Client, patient: Patient, **query: Any) -> str:
    response = client.get(reverse("segmentation:compare", args=[patient.pk]), query)
    assert response.status_code == 200
    return response.content.decode()


def carried(text: str, name: str) -> Any:
    """What the page carries as JSON under that id."""
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', text)
    return json.loads(found.group(1)) if found else None


def test_without_a_choice_the_newest_two_dates_are_shown(
    patient: Patient, pair: tuple[Segmentation, Segmentation], viewer: Membership, sign_in: Any
) -> None:
    finished(patient, date(2023, 1, 1))
    text = page(sign_in(viewer), patient)
    shown = carried(text, "pair")
    assert shown["earlier"]["result"]["id"] == str(pair[0].pk)
    assert shown["later"]["result"]["id"] == str(pair[1].pk)
    assert shown["same_grid"]
    assert "+3.00" in text
    assert "+150 %" in text
    assert AccessEvent.objects.filter(action="comparison.open", patient_id=patient.pk).exists()


@pytest.mark.parametrize("names", [("earlier", "later"), ("result", "result")])
def test_two_that_are_named_stand_in_the_order_of_their_dates(
    names: tuple[str, str],
    patient: Patient,
    pair: tuple[Segmentation, Segmentation],
    viewer: Membership,
    sign_in: Any,
) -> None:
    address = reverse("segmentation:compare", args=[patient.pk])
    query = f"?{names[0]}={pair[1].pk}&{names[1]}={pair[0].pk}"
    shown = carried(sign_in(viewer).get(address + query).content.decode(), "pair")
    assert shown["earlier"]["result"]["id"] == str(pair[0].pk)


def test_one_that_is_named_stands_beside_the_scan_before_it(
    patient: Patient, pair: tuple[Segmentation, Segmentation], viewer: Membership, sign_in: Any
) -> None:
    finished(patient, date(2024, 9, 1))
    finished(patient, date(2024, 5, 1), sequence="T2")
    shown = carried(page(sign_in(viewer), patient, result=pair[1].pk), "pair")
    assert shown["earlier"]["result"]["id"] == str(pair[0].pk)


def test_who_signed_stands_over_the_scan(
    patient: Patient, viewer: Membership, sign_in: Any
) -> None:
    finished(patient, date(2024, 1, 10))
    finished(patient, date(2024, 6, 10), **SIGNED)
    text = page(sign_in(viewer), patient)
    assert "Signed by Dr Sample" in text
    assert "Draft" in text


def test_nothing_to_compare_is_said(patient: Patient, viewer: Membership, sign_in: Any) -> None:
    finished(patient, date(2024, 1, 10))
    assert "not yet two scans" in page(sign_in(viewer), patient)


def test_two_scans_without_results_stand_side_by_side(
    patient: Patient, clinician: Membership, sign_in: Any
) -> None:
    for month in (1, 6):
        study = StudyFactory(patient=patient, performed_on=date(2024, month, 10))
        ScanFactory(study=study, sequence="T1ce")
    text = page(sign_in(clinician), patient)
    shown = carried(text, "pair")
    assert (shown["earlier"]["scan"]["date"], shown["earlier"]["result"]) == ("2024-01-10", None)
    assert "once both scans have a result" in text
    assert "hx-post" not in text


def test_a_result_of_somebody_else_is_not_found(
    patient: Patient, pair: tuple[Segmentation, Segmentation], viewer: Membership, sign_in: Any
) -> None:
    other = SegmentationFactory(succeeded=True)
    address = reverse("segmentation:compare", args=[patient.pk])
    for name in (str(other.pk), "nonsense"):
        assert sign_in(viewer).get(address, {"earlier": name}).status_code == 404


def test_a_viewer_looks_and_a_clinician_asks(
    patient: Patient,
    pair: tuple[Segmentation, Segmentation],
    viewer: Membership,
    clinician: Membership,
    sign_in: Any,
) -> None:
    asking = reverse("segmentation:request_difference", args=[patient.pk])
    assert asking not in page(sign_in(viewer), patient)
    assert f'hx-post="{asking}"' in page(sign_in(clinician), patient)
    sides = {"earlier": pair[0].pk, "later": pair[1].pk}
    assert sign_in(viewer).post(asking, sides).status_code == 403
    answer = sign_in(clinician).post(asking, sides, headers={"HX-Request": "true"})
    row = Comparison.objects.get()
    assert reverse("segmentation:comparison_status", args=[row.pk]) in answer.content.decode()
    assert asking not in page(sign_in(clinician), patient)


def test_the_step_is_named_while_the_task_runs(
    patient: Patient, pair: tuple[Segmentation, Segmentation], viewer: Membership, sign_in: Any
) -> None:
    running = SegmentationFactory.build(running=True)
    row = ComparisonFactory(
        earlier=pair[0],
        later=pair[1],
        alignment=Alignment.RIGID,
        state=State.RUNNING,
        step=ComparisonStep.REGISTERING,
        token=running.token,
        heard_at=running.heard_at,
    )
    address = reverse("segmentation:comparison_status", args=[row.pk])
    text = sign_in(viewer).get(address).content.decode()
    assert "Aligning the later scan with the earlier one (rigid) …" in text
    assert f'hx-get="{address}"' in text


def test_a_failure_is_told_with_its_reason_and_a_way_out(
    patient: Patient, pair: tuple[Segmentation, Segmentation], clinician: Membership, sign_in: Any
) -> None:
    ComparisonFactory(
        earlier=pair[0], later=pair[1], state=State.FAILED, reason="The heads do not fit."
    )
    text = page(sign_in(clinician), patient)
    assert "The heads do not fit." in text
    assert "Try again" in text
    assert "hx-trigger" not in text


def test_a_finished_one_carries_its_layers_and_its_volumes(
    patient: Patient, pair: tuple[Segmentation, Segmentation], viewer: Membership, sign_in: Any
) -> None:
    row = ComparisonFactory(
        earlier=pair[0], later=pair[1], succeeded=True, voxel_ml=0.5, matrix=[[1, 0, 0, 0]]
    )
    text = page(sign_in(viewer), patient)
    layers = carried(text, "comparison-layers")
    assert layers["id"] == str(row.pk)
    got = sign_in(viewer).get(layers["difference_url"])
    assert b"".join(got.streaming_content) == b"difference"  # type: ignore[attr-defined]
    for volume in ("5.00", "2.50", "1.00"):
        assert f'<td class="number">{volume}</td>' in text


def test_a_kept_layer_is_asked_for_again_and_each_one_sent_is_logged(
    patient: Patient, pair: tuple[Segmentation, Segmentation], viewer: Membership, sign_in: Any
) -> None:
    row = ComparisonFactory(earlier=pair[0], later=pair[1], succeeded=True)
    address = reverse("segmentation:comparison_layer", args=[row.pk, "difference"])
    first = sign_in(viewer).get(address)
    assert first["Cache-Control"] == "private, no-cache"
    again = sign_in(viewer).get(address, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert AccessEvent.objects.filter(action="comparison.show", subject_id=row.pk).count() == 1
    stranger = MembershipFactory()
    kept = sign_in(stranger).get(address, headers={"If-None-Match": first["ETag"]})
    assert kept.status_code == 404


def test_differing_sequences_and_kinds_of_masks_are_pointed_out(
    patient: Patient, viewer: Membership, sign_in: Any
) -> None:
    finished(patient, date(2024, 1, 10))
    finished(patient, date(2024, 6, 10), sequence="T1ce", labels={"1": "Drawn by hand"})
    text = page(sign_in(viewer), patient)
    assert "The sequences differ (FLAIR and T1ce)" in text
    assert "The masks are of different kinds" in text


def test_a_scan_without_an_affine_is_shown_beside_the_other_and_says_why_no_more(
    patient: Patient, clinician: Membership, sign_in: Any
) -> None:
    finished(patient, date(2024, 1, 10), scan_of={"affine": None, "orientation": ""})
    finished(patient, date(2024, 6, 10))
    text = page(sign_in(clinician), patient)
    assert carried(text, "pair") is not None
    assert "no affine" in text
    assert "hx-post" not in text


def test_one_moved_to_another_patient_is_not_compared_any_more(
    patient: Patient, pair: tuple[Segmentation, Segmentation], viewer: Membership, sign_in: Any
) -> None:
    row = ComparisonFactory(earlier=pair[0], later=pair[1], succeeded=True)
    study = StudyFactory(patient__clinic=patient.clinic, performed_on=date(2024, 6, 10))
    Segmentation.objects.filter(pk=pair[1].pk).update(study=study)
    address = reverse("segmentation:comparison_status", args=[row.pk])
    assert sign_in(viewer).get(address).status_code == 404


def test_the_patients_page_offers_ticks_once_there_are_two_scans(
    patient: Patient, viewer: Membership, sign_in: Any
) -> None:
    address = reverse("segmentation:patient", args=[patient.pk])
    first = finished(patient, date(2024, 1, 10))
    assert "data-tick" not in sign_in(viewer).get(address).content.decode()
    finished(patient, date(2024, 6, 10))
    text = sign_in(viewer).get(address).content.decode()
    assert f'id="tick-{first.scan.pk}" hx-preserve="true"' in text
    assert reverse("segmentation:compare", args=[patient.pk]) in text


def test_the_api_asks_lists_answers_and_sends_files(
    patient: Patient, pair: tuple[Segmentation, Segmentation], clinician: Membership, sign_in: Any
) -> None:
    client = sign_in(clinician)
    address = reverse("api:comparisons", args=[patient.pk])
    sides = {"earlier": str(pair[0].pk), "later": str(pair[1].pk)}
    asked = client.post(address, sides, content_type="application/json")
    assert (asked.status_code, asked.json()["state"]) == (201, "queued")
    one = reverse("api:comparison", args=[asked.json()["id"]])
    assert client.get(one).json()["alignment"] == "as_stored"
    file = reverse("api:comparison_file", args=[asked.json()["id"], "difference"])
    assert client.get(file).status_code == 409
    Comparison.objects.update(state=State.SUCCEEDED, files="comparisons/x", stable_voxels=3)
    (media_root() / "comparisons" / "x").mkdir(parents=True)
    (media_root() / "comparisons" / "x" / "difference.nii.gz").write_bytes(b"map")
    assert b"".join(client.get(file).streaming_content) == b"map"
    assert client.get(file.replace("difference", "passwords")).status_code == 404
    listed = client.get(address).json()
    assert [(row["id"], row["stable_voxels"]) for row in listed] == [(asked.json()["id"], 3)]


def test_the_api_refuses_in_a_sentence(
    patient: Patient, pair: tuple[Segmentation, Segmentation], clinician: Membership, sign_in: Any
) -> None:
    client = sign_in(clinician)
    address = reverse("api:comparisons", args=[patient.pk])
    swapped = {"earlier": str(pair[1].pk), "later": str(pair[0].pk)}
    answer = client.post(address, swapped, content_type="application/json")
    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "The earlier result comes first. Please swap the two."},
    )
    foreign = {"earlier": str(SegmentationFactory(succeeded=True).pk), "later": str(pair[0].pk)}
    answer = client.post(address, foreign, content_type="application/json")
    assert answer.status_code == 400
    assert "no such finished result" in answer.json()["detail"]
