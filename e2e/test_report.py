"""The report of the demo patient's newest study, on the screen and as PDF, and the tables."""

from __future__ import annotations

import csv
import io
import re

from pictures import keep_file
from playwright.sync_api import Page, expect

SEGMENTED = 240_000


def open_demo_patient(page: Page, site: str) -> None:
    """Opens the record once the demo's scans are all segmented."""
    page.goto(f"{site}/")
    expect(page.locator("[data-count=running]")).to_have_text("0", timeout=SEGMENTED)
    page.goto(f"{site}/patients/")
    page.get_by_role("link", name="Demo Patient One").click()


def test_a_study_s_report_is_read_and_taken_as_pdf(clinician: Page, site: str) -> None:
    page = clinician
    open_demo_patient(page, site)
    page.locator(".scan-row [data-open]").first.click()
    page.get_by_role("link", name="Report", exact=True).click()

    report = page.get_by_role("article", name="Report")
    expect(report).to_contain_text("Demo Patient One")
    expect(report).to_contain_text("demo, not a person")
    expect(report).to_contain_text("not for diagnosis")
    picture = report.get_by_role("img", name=re.compile("Slice")).first
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    expect(report.get_by_role("row").nth(1)).to_contain_text(re.compile(r"\d+\.\d × \d+\.\d"))
    expect(report.get_by_role("heading", name="Course")).to_be_visible()
    expect(report).to_contain_text("RANO")

    address = page.get_by_role("link", name="PDF").get_attribute("href") or ""
    answer = page.request.get(f"{site}{address}")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF-")
    keep_file(answer.body(), "report.pdf")


def test_all_measures_of_a_patient_come_as_a_table(clinician: Page, site: str) -> None:
    page = clinician
    open_demo_patient(page, site)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["record_number"] for row in rows} == {"DEMO-001"}
    assert all(float(row["total_volume_ml"]) >= 0 for row in rows)
