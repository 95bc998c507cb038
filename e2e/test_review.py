"""Reviewing and signing as a clinician does it; the worklist changes while one looks at it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from conftest import PASSWORD, sign_in

SEGMENTED = 240_000


@pytest.fixture
def clerk(browser: Browser, site: str) -> Any:
    """Another person, who works through the API: ``clerk(path, values)`` posts."""
    context = browser.new_context()
    api = f"{site}/api/v1"
    answer = context.request.post(f"{api}/token/", data={"username": "admin", "password": PASSWORD})
    headers = {"Authorization": f"Token {answer.json()['token']}"}

    def post(path: str, values: dict[str, str]) -> None:
        answer = context.request.post(f"{api}/{path}", data=values, headers=headers)
        assert answer.ok, answer.text()

    yield post
    context.close()


def count(page: Page, tab: str) -> Locator:
    return page.locator(f"[data-count={tab}]")


def wait_for_drafts(page: Page) -> int:
    """How many wait once the demo's scans are all segmented; the page is not loaded again."""
    expect(count(page, "running")).to_have_text("0", timeout=SEGMENTED)
    expect(page.locator("#worklist tbody tr").first).to_be_visible()
    return int(count(page, "review").inner_text())


def open_scan(page: Page, site: str, row: int) -> str:
    """Opens the page of a row's scan; the id of the result that waits there."""
    result = page.locator("#worklist tbody tr").nth(row).get_attribute("id") or ""
    scan = page.locator("[data-open]").nth(row).get_attribute("href") or ""
    pk = re.search(r"/scans/([0-9a-f-]+)/", scan)
    assert pk is not None
    page.goto(f"{site}/scans/{pk.group(1)}/")
    return result.removeprefix("row-")


def is_marked(page: Page) -> bool:
    """Whether this is still the page that was marked: a reload would have lost the mark."""
    return bool(page.evaluate("() => window.marked === true"))


def test_a_clinician_signs_by_password_and_every_page_says_so(clinician: Page, site: str) -> None:
    page = clinician
    new = wait_for_drafts(page) + int(count(page, "check").inner_text())
    expect(page).to_have_title(re.compile(rf"^\({new}\) Worklist"))
    open_scan(page, site, 0)
    page.evaluate("() => { window.marked = true }")

    panel = page.locator("#review")
    panel.get_by_role("button", name="Take into review").click()
    expect(panel).to_contain_text("You have it in review since")
    panel.get_by_label("Comment").fill("Agrees with my reading.")
    panel.get_by_label("Your password").fill("not my password")
    panel.get_by_role("button", name="Accept and sign").click()
    expect(panel.get_by_role("alert")).to_contain_text("The password is wrong")
    expect(panel.get_by_label("Comment")).to_have_value("Agrees with my reading.")
    expect(panel.get_by_label("Your password")).to_have_value("")
    expect(panel.get_by_label("Your password")).to_be_focused()

    panel.get_by_label("Your password").fill(PASSWORD)
    panel.get_by_role("button", name="Accept and sign").click()
    expect(panel).to_contain_text("Signed by Demo Clinician")
    expect(panel).to_contain_text("Agrees with my reading.")
    expect(page.locator("#result-state")).to_contain_text("Signed by Demo Clinician")
    expect(page.locator("#versions")).to_contain_text("Signed")
    expect(page).to_have_title(re.compile(rf"^\({new - 1}\)"))
    assert is_marked(page)

    page.get_by_role("link", name="Demo Patient").click()
    expect(page.locator(".strip")).to_contain_text("1 signed")
    expect(page.locator(".scan-row [data-review=signed]")).to_have_count(1)
    expect(page.locator(".by-volume svg.chart a .point.is-signed")).to_have_count(1)


def test_a_result_is_rejected_with_a_reason_and_none_counts(clinician: Page, site: str) -> None:
    page = clinician
    wait_for_drafts(page)
    open_scan(page, site, 0)
    panel = page.locator("#review")
    panel.get_by_text("Reject it …").click()
    panel.get_by_label("Reason").fill("It marks the eyes as well.")
    panel.get_by_role("button", name="Reject version 1").click()
    expect(panel).to_contain_text("Rejected by Demo Clinician")
    expect(page.locator("#result-notices")).to_contain_text("No result counts for this scan now")

    page.goto(f"{site}/?tab=check")
    row = page.locator("#worklist tbody tr", has_text="version 1 was rejected by Demo Clinician")
    expect(row).to_have_count(1)
    row.locator("[data-open]").click()
    expect(page.locator("#review")).to_contain_text("It marks the eyes as well.")


def test_the_worklist_changes_by_itself_but_not_under_the_pointer(
    clinician: Page, site: str, clerk: Any
) -> None:
    page = clinician
    before = wait_for_drafts(page)
    page.evaluate("() => { window.marked = true }")
    signed = int(count(page, "signed").inner_text())
    new = before + int(count(page, "check").inner_text())
    rows = page.locator("#worklist tbody tr")
    first, second = ((rows.nth(n).get_attribute("id") or "").removeprefix("row-") for n in (0, 1))

    clerk(f"segmentations/{first}/review/sign/", {"password": PASSWORD})
    expect(count(page, "review")).to_have_text(str(before - 1), timeout=60_000)
    expect(count(page, "signed")).to_have_text(str(signed + 1))
    expect(page).to_have_title(re.compile(rf"^\({new - 1}\) Worklist"), timeout=60_000)

    page.locator(f"#row-{second} td").nth(2).hover()
    clerk(f"segmentations/{second}/review/sign/", {"password": PASSWORD})
    show = page.get_by_role("button", name="The list has changed")
    expect(show).to_be_visible(timeout=60_000)
    expect(page.locator(f"#row-{second}")).to_be_visible()
    show.click()
    expect(page.locator(f"#row-{second}")).to_have_count(0)
    assert is_marked(page)


def test_a_viewer_sees_what_waits_and_signs_nothing(page: Page, site: str) -> None:
    sign_in(page, site, "viewer")
    wait_for_drafts(page)
    page.keyboard.press("j")
    expect(page.locator("#worklist tr.is-chosen")).to_have_count(1)
    open_scan(page, site, 0)
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#review form")).to_have_count(0)


def test_signing_in_the_reading_room_leaves_the_viewer_where_it_is(
    clinician: Page, site: str
) -> None:
    page = clinician
    wait_for_drafts(page)
    page.locator("#worklist [data-open]").first.click()
    page.wait_for_url(re.compile(r"/read/"))
    page.evaluate("() => { window.marked = true }")
    panel = page.locator("#review")
    panel.get_by_label("Your password").fill("not my password")
    panel.get_by_role("button", name="Accept and sign").click()
    expect(panel.get_by_role("alert")).to_contain_text("The password is wrong")
    panel.get_by_label("Your password").fill(PASSWORD)
    panel.get_by_role("button", name="Accept and sign").click()
    expect(panel).to_contain_text("Signed by Demo Clinician")
    expect(page.locator("#room-versions")).to_contain_text("Signed")
    assert is_marked(page)
