"""The reading room in a real browser that draws with WebGL 2 by software."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sending import send_scan
from test_main_job import add_patient, finished_rows

from conftest import FLAGS, find_chromium, sign_in
from ml.samples import write_samples

DRAWN = 90_000
DAY = "2026-04-02"
COMPOSITE = "COMPOSITE"


@pytest.fixture(scope="module")
def rooms(browser: Browser, site: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where to read a segmented FLAIR, beside which a T1 of that day lies, and a picture."""
    files = {path.name: path for path in write_samples(tmp_path_factory.mktemp("reading"))}
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    sign_in(page, site, "clinician")
    add_patient(page, site, "Test Reading", "E2E-READ")
    patient = page.url.rstrip("/").split("/")[-1]
    scans = {
        "flair": send_scan(page, site, patient, files["sample_flair.nii.gz"], day=DAY),
        "picture": send_scan(
            page, site, patient, files["sample_composite.tif"], day="2026-05-02", sequence=COMPOSITE
        ),
    }
    followup = files["sample_flair_followup.nii.gz"]
    send_scan(page, site, patient, followup, day=DAY, sequence="T1")
    page.reload()
    finished_rows(page, 2)
    found = {name: f"{site}/scans/{scan}/read/" for name, scan in scans.items()}
    page.context.close()
    return found


def open_room(page: Page, site: str, address: str, username: str = "clinician") -> None:
    sign_in(page, site, username)
    page.goto(address)
    page.wait_for_selector("[data-ready]", timeout=DRAWN)


def slice_of(page: Page, pane: str = "axial") -> int:
    words = page.locator(f'[data-pane="{pane}"] .pane-title').inner_text()
    found = re.search(r"(\d+) /", words)
    assert found is not None, words
    return int(found.group(1))


def letters(page: Page, pane: str) -> list[str]:
    """The letters at the left, right, top and bottom edge of a pane."""
    return [
        page.locator(f'[data-pane="{pane}"] .side.at-{edge}').inner_text()
        for edge in ("left", "right", "top", "bottom")
    ]


def centre_of(page: Page, pane: str) -> tuple[float, float]:
    box = page.locator(f'[data-pane="{pane}"]').bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def at_the_lesion(page: Page) -> str:
    """Goes to the first lesion, which is on the left; where that is, once it is written there."""
    page.keyboard.press("n")
    expect(page.locator("[data-world]")).to_contain_text("L ")
    return page.locator("[data-world]").inner_text()


def level_and_width(page: Page) -> tuple[float, float]:
    level = float(page.locator("[data-level]").input_value())
    return level, float(page.locator("[data-width]").input_value())


def test_a_scan_opens_with_its_slices_its_sides_and_its_lesions(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    sign_in(page, site, "viewer")
    page.goto(rooms["flair"].removesuffix("read/"))
    page.keyboard.press("o")
    page.wait_for_selector("[data-ready]", timeout=DRAWN)
    assert page.url == rooms["flair"]
    assert letters(page, "axial") == ["R", "L", "A", "P"]
    assert letters(page, "coronal") == ["R", "L", "S", "I"]
    assert letters(page, "sagittal") == ["P", "A", "S", "I"]
    expect(page.locator("[data-lesions] tr").first).to_contain_text("left")
    expect(page.get_by_text("Research software, not for diagnosis").first).to_be_visible()


def test_the_wheel_and_the_keys_scroll_the_slices(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    open_room(page, site, rooms["flair"])
    first = slice_of(page)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("PageUp")
    expect(page.locator('[data-pane="axial"] .pane-title')).to_contain_text(f"Axial {first + 11} ")
    page.mouse.move(*centre_of(page, "coronal"))
    before = slice_of(page, "coronal")
    page.mouse.wheel(0, 200)
    expect(page.locator('[data-pane="coronal"] .pane-title')).not_to_contain_text(f" {before} /")
    assert slice_of(page) == first + 11


def test_a_lesion_is_jumped_to_and_read_out_on_the_patients_side(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    open_room(page, site, rooms["flair"])
    page.get_by_role("button", name=re.compile("Go to lesion 1")).click()
    expect(page.locator("[data-world]")).to_have_text(
        re.compile(r"^L \d+\.\d mm, A \d+\.\d, S \d+\.\d$")
    )
    expect(page.locator('[data-lesion="1"]')).to_have_class(re.compile("is-chosen"))
    assert re.fullmatch(r"\d+, \d+, \d+", page.locator("[data-voxel]").inner_text())
    assert float(page.locator("[data-intensity]").inner_text()) > 0


def test_the_convention_can_be_switched_and_the_letters_follow(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    open_room(page, site, rooms["flair"])
    place = at_the_lesion(page)
    page.keyboard.press("v")
    expect(page.locator("[data-convention]")).to_contain_text("Neurological")
    expect(page.locator('[data-pane="axial"] .side.at-left')).to_have_text("L")
    assert letters(page, "coronal") == ["L", "R", "S", "I"]
    assert letters(page, "sagittal") == ["P", "A", "S", "I"]
    expect(page.locator("[data-world]")).to_have_text(place)


def test_the_window_is_set_by_drag_by_preset_and_by_number(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    open_room(page, site, rooms["flair"])
    level, width = level_and_width(page)
    page.keyboard.press("w")
    x, y = centre_of(page, "axial")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 40, steps=3)
    page.mouse.up()
    dragged = level_and_width(page)
    assert dragged[0] < level and dragged[1] > width
    page.get_by_role("button", name="Lesion", exact=True).click()
    assert level_and_width(page)[0] > level
    page.get_by_role("button", name="Standard").click()
    assert level_and_width(page) == (level, width)
    page.get_by_label("Width").fill("200")
    page.keyboard.press("Enter")
    assert level_and_width(page) == (level, 200)


def test_a_pane_is_made_the_only_one_and_the_mask_is_filled_outlined_or_off(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    open_room(page, site, rooms["flair"])
    page.keyboard.press("n")
    page.keyboard.press("f")
    expect(page.locator('[data-pane="coronal"]')).to_be_hidden()
    expect(page.locator('[data-pane="axial"]')).to_be_visible()
    page.keyboard.press("o")
    expect(page.locator("[data-layer-style]")).to_have_text("Outline")
    page.keyboard.press("m")
    expect(page.locator("[data-layer-shown]")).not_to_be_checked()
    page.keyboard.press("f")
    expect(page.locator('[data-pane="coronal"]')).to_be_visible()


def test_where_the_model_is_unsure_is_loaded_and_drawn_once_it_is_switched_on(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_room(page, site, rooms["flair"])
    at_the_lesion(page)
    page.keyboard.press("m")
    page.keyboard.press("f")
    expect(page.locator('[data-pane="coronal"]')).to_be_hidden()
    switch = page.get_by_label("Where the model is unsure", exact=True)
    expect(switch).not_to_be_checked()
    expect(page.get_by_text("1 bit: even odds")).to_be_hidden()
    assert violet(page) == 0
    with page.expect_response(re.compile("/unsure/$")):
        page.keyboard.press("U")
    expect(switch).to_be_checked()
    expect(page.get_by_text("1 bit: even odds")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Unsure: [\d.]+ mL .* in 6 readings"))).to_be_visible()
    until(page, lambda: violet(page) > 50)
    page.keyboard.press("U")
    until(page, lambda: violet(page) == 0)
    page.keyboard.press("U")
    until(page, lambda: violet(page) > 50)
    assert len([url for url in asked if url.endswith("/unsure/")]) == 1


def violet(page: Page) -> int:
    """How many points of the axial pane are between violet and pink, which nothing else is."""
    with Image.open(io.BytesIO(page.locator('[data-pane="axial"]').screenshot())) as picture:
        points = np.asarray(picture.convert("RGB"), dtype=np.int16)
    red, green, blue = points[..., 0], points[..., 1], points[..., 2]
    return int(((red - green > 40) & (blue - green > 40)).sum())


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Looks again while frames are drawn."""
    for _ in range(60):
        if holds():
            return
        page.wait_for_timeout(500)
    pytest.fail("it was not drawn")


def test_another_sequence_of_the_study_is_one_key_away_at_the_same_place(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    open_room(page, site, rooms["flair"])
    place = at_the_lesion(page)
    value = page.locator("[data-intensity]").inner_text()
    other = page.locator("button[data-volume]", has_text=re.compile("^T1"))
    key = other.locator("kbd").inner_text()
    page.keyboard.press(key)
    expect(other).to_have_attribute("aria-pressed", "true", timeout=DRAWN)
    expect(page.locator("[data-intensity]")).not_to_have_text(value)
    expect(page.locator("[data-world]")).to_have_text(place)


def test_a_picture_opens_in_the_same_viewer_without_made_up_sides(
    page: Page, site: str, rooms: dict[str, str]
) -> None:
    open_room(page, site, rooms["picture"])
    expect(page.locator('[data-pane="axial"] .pane-title')).to_contain_text("sides not stated")
    expect(page.locator('[data-pane="axial"] .side:visible')).to_have_count(0)
    expect(page.locator('[data-pane="coronal"]')).to_be_hidden()
    assert page.locator("[data-world]").inner_text() == "position not stated in the file"
    page.keyboard.press("3")
    expect(page.locator("button[data-volume]").nth(2)).to_have_attribute("aria-pressed", "true")


def test_the_keys_stand_in_a_sheet(page: Page, site: str, rooms: dict[str, str]) -> None:
    open_room(page, site, rooms["flair"])
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys of the reading room")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("Next lesion")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_a_browser_without_webgl_says_so_and_shows_the_slices(
    browser: Browser, site: str, rooms: dict[str, str]
) -> None:
    flags = [*FLAGS, "--disable-3d-apis"]
    other = browser.browser_type.launch(executable_path=find_chromium(), args=flags)
    page = other.new_page()
    sign_in(page, site, "viewer")
    page.goto(rooms["flair"])
    expect(page.get_by_text("This browser has no WebGL 2")).to_be_visible()
    page.wait_for_selector("[data-drawn]")
    page.locator("[data-no-webgl] canvas").focus()
    before = page.locator("[data-slice-label]").inner_text()
    page.keyboard.press("ArrowUp")
    assert page.locator("[data-slice-label]").inner_text() != before
    other.close()
