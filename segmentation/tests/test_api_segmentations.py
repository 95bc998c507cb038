"""Results through the API: from the upload to the mask."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from segmentation.models import Segmentation, State
from segmentation.services import queue
from segmentation.tests.api_helpers import House, files_below, head_file, post_scan, work_on

pytest_plugins = ("segmentation.tests.api_fixtures",)
pytestmark = pytest.mark.usefixtures("own_files", "quick_model")

FIELDS = {
    "id", "scan", "study", "patient", "state", "step", "slices_done", "slices_total", "reason",
    "attempts", "model", "labels", "is_current", "volume_ml", "voxels", "tumour_slices",
    "key_slice", "key_area_pixels", "key_area_percent", "mean_probability", "found_nothing",
    "has_physical_size", "lesions", "created_at", "started_at", "finished_at", "notice", "version",
    "source", "author_name", "parent", "remark", "review", "signed_by", "signed_at", "draft_dice",
    "brain_percent", "brain_volume_ml", "brain_source", "surface_mm2", "sum_of_products_mm2",
    "is_multifocal", "satellites", "distances_mm", "volume_interval",
    "inputs", "gathered", "parts", "tumour_type", "unsure",
}  # fmt: skip
LESION_FIELDS = {
    "number", "voxels", "volume_ml", "longest_diameter_mm", "perpendicular_diameter_mm",
    "diameter_lines", "slices", "first_slice", "last_slice", "key_slice",
    "key_area_pixels", "key_area_percent", "centroid", "mean_probability", "side",
    "left_share", "place", "product_mm2", "longest_3d_mm", "surface_mm2", "sphericity",
    "brain_percent", "is_measurable", "is_tiny", "regions", "crosses_midline",
    "depth_mm", "ventricle_mm", "cortex_share", "eloquent", "unnamed_share", "without_atlas",
}  # fmt: skip


def start(house: House, **changes: Any) -> str:
    answer = post_scan(house.client("clinician"), house.patient, **changes)
    return str(answer.json()["segmentation"]["id"])


def read(house: House, pk: str) -> dict[str, Any]:
    answer = house.client("viewer").get(f"/api/v1/segmentations/{pk}/")
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_waiting_segmentation_has_every_field_but_no_mask(house: House) -> None:
    pk = start(house)
    body = read(house, pk)
    assert set(body) == FIELDS
    assert (body["state"], body["lesions"], body["volume_ml"]) == ("queued", [], None)
    assert (body["found_nothing"], body["is_current"]) == (False, False)
    assert body["notice"] == "Research software, not for diagnosis."
    mask = house.client("viewer").get(f"/api/v1/segmentations/{pk}/mask/")
    assert mask.status_code == 409
    assert mask.json()["detail"].startswith("There is no mask yet")


def test_a_finished_segmentation_has_measures_and_a_mask(house: House) -> None:
    pk = start(house)
    work_on(pk)
    body = read(house, pk)
    assert (body["state"], body["is_current"], body["reason"]) == ("succeeded", True, "")
    assert body["voxels"] > 0
    voxel_ml = 3.5 * 3.5 * 6.0 / 1000
    assert body["volume_ml"] == pytest.approx(body["voxels"] * voxel_ml, rel=1e-3)
    assert body["patient"] == str(house.patient.pk)
    assert body["model"]["name"] == "flair2d"
    assert len(body["model"]["sha256"]) == 64
    assert body["labels"] == {"1": "FLAIR abnormality"}
    assert set(body["lesions"][0]) == LESION_FIELDS
    assert body["lesions"][0]["longest_3d_mm"] >= body["lesions"][0]["longest_diameter_mm"]
    assert 0 < body["brain_percent"] < 100
    assert body["brain_source"].startswith("rough outline")
    assert (body["is_multifocal"], body["satellites"], body["distances_mm"]) == (False, [], [])
    answer = house.client("viewer").get(f"/api/v1/segmentations/{pk}/mask/")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith('attachment; filename="2024-03-01_flair_mask')
    content = gzip.decompress(b"".join(answer.streaming_content))
    mask = np.asarray(nib.nifti1.Nifti1Image.from_bytes(content).dataobj)
    assert mask.shape == (44, 52, 20)
    assert int((mask > 0).sum()) == body["voxels"]


def test_without_reliable_spacing_no_millimetre_is_said(house: House) -> None:
    pk = start(house, spacing_is_reliable="false")
    work_on(pk)
    body = read(house, pk)
    assert body["has_physical_size"] is False
    assert body["volume_ml"] is None
    assert body["key_area_pixels"] > 0
    assert [lesion["longest_diameter_mm"] for lesion in body["lesions"]] == [None]


def test_a_failure_says_why_and_why_there_is_no_mask(house: House) -> None:
    pk = start(house)
    claim = queue.claim(pk=Segmentation.objects.get().pk)
    assert claim is not None
    queue.record_failure(claim=claim, reason="The file is damaged.")
    body = read(house, pk)
    assert (body["state"], body["reason"], body["attempts"]) == (
        "failed",
        "The file is damaged.",
        1,
    )
    mask = house.client("viewer").get(f"/api/v1/segmentations/{pk}/mask/")
    assert mask.status_code == 409
    assert mask.json()["detail"].endswith("The file is damaged.")


def test_a_scan_is_segmented_again_once_nothing_is_under_way(house: House) -> None:
    pk = start(house)
    client = house.client("clinician")
    address = f"/api/v1/scans/{Segmentation.objects.get().scan_id}/"
    assert client.post(f"{address}segment/").status_code == 409
    work_on(pk)
    again = client.post(f"{address}segment/")
    assert again.status_code == 201
    assert (again.json()["state"], again.json()["is_current"]) == ("queued", False)
    scan = client.get(address).json()
    assert scan["segmentation"]["id"] == again.json()["id"]
    assert scan["current_result"] == pk


def test_the_list_is_narrowed_by_state_patient_and_scan(house: House) -> None:
    first, second = start(house), start(house, file=head_file(seed=1))
    work_on(first)
    client = house.client("viewer")

    def found(query: str) -> set[str]:
        results = client.get(f"/api/v1/segmentations/?{query}").json()["results"]
        return {result["id"] for result in results}

    scan = Segmentation.objects.get(pk=second).scan_id
    assert found("") == found(f"patient={house.patient.pk}") == {first, second}
    assert found(f"state={State.SUCCEEDED}") == {first}
    assert found(f"scan={scan}&state=queued") == {second}
    assert client.get("/api/v1/segmentations/?state=done").status_code == 400
    assert client.get("/api/v1/segmentations/?scan=7").status_code == 400


def test_the_list_asks_no_more_for_more_results(
    house: House, django_assert_max_num_queries: Any
) -> None:
    for seed in range(4):
        work_on(start(house, file=head_file(seed)))
    client = house.client("viewer")
    with django_assert_max_num_queries(6):
        assert client.get("/api/v1/segmentations/").json()["count"] == 4


def test_erasing_the_patient_leaves_no_file_of_any_result(
    house: House, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    work_on(start(house))
    assert len(files_below(own_files)) > 2
    with django_capture_on_commit_callbacks(execute=True):
        house.client("admin").post(
            f"/api/v1/patients/{house.patient.pk}/erase/", {"record_number": "A-1"}, format="json"
        )
    assert not Segmentation.objects.exists()
    assert files_below(own_files) == []


def test_the_map_of_unsure_voxels_comes_with_its_figures(house: House) -> None:
    pk = start(house)
    asked = f"/api/v1/segmentations/{pk}/unsure/"
    assert house.client("viewer").get(asked).status_code == 409
    work_on(pk)
    said = read(house, pk)["unsure"]
    assert (said["readings"], said["from_bits"]) == (6, 0.5)
    assert said["volume_ml"] == pytest.approx(said["voxels"] * 3.5 * 3.5 * 6.0 / 1000)
    answer = house.client("viewer").get(asked)
    assert answer.status_code == 200
    assert "_unsure_" in answer["Content-Disposition"]
    content = gzip.decompress(b"".join(answer.streaming_content))
    values = np.asarray(nib.nifti1.Nifti1Image.from_bytes(content).dataobj)
    assert int((values >= 50).sum()) == said["voxels"]


def test_a_result_without_the_map_says_why(house: House) -> None:
    pk = start(house)
    work_on(pk)
    Segmentation.objects.filter(pk=pk).update(unsure=None)
    answer = house.client("viewer").get(f"/api/v1/segmentations/{pk}/unsure/")
    assert answer.status_code == 409
    assert "without a map" in answer.json()["detail"]
    assert read(house, pk)["unsure"] is None
