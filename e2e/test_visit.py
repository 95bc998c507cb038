"""A visit with four sequences, dropped at once: one result on its FLAIR, with its parts."""

from __future__ import annotations

import re

import pytest
from pictures import keep_picture
from playwright.sync_api import Page, expect
from test_accessibility import faults
from test_main_job import SEGMENTED, add_patient, upload
from test_reading_room import DRAWN, until

from conftest import ROOT, SHARED

CASE = SHARED / "brats" / "BraTS2021_01478"
SEQUENCES = ("flair", "t1", "t1ce", "t2")


@pytest.fixture
def reader(clinician: Page) -> Page:
    if not (ROOT / "ml" / "weights" / "glioma.toml").exists():
        pytest.skip("the model glioma is not installed")
    if not CASE.exists():
        pytest.skip("the real data is not beside this checkout")
    return clinician


def rosy(page: Page) -> int:
    """How many points of the slice have the colour of enhancing tumour or nearly."""
    return int(
        page.evaluate(
            """() => {
              const c = document.querySelector("[data-slice-viewer] canvas");
              const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
              let n = 0;
              for (let i = 0; i < d.length; i += 4) {
                if (d[i] - d[i + 1] > 40 && d[i] - d[i + 2] > 30) n++;
              }
              return n;
            }"""
        )
    )


def test_four_sequences_give_one_result_with_its_parts(reader: Page, site: str) -> None:
    page = reader
    add_patient(page, site, "Test Visit", "E2E-VISIT")
    upload(page, *(CASE / f"{CASE.name}_{name}.nii.gz" for name in SEQUENCES), day="2026-02-03")
    rows = page.locator(".scan-row")
    expect(rows).to_have_count(4, timeout=SEGMENTED)
    flair = rows.filter(has_text=f"{CASE.name}_flair")
    expect(flair).to_contain_text("by glioma", timeout=SEGMENTED)
    expect(page.get_by_text("Read with FLAIR")).to_have_count(3)
    expect(page.get_by_text("no picture yet")).to_have_count(0)

    rows.filter(has_text="T1 with contrast").locator("[data-open]").click()
    expect(page.get_by_text("read together with the FLAIR of that day")).to_be_visible()
    page.get_by_role("link", name="open the result").click()

    parts = page.get_by_role("table", name="Parts of the tumour")
    expect(parts.get_by_role("row")).to_have_count(5)
    expect(parts).to_contain_text("enhancing tumour")
    expect(
        page.get_by_text(re.compile("FLAIR: as its file places it; T1: .*Brain: "))
    ).to_be_visible()
    page.wait_for_selector("[data-drawn]")
    until(page, lambda: rosy(page) > 50)
    page.locator("[data-slice-viewer] canvas").focus()
    page.keyboard.press("p")
    until(page, lambda: rosy(page) == 0)
    page.keyboard.press("p")
    assert faults(page, "a result of several sequences") == []
    keep_picture(page, "visit")

    page.get_by_role("link", name="Open in the reading room").click()
    page.wait_for_selector("[data-ready]", timeout=DRAWN)
    layer = page.get_by_label("Parts of the tumour", exact=True)
    expect(layer).not_to_be_checked()
    with page.expect_response(re.compile("/parts/$")):
        page.keyboard.press("P")
    expect(layer).to_be_checked()
    lesions = page.get_by_role("checkbox", name=re.compile("^Lesions, version"))
    expect(lesions).not_to_be_checked()
