"""A contrast-enhanced T1 slice from its upload to the type with its evidence, by mouse and keys."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from pictures import keep_picture
from playwright.sync_api import Page, expect
from sending import send_scan
from test_accessibility import faults
from test_main_job import add_patient, finished_rows

from conftest import ROOT, SHARED

WEIGHTS = ROOT / "ml" / "weights"
TYPES = SHARED / "types"
NOT_TRAINED_ON = "4"


def a_slice(label: str) -> Path:
    """One of the fold that nothing was trained on."""
    with (TYPES / "index.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    chosen = (row for row in rows if (row["label"], row["fold"]) == (label, NOT_TRAINED_ON))
    return TYPES / next(chosen)["file"]


@pytest.fixture
def reader(clinician: Page) -> Page:
    for name in ("tumour_type", "t1ce_slices"):
        if not (WEIGHTS / f"{name}.toml").exists():
            pytest.skip(f"the model {name} is not installed")
    if not TYPES.exists():
        pytest.skip("the real data is not beside this checkout")
    return clinician


def test_one_slice_gets_mask_share_and_type_together(reader: Page, site: str) -> None:
    page = reader
    add_patient(page, site, "Test Slice", "E2E-SLICE")
    patient = page.url.rstrip("/").split("/")[-1]
    scan = send_scan(page, site, patient, a_slice("meningioma"), day="2026-03-12", sequence="T1ce")
    page.reload()
    finished_rows(page, 1)
    page.goto(f"{site}/scans/{scan}/")
    panel = page.get_by_role("region", name="Tumour type")
    expect(panel.get_by_role("row")).to_have_count(6)
    expect(panel).to_contain_text("No grade is given")
    expect(panel.get_by_role("heading", name="It has not seen")).to_be_visible()
    picture = panel.get_by_alt_text("Where the evidence for")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    expect(
        page.get_by_role("columnheader", name=re.compile("% of the (brain|head)’s area"))
    ).to_be_visible()

    assert faults(page, "a typed slice") == []

    canvas = page.locator("[data-slice-viewer] canvas")
    expect(page.locator("[data-slice-viewer]")).to_have_attribute("data-drawn", "1")
    shown = page.get_by_label("shown").last
    before = canvas.evaluate("canvas => canvas.toDataURL()")
    canvas.focus()
    page.keyboard.press("e")
    expect(shown).to_be_checked()
    assert canvas.evaluate("canvas => canvas.toDataURL()") != before
    keep_picture(page, "tumour-type")
    page.keyboard.press("e")
    expect(shown).not_to_be_checked()
    assert canvas.evaluate("canvas => canvas.toDataURL()") == before
