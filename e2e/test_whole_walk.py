"""The whole walk of the reading room: open, scroll, window, correct, save, compare, sign."""

from __future__ import annotations

import gzip
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pictures import keep_picture
from playwright.sync_api import Page, expect
from sending import send_scan
from test_corrections import Room
from test_main_job import add_patient, finished_rows

from conftest import PASSWORD, SHARED

PATIENCE = 240_000
Stroke = tuple[tuple[float, float], tuple[float, float]]
# Where the strokes go, in shares of the axial pane: inside every head that walks here, and
# behind the lesion of the demo patient.
INSIDE: Stroke = ((0.42, 0.62), (0.47, 0.66))
BEHIND: Stroke = ((0.64, 0.475), (0.70, 0.475))


def scans_of(page: Page) -> list[str]:
    """The scans of the patient whose page is open, newest first."""
    links = page.locator(".scan-row [data-open]")
    return [(links.nth(n).get_attribute("href") or "").split("/")[2] for n in range(links.count())]


def look(room: Room) -> None:
    """Scrolls by key and wheel, and sets the window."""
    page = room.page
    axial = page.locator('[data-pane="axial"] .pane-title')
    before = axial.inner_text()
    page.keyboard.press("ArrowUp")
    expect(axial).not_to_have_text(before)
    page.mouse.move(*room.place(0.5, 0.5))
    page.mouse.wheel(0, 100)
    width = page.locator("[data-width]").input_value()
    page.keyboard.press("q")
    page.wait_for_function("was => document.querySelector('[data-width]').value !== was", arg=width)


def correct(
    room: Room, remark: str, stroke: Stroke = INSIDE, picture: str = ""
) -> tuple[str, float]:
    """Draws a stroke and saves it; the new version, and the volume or number that was shown."""
    page = room.page
    room.start()
    untouched = room.total
    room.paint(*(room.place(*point) for point in stroke))
    expect(page.locator("[data-edit-total]")).not_to_have_text(untouched)
    room.kept()
    page.get_by_label("Remark").fill(remark)
    if picture:
        keep_picture(page, picture)
    drawn = float(room.total.split()[0].replace(",", ""))
    return room.save(), drawn


def sign(page: Page) -> None:
    panel = page.locator("#review")
    panel.get_by_label("Your password").fill(PASSWORD)
    panel.get_by_role("button", name="Accept and sign").click()
    expect(panel).to_contain_text("Signed by Demo Clinician")


def compare(page: Page, site: str, patient: str, pair: tuple[str, str]) -> str:
    """The change between two results, once a worker has found it: what the panel says."""
    page.goto(f"{site}/patients/{patient}/compare/?earlier={pair[0]}&later={pair[1]}")
    page.wait_for_selector("[data-compare-room][data-ready]", timeout=PATIENCE)
    page.wait_for_selector("[data-pane-of=change][data-loaded]", timeout=PATIENCE)
    return page.locator("#difference").inner_text()


def array(mask: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(mask.dataobj) > 0


def test_the_demo_patient_is_read_corrected_compared_and_signed(clinician: Page, site: str) -> None:
    page = clinician
    keep_picture(page, "worklist")
    page.goto(f"{site}/patients/")
    page.get_by_role("link", name="Demo Patient One").click()
    expect(page.locator(".scan-row")).to_have_count(5)
    expect(page.locator(".scan-row .badge.busy")).to_have_count(0, timeout=PATIENCE)
    patient = page.url.rstrip("/").split("/")[-1]
    # Another test may have rejected a result of this patient, so that none counts there.
    newest, before = [scan for scan in scans_of(page) if current(page, site, scan)][:2]
    keep_picture(page, "patient")

    room = Room(page, site, newest).open()
    look(room)
    page.get_by_role("button", name="Go to lesion 1").click()
    keep_picture(page, "reading-room")
    drafted = room.mask(current(page, site, newest))
    version, volume_ml = correct(room, "A rim behind the lesion was missed.", BEHIND, "correcting")
    saved = room.mask(version)
    check_what_was_saved(saved, scan_file(room), array(drafted), volume_ml)

    told = compare(page, site, patient, (current(page, site, before), version))
    assert "Stable" in told and "Grown" in told and "Gone" in told
    keep_picture(page, "compare")

    room.open(f"?version={version}")
    sign(page)
    keep_picture(page, "signed")
    assert state_of(page, site, version) == ("signed", True)
    page.goto(f"{site}/scans/{newest}/")
    expect(page.locator("#result-state")).to_contain_text("Signed by Demo Clinician")
    keep_picture(page, "scan")


@pytest.fixture
def patient_of_samples(clinician: Page, site: str) -> Page:
    if not (SHARED / "samples").exists():
        pytest.skip("the real data is not beside this checkout")
    return clinician


def test_a_real_flair_is_read_corrected_and_signed(patient_of_samples: Page, site: str) -> None:
    page = patient_of_samples
    add_patient(page, site, "Test Walk", "E2E-WALK")
    patient = page.url.rstrip("/").split("/")[-1]
    sample = SHARED / "samples" / "BraTS2021_01485_flair.nii.gz"
    scan = send_scan(page, site, patient, sample, day="2026-03-12")
    page.reload()
    finished_rows(page, 1)
    room = Room(page, site, scan).open()
    look(room)
    drafted = room.mask(current(page, site, room.scan))
    version, volume_ml = correct(room, "More at the edge.")
    check_what_was_saved(room.mask(version), scan_file(room), array(drafted), volume_ml)
    sign(page)
    assert state_of(page, site, version) == ("signed", True)


def test_two_real_dates_without_a_model_are_drawn_compared_and_signed(
    patient_of_samples: Page, site: str
) -> None:
    """No model reads T1ce, so both masks are a person's; the stated voxel size is not physical."""
    page = patient_of_samples
    add_patient(page, site, "Test Progression", "E2E-PROGRESSION")
    patient = page.url.rstrip("/").split("/")[-1]
    scans, versions = [], []
    for day, name in (("2025-03-01", "Pre"), ("2025-09-01", "Post")):
        path = SHARED / "samples" / f"progression05_{name}_t1c.nii.gz"
        scans.append(
            send_scan(page, site, patient, path, day=day, sequence="T1ce", is_reliable=False)
        )
    for scan in scans:
        room = Room(page, site, scan).open()
        look(room)
        version, voxels = correct(room, "Drawn by hand.")
        nothing = np.zeros(scan_file(room).shape, dtype=bool)
        check_what_was_saved(room.mask(version), scan_file(room), nothing, voxels)
        versions.append(version)
        sign(page)

    told = compare(page, site, patient, (versions[0], versions[1]))
    assert "mL" not in told
    # The files say that both lie alike; without millimetres nothing can be moved by millimetres.
    assert "without registration" in told
    expect(page.get_by_role("button", name="Align the heads first (rigid)")).to_have_count(0)
    for version in versions:
        assert state_of(page, site, version) == ("signed", True)


def check_what_was_saved(
    saved: Any, scan: Any, drafted: np.ndarray[Any, np.dtype[np.bool_]], shown: float
) -> None:
    """The grid is the scan's to the bit; the mask is the draft and the stroke, and no more."""
    mask = array(saved)
    assert saved.shape == scan.shape
    assert saved.affine.tobytes() == scan.affine.tobytes()
    added = mask & ~drafted
    assert added.any()
    assert not (drafted & ~mask).any()
    dice = 2 * (mask & drafted).sum() / (mask.sum() + drafted.sum())
    assert dice == pytest.approx(2 * drafted.sum() / (2 * drafted.sum() + added.sum()))
    voxel_ml = abs(np.linalg.det(saved.affine[:3, :3])) / 1000
    assert shown in (
        pytest.approx(mask.sum() * voxel_ml, abs=0.006),
        pytest.approx(mask.sum()),
    )


def scan_file(room: Room) -> Any:
    content = room.get(f"scans/{room.scan}/file/")
    unpacked = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    return nib.nifti1.Nifti1Image.from_bytes(unpacked)


def current(page: Page, site: str, scan: str) -> str:
    rows = page.request.get(f"{site}/api/v1/segmentations/?scan={scan}").json()["results"]
    return next((str(row["id"]) for row in rows if row["is_current"]), "")


def state_of(page: Page, site: str, version: str) -> tuple[str, bool]:
    row = page.request.get(f"{site}/api/v1/segmentations/{version}/").json()
    return row["review"], row["is_current"]
