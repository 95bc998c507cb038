"""Measuring on the scan with the pointer: what is kept is held against the file's own geometry."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from conftest import sign_in

DRAWN = 90_000
SEGMENTED = 240_000
# The crosshair leaves so many CSS pixels free round its voxel.
GAP = 9


def open_room(page: Page, site: str, username: str) -> str:
    """Opens the demo patient's scan with two lesions; answers the address of the scan's API."""
    sign_in(page, site, username)
    page.goto(f"{site}/patients/?q=DEMO-002")
    page.locator("#patients [data-open]").first.click()
    expect(page.locator(".scan-row [data-finished]").first).to_be_visible(timeout=SEGMENTED)
    link = page.locator(".scan-row [data-open]").first.get_attribute("href")
    assert link is not None
    page.goto(f"{site}{link}read/")
    loaded(page)
    return f"{site}/api/v1{link}"


def loaded(page: Page) -> None:
    page.wait_for_selector("[data-ready]", timeout=DRAWN)
    page.wait_for_selector("[data-measure-panel][data-loaded]")


def next_frame(page: Page) -> None:
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


def origin(page: Page) -> tuple[float, float]:
    box = page.locator("[data-surface]").bounding_box()
    assert box is not None
    return box["x"], box["y"]


def voxel_at(page: Page, across: float, down: float) -> tuple[np.ndarray, tuple[float, float]]:
    """Clicks on a share of the picture: the voxel that is hit, and where its middle is drawn."""
    box = page.locator("[data-surface]").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
    next_frame(page)
    lines = page.locator(".crosshair-line")
    x = float(lines.nth(0).get_attribute("x2") or "nan") + GAP
    y = float(lines.nth(2).get_attribute("y2") or "nan") + GAP
    voxel = [int(n) for n in page.locator("[data-voxel]").inner_text().split(",")]
    return np.array(voxel), (box["x"] + x, box["y"] + y)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def kept(page: Page, api: str) -> list[dict[str, Any]]:
    answer = page.request.get(f"{api}measures/")
    assert answer.ok
    return list(answer.json())


def listed(page: Page) -> Locator:
    return page.locator("[data-measures] li")


def angle_between(one: np.ndarray, other: np.ndarray) -> float:
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(cosine)))


def show_slice(page: Page, wanted: int) -> None:
    """Scrolls to axial slice ``wanted`` of the file, whose third axis runs to the head."""
    current = int(page.locator("[data-voxel]").inner_text().split(",")[2])
    key = "ArrowUp" if wanted > current else "ArrowDown"
    for _ in range(abs(wanted - current)):
        page.keyboard.press(key)
    next_frame(page)


def test_lines_by_hand_are_kept_as_the_file_has_them_and_automatic_ones_can_be_edited(
    page: Page, site: str
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    api = open_room(page, site, "clinician")
    affine = np.array(page.request.get(api).json()["affine"])[:3, :3]
    page.keyboard.press("f")
    next_frame(page)

    # A distance between two voxels, and an angle at a third.
    places = [voxel_at(page, *share) for share in ((0.42, 0.3), (0.58, 0.42), (0.45, 0.6))]
    (one, spot_one), (other, spot_other), (corner, spot_corner) = places
    page.keyboard.press("d")
    drag(page, spot_one, spot_other)
    expect(listed(page)).to_have_count(1)
    (distance,) = kept(page, api)
    points = np.array(distance["points"])
    assert np.abs(points - [one, other]).max() < 1
    true = float(np.linalg.norm(affine @ (other - one)))
    assert distance["longest_mm"] == pytest.approx(true, abs=1.5)
    drawn = float(np.linalg.norm(affine @ (points[1] - points[0])))
    assert distance["longest_mm"] == pytest.approx(drawn, abs=0.02)
    assert distance["author_name"] == "Demo Clinician"
    expect(listed(page).first).to_contain_text(f"{distance['longest_mm']:.1f} mm")

    page.keyboard.press("a")
    # Away from the ends of the distance, which would be taken hold of.
    aside = (spot_one[0] - 25, spot_one[1])
    drag(page, aside, spot_corner)
    page.mouse.click(spot_other[0] + 25, spot_other[1])
    expect(listed(page)).to_have_count(2)
    angle = kept(page, api)[1]
    ends = np.array(angle["points"])
    assert np.abs(ends[1] - corner).max() < 1
    true = angle_between(affine @ (ends[0] - ends[1]), affine @ (ends[2] - ends[1]))
    assert angle["angle_degrees"] == pytest.approx(true, abs=0.02)
    expect(listed(page).nth(1)).to_contain_text(f"{true:.0f}°")

    edited = edit_automatic(page, api)

    # All of it is there again after a reload, on the slice that it belongs to.
    page.reload()
    loaded(page)
    expect(listed(page)).to_have_count(3)
    assert [row["id"] for row in kept(page, api)] == [distance["id"], angle["id"], edited["id"]]
    listed(page).filter(has_text="Distance").get_by_role("button", name="Go to").press("Enter")
    expect(page.locator(f'[data-shape="{distance["id"]}"] line')).to_have_count(2)

    for left in (2, 1, 0):
        listed(page).first.get_by_role("button", name="Remove").click()
        expect(listed(page)).to_have_count(left)
    assert kept(page, api) == []
    expect(page.get_by_text("Nothing is measured by hand yet")).to_be_visible()


def edit_automatic(page: Page, api: str) -> dict[str, Any]:
    """Moves an end of the largest lesion's automatic diameter; answers what is kept of it."""
    result = page.request.get(api).json()["current_result"]
    address = re.sub(r"scans/.*", f"segmentations/{result}/", api)
    before = page.request.get(address).json()["lesions"][0]
    show_slice(page, round(before["diameter_lines"]["longest"][0][2]))
    page.keyboard.press("c")
    automatic = page.locator('[data-shape="lesion-1"]')
    expect(automatic).to_have_class(re.compile("is-automatic"))
    line = automatic.locator("line.measure-line").first
    left, top = origin(page)
    end = [float(line.get_attribute(name) or "nan") for name in ("x1", "y1")]
    far = [float(line.get_attribute(name) or "nan") for name in ("x2", "y2")]
    # Outwards, so that the line grows.
    outwards = [a + 0.2 * (a - b) for a, b in zip(end, far, strict=True)]
    drag(page, (left + end[0], top + end[1]), (left + outwards[0], top + outwards[1]))

    expect(listed(page)).to_have_count(3)
    row = listed(page).nth(2)
    length = before["longest_diameter_mm"]
    expect(row).to_contain_text(f"Lesion 1 by hand, instead of {length:.1f}")
    expect(page.locator("[data-lesions] tr").first).to_contain_text("by hand")
    expect(automatic).to_have_count(0)
    measure = kept(page, api)[2]
    assert (measure["segmentation"], measure["lesion_number"]) == (result, 1)
    assert measure["longest_mm"] == pytest.approx(1.2 * length, rel=0.03)
    across = before["perpendicular_diameter_mm"]
    assert measure["perpendicular_mm"] == pytest.approx(across, abs=0.05)
    # The automatic one stays as it was measured.
    assert page.request.get(address).json()["lesions"][0] == before
    return measure


def test_a_viewer_sees_lines_and_has_no_tool_to_draw_them(page: Page, site: str) -> None:
    open_room(page, site, "viewer")
    expect(page.locator('[data-chooses="window"]')).to_be_visible()
    expect(page.locator('[data-chooses="distance"]')).to_have_count(0)
    page.locator("[data-lesions] button").first.click()
    shown = page.get_by_label("Automatic diameters")
    expect(shown).to_be_checked()
    page.keyboard.press("u")
    expect(shown).not_to_be_checked()
    expect(page.locator(".measure.is-automatic")).to_have_count(0)
