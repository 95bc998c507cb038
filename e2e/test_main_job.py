"""The main job as a clinician does it, in a real browser, through a real worker."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from conftest import PASSWORD, SHARED, sign_in
from ml.samples import write_samples

SEGMENTED = 240_000


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {p.name: p for p in write_samples(tmp_path_factory.mktemp("samples"))}


def add_patient(page: Page, site: str, name: str, number: str) -> None:
    page.goto(f"{site}/patients/")
    page.keyboard.press("n")
    page.get_by_label("Full name").fill(name)
    page.get_by_label("Record number").fill(number)
    page.get_by_label("Birth date").fill("1972-03-03")
    page.get_by_label("Sex").select_option("F")
    page.get_by_role("button", name="Add patient").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def upload(page: Page, *files: Path, day: str = "2026-03-12", sequence: str | None = None) -> None:
    page.get_by_role("button", name="Upload scans").click()
    page.locator("input[type=file]").set_input_files([str(file) for file in files])
    rows = page.locator(".upload-row")
    for n in range(rows.count()):
        date = rows.nth(n).get_by_label("Date of examination")
        if date.count():
            date.fill(day)
        if sequence and rows.nth(n).get_by_label("Sequence").count():
            rows.nth(n).get_by_label("Sequence").select_option(sequence)
    page.locator("[data-upload-send]").click()


def finished_rows(page: Page, count: int) -> None:
    """Waits, without reloading, until so many scans are done."""
    expect(page.locator(".scan-row [data-finished]")).to_have_count(count, timeout=SEGMENTED)


def mask_is_drawn(page: Page) -> bool:
    """Whether the canvas shows any coloured pixel: the picture below it is grey."""
    coloured = page.evaluate(
        """() => {
          const c = document.querySelector("canvas");
          const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
          let n = 0;
          for (let i = 0; i < d.length; i += 4) if (Math.abs(d[i] - d[i + 2]) > 24) n++;
          return n;
        }"""
    )
    return bool(coloured > 20)


def test_a_clinician_adds_a_patient_uploads_a_scan_and_sees_the_tumour(
    clinician: Page, site: str, samples: dict[str, Path], tmp_path: Path
) -> None:
    page = clinician
    add_patient(page, site, "Test Person <b>bold</b>", "E2E-1")
    expect(page.get_by_text("There are no scans yet")).to_be_visible()

    upload(page, samples["sample_flair.nii.gz"])
    expect(page.locator("[data-outcome]")).to_contain_text("It will be segmented")
    finished_rows(page, 1)
    row = page.locator(".scan-row")
    expect(row).to_contain_text("mL")
    expect(row).to_contain_text("left")

    row.locator("[data-open]").click()
    expect(page.get_by_text("Draft by a model, not reviewed")).to_be_visible()
    page.wait_for_selector("[data-drawn]")
    page.wait_for_function("() => document.querySelector('canvas').width > 100")
    page.wait_for_load_state("networkidle")
    assert mask_is_drawn(page)
    page.get_by_label("shown").uncheck()
    assert not mask_is_drawn(page)

    page.locator("canvas").focus()
    before = page.locator("[data-slice-label]").inner_text()
    page.keyboard.press("ArrowUp")
    assert page.locator("[data-slice-label]").inner_text() != before

    with page.expect_download() as download:
        page.get_by_role("link", name="Download mask").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    mask, scan = nib.load(saved), nib.load(samples["sample_flair.nii.gz"])
    assert mask.shape == scan.shape
    assert np.array_equal(mask.affine, scan.affine)
    assert np.asarray(mask.dataobj).any()


def test_several_files_go_on_when_one_is_refused(
    clinician: Page, site: str, samples: dict[str, Path], tmp_path: Path
) -> None:
    page = clinician
    broken = tmp_path / "broken.nii.gz"
    broken.write_text("this is no volume")
    add_patient(page, site, "Test Several", "E2E-2")
    upload(page, broken, samples["sample_flair_slice.png"], samples["sample_composite.tif"])
    outcomes = page.locator("[data-outcome]")
    expect(outcomes.nth(0)).to_contain_text("neither a NIfTI volume nor a PNG")
    finished_rows(page, 2)
    first = page.locator(".scan-row").first
    expect(first).to_contain_text("of the brain on its largest slice")
    expect(first).not_to_contain_text("mL")
    expect(first).to_contain_text("side is not known")


def test_the_same_file_twice_is_pointed_out(
    clinician: Page, site: str, samples: dict[str, Path]
) -> None:
    page = clinician
    page.goto(f"{site}/patients/?q=E2E-2")
    page.locator("[data-open]").first.click()
    before = page.locator(".scan-row").count()
    upload(page, samples["sample_flair_slice.png"])
    expect(page.locator("[data-outcome]")).to_contain_text("in the patient's record already")
    assert page.locator(".scan-row").count() == before


def test_search_finds_as_you_type_and_a_viewer_may_only_look(page: Page, site: str) -> None:
    sign_in(page, site, "viewer")
    page.get_by_role("link", name="Patients", exact=True).click()
    expect(page.get_by_role("link", name="New patient")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("DEMO-001")
    expect(page.locator("#patients tbody tr")).to_have_count(1)
    page.keyboard.press("Tab")
    page.get_by_role("link", name="Demo Patient One").click()
    expect(page.get_by_role("button", name="Upload scans")).to_have_count(0)


def test_the_demo_patient_has_a_course(page: Page, site: str) -> None:
    sign_in(page, site, "viewer")
    page.goto(f"{site}/patients/")
    page.get_by_role("link", name="Demo Patient One").click()
    finished_rows(page, 5)
    expect(page.locator(".by-volume svg.chart a[data-mark]")).to_have_count(5)
    expect(page.locator(".strip")).to_contain_text("Since the lowest")


@pytest.fixture(scope="session")
def lgg_slices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """One real slice as a picture of its FLAIR and as a composite, outside the repository."""
    source = SHARED / "lgg" / "TCGA_FG_6692_20020606"
    if not source.exists():
        pytest.skip("the real data is not beside this checkout")
    name = sorted(source.glob("*_mask.png"))[4].name.replace("_mask.png", ".jpg")
    stacked = np.asarray(Image.open(source / name)).reshape(3, 256, 256)
    folder = tmp_path_factory.mktemp("lgg")
    Image.fromarray(stacked[1]).save(folder / "lgg_flair.png")
    Image.fromarray(stacked.transpose(1, 2, 0)).save(folder / "lgg_composite.tif")
    yield {path.name: path for path in folder.iterdir()}


def test_real_scans_end_in_a_result(
    clinician: Page, site: str, lgg_slices: dict[str, Path]
) -> None:
    page = clinician
    add_patient(page, site, "Test Real", "E2E-3")
    upload(
        page,
        SHARED / "samples" / "BraTS2021_01485_flair.nii.gz",
        SHARED / "samples" / "TCGA-FG-6692_flair_native.nii.gz",
        *lgg_slices.values(),
    )
    finished_rows(page, 4)
    expect(page.locator(".scan-row .badge.bad")).to_have_count(0)


def test_the_api_does_the_main_job(site: str, samples: dict[str, Path], page: Page) -> None:
    token = _post(site, "token/", {"username": "clinician", "password": PASSWORD})["token"]
    values = {
        "record_number": "E2E-4",
        "full_name": "Test Api",
        "birth_date": "1980-01-31",
        "sex": "M",
    }
    patient = _post(site, "patients/", values, token)
    answer = page.request.post(
        f"{site}/api/v1/patients/{patient['id']}/scans/",
        headers={"Authorization": f"Token {token}"},
        multipart={
            "file": {
                "name": "flair.nii.gz",
                "mimeType": "application/gzip",
                "buffer": samples["sample_flair_followup.nii.gz"].read_bytes(),
            },
            "sequence": "FLAIR",
            "acquired_on": "2026-02-01",
        },
    )
    assert answer.status == 201
    pk = answer.json()["segmentation"]["id"]
    headers = {"Authorization": f"Token {token}"}
    for _ in range(480):
        result = page.request.get(f"{site}/api/v1/segmentations/{pk}/", headers=headers).json()
        if result["state"] not in ("queued", "running"):
            break
        page.wait_for_timeout(500)
    assert result["state"] == "succeeded"
    assert result["volume_ml"] > 0
    assert re.search("left", result["lesions"][0]["place"])
    mask = page.request.get(f"{site}/api/v1/segmentations/{pk}/mask/", headers=headers)
    assert mask.body()[:2] == b"\x1f\x8b"


def _post(site: str, path: str, body: dict[str, str], token: str = "") -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Token {token}"
    request = urllib.request.Request(
        f"{site}/api/v1/{path}", data=json.dumps(body).encode(), headers=headers
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))
