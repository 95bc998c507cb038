"""The course of the demo patient: named lesions, the chart by pointer and keys, a decision."""

from __future__ import annotations

import pytest
from pictures import keep_picture
from playwright.sync_api import Page, expect

from conftest import sign_in

# Five scans are segmented and then matched, one after the other, on a machine that may be busy.
PATIENCE = 600_000


@pytest.fixture
def course(clinician: Page, site: str) -> Page:
    """The demo patient's page once every result is there and every lesion is named."""
    open_course(clinician, site)
    return clinician


def open_course(page: Page, site: str) -> None:
    page.goto(f"{site}/patients/")
    page.get_by_role("link", name="Demo Patient One").click()
    expect(page.locator(".by-volume svg.chart a[data-mark]")).to_have_count(5, timeout=PATIENCE)
    expect(page.locator("#course-body [hx-trigger]")).to_have_count(0, timeout=PATIENCE)


def test_a_late_new_lesion_is_named_and_is_progression(course: Page) -> None:
    newest = course.locator(".by-volume .course-table tbody tr").first
    expect(newest).to_contain_text("Progression")
    expect(course.locator(".by-volume .course-lesions .badge")).to_have_text(["new"])
    expect(course.locator(".by-volume .treatment-name")).to_have_count(3)
    expect(course.locator(".by-volume .role").filter(has_text="baseline")).to_have_count(1)
    newest.get_by_role("link").scroll_into_view_if_needed()
    keep_picture(course.locator(".panel", has=course.locator("#course-body")), "course")


def test_the_chart_is_read_with_the_pointer_and_with_keys(course: Page) -> None:
    marks = course.locator(".by-volume svg.chart a[data-mark]")
    cards = course.locator(".by-volume .course-card:visible")
    expect(cards).to_have_count(0)
    marks.nth(1).hover()
    expect(cards).to_contain_text("since previous")
    marks.nth(4).focus()
    newest = cards.locator("strong").inner_text()
    course.keyboard.press("ArrowLeft")
    expect(marks.nth(3)).to_be_focused()
    expect(cards.locator("strong")).not_to_have_text(newest)
    course.keyboard.press("Escape")
    course.mouse.move(0, 0)
    expect(cards).to_have_count(0)


def test_lines_are_chosen_and_the_size_is_switched(course: Page) -> None:
    line = course.locator(".by-volume [data-line=lesion-1-0]")
    expect(line).to_be_visible()
    button = course.locator(".by-volume .course-legend").get_by_role("button", name="Lesion 1")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(line).to_be_hidden()
    button.click()
    expect(line).to_be_visible()
    course.get_by_role("radio", name="Product of diameters").check()
    expect(course.locator(".by-volume")).to_be_hidden()
    expect(course.locator(".by-product svg.chart")).to_be_visible()


def test_a_decision_beside_the_rule_needs_a_reason_and_stays(course: Page) -> None:
    def decide(reason: str) -> None:
        row = course.locator(".by-volume .course-why").first
        row.locator("summary").click()
        row.get_by_label("Category").select_option("stable disease")
        row.get_by_label("Reason").fill(reason)
        row.get_by_role("button", name="Save decision").click()

    decide("")
    expect(course.get_by_role("alert")).to_contain_text("say why the category differs")
    decide("The new lesion is an old infarct.")
    expect(course.get_by_role("status").first).to_contain_text("kept beside the category")
    newest = course.locator(".by-volume .course-table tbody tr").first
    expect(newest).to_contain_text("Stable disease")
    expect(newest).to_contain_text("Progression")


def test_how_the_patient_was_is_recorded_and_used(course: Page) -> None:
    visit = course.locator(".course-visits tbody tr").nth(1)
    visit.locator("summary").click()
    visit.get_by_label("Patient since the visit before").select_option("worse")
    visit.get_by_role("button", name="Save").click()
    expect(course.locator(".course-visits tbody tr").nth(1)).to_contain_text("Worse")
    judged = course.locator(".by-volume .course-table tbody tr").nth(2)
    expect(judged).to_contain_text("Progression")


def test_a_viewer_reads_the_course_and_decides_nothing(page: Page, site: str) -> None:
    sign_in(page, site, "viewer")
    open_course(page, site)
    expect(page.get_by_role("button", name="Save decision")).to_have_count(0)
    expect(page.locator(".condition")).to_have_count(0)
