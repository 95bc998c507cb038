"""axe-core on every page, light and dark: no serious or critical fault is let through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from conftest import FLAGS, ROOT, find_chromium, sign_in

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SEGMENTED = 240_000
# Pages by their address; {patient}, {scan} and {report} are the demo patient's. The API's
# documentation is another project's page and is left out.
BEFORE_SIGN_IN = ("/sign-in/", "/link/used-already/")
PAGES = (
    "/",
    "/?tab=signed",
    "/patients/",
    "/patients/?q=nobody-has-this-name",
    "/patients/?archived=1",
    "/patients/new/",
    "/patients/{patient}/",
    "/patients/{patient}/?archived=1",
    "/patients/{patient}/edit/",
    "/patients/{patient}/diagnoses/new/",
    "/patients/{patient}/treatments/new/",
    "/patients/{patient}/erase/",
    "/patients/{patient}/compare/",
    "/scans/{scan}/",
    "/scans/{scan}/correct/",
    "/scans/{scan}/read/",
    "{report}",
    "/account/",
    "/members/",
    "/models/",
    "/no-such-page/",
)


@pytest.fixture(params=["light", "dark"])
def themed(browser: Browser, site: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh profile in one of the two themes."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.add_cookies([{"name": "theme", "value": request.param, "url": site}])
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def faults(page: Page, where: str) -> list[str]:
    """What axe finds grave on the page as it is now, a line for each element."""
    # Run through the browser's debugger, which the page's Content-Security-Policy does not bind.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(
        "standards => axe.run(document, {runOnly: standards, resultTypes: ['violations']})",
        STANDARDS,
    )
    return [
        f"{where}: {fault['id']} ({fault['impact']}): {fault['help']}: {_element(node)}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]


def _element(node: dict[str, Any]) -> str:
    why = " ".join((node.get("failureSummary") or "").split()[6:30])
    return f"{' '.join(map(str, node['target']))} [{why}]"


def demo_addresses(page: Page, site: str) -> dict[str, str]:
    """Where the demo patient and the newest of their scans are, once those are segmented."""
    page.goto(f"{site}/patients/")
    page.get_by_role("link", name="Demo Patient One").click()
    expect(page.locator(".scan-row .badge.busy")).to_have_count(0, timeout=SEGMENTED)
    scan = page.locator(".scan-row [data-open]").first.get_attribute("href") or ""
    patient = Path(page.url).name
    page.goto(f"{site}{scan}")
    report = page.get_by_role("link", name="Report", exact=True).get_attribute("href") or ""
    return {"patient": patient, "scan": Path(scan).name, "report": report}


def test_no_page_has_a_grave_accessibility_fault(themed: Page, site: str) -> None:
    wrong = []
    for address in BEFORE_SIGN_IN:
        themed.goto(f"{site}{address}")
        wrong += faults(themed, address)
    sign_in(themed, site, "admin")
    names = demo_addresses(themed, site)
    for address in PAGES:
        themed.goto(f"{site}{address.format(**names)}")
        themed.wait_for_load_state("networkidle")
        wrong += faults(themed, address)
    assert wrong == [], "\n" + "\n".join(wrong)


def test_what_opens_on_a_page_has_no_grave_fault_either(themed: Page, site: str) -> None:
    sign_in(themed, site, "admin")
    names = demo_addresses(themed, site)
    wrong = []

    themed.keyboard.press("?")
    expect(themed.locator("#shortcuts")).to_be_visible()
    wrong += faults(themed, "the shortcuts")
    themed.keyboard.press("Escape")

    themed.goto(f"{site}/patients/{names['patient']}/")
    themed.get_by_role("button", name="Upload scans").click()
    wrong += faults(themed, "the upload")

    themed.goto(f"{site}/patients/new/")
    themed.locator("form[method=post]").last.evaluate("form => { form.noValidate = true; }")
    themed.get_by_role("button", name="Add patient").click()
    expect(themed.locator(".has-error").first).to_be_visible()
    wrong += faults(themed, "a form with errors")
    assert wrong == [], "\n" + "\n".join(wrong)


@pytest.fixture
def drawing(browser: Browser, site: str) -> Iterator[Page]:
    """A page of a browser that has WebGL 2, drawn by software."""
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    flags += ["--enable-unsafe-swiftshader", "--use-angle=swiftshader"]
    other = browser.browser_type.launch(executable_path=find_chromium(), args=flags)
    page = other.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    yield page
    other.close()


def test_the_reading_room_has_no_grave_fault_while_it_is_used(drawing: Page, site: str) -> None:
    sign_in(drawing, site, "admin")
    names = demo_addresses(drawing, site)
    drawing.goto(f"{site}/scans/{names['scan']}/read/")
    drawing.wait_for_load_state("networkidle")
    expect(drawing.locator("[data-no-webgl]")).to_be_hidden()
    # Each one that is opened is no longer among the shut ones.
    shut = drawing.locator("details:not([open]) > summary:visible")
    while shut.count():
        shut.first.click()
    drawing.get_by_label("Where the model is unsure", exact=True).check()
    expect(drawing.locator("[data-unsure-legend]")).to_be_visible()
    wrong = faults(drawing, "the reading room")
    drawing.locator("[data-edit-start]").click()
    expect(drawing.locator("[data-edit-save]")).to_be_visible()
    wrong += faults(drawing, "correcting")
    drawing.locator("[data-edit-leave]").click()
    drawing.keyboard.press("?")
    expect(drawing.locator("[data-sheet]")).to_be_visible()
    wrong += faults(drawing, "its keys")
    assert wrong == [], "\n" + "\n".join(wrong)


def test_the_compare_page_has_no_grave_fault_while_it_is_used(drawing: Page, site: str) -> None:
    sign_in(drawing, site, "admin")
    names = demo_addresses(drawing, site)
    drawing.goto(f"{site}/patients/{names['patient']}/compare/")
    drawing.wait_for_load_state("networkidle")
    expect(drawing.locator("[data-no-webgl]")).to_be_hidden()
    wrong = faults(drawing, "the compare page")
    expect(drawing.locator("#comparison-layers")).to_have_count(1, timeout=SEGMENTED)
    drawing.wait_for_load_state("networkidle")
    wrong += faults(drawing, "the compare page with the change")
    drawing.keyboard.press("?")
    expect(drawing.locator("[data-sheet]")).to_be_visible()
    wrong += faults(drawing, "its keys")
    assert wrong == [], "\n" + "\n".join(wrong)
