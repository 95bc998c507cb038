"""Correcting as a clinician does it: what is drawn in the browser is what the file holds."""

from __future__ import annotations

import gzip
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sending import csrf_of

from conftest import sign_in
from ml.tests import factories as heads

SPACING_MM = (2.0, 2.0, 5.0)
NUMBERS = itertools.count(1)
# No model reads this sequence, so nothing is segmented and the drawing starts from nothing.
UNREAD = "T2"


@dataclass(frozen=True)
class Room:
    """One person's reading room of one scan."""

    page: Page
    site: str
    scan: str

    def open(self, query: str = "") -> Room:
        self.page.goto(f"{self.site}/scans/{self.scan}/read/{query}")
        self.page.wait_for_selector("[data-ready]")
        return self

    def start(self) -> Room:
        self.page.keyboard.press("e")
        self.page.wait_for_selector("[data-editing]")
        return self

    def smallest_brush(self) -> None:
        for _ in range(14):
            self.page.keyboard.press("[")
        expect(self.page.locator("[data-edit-size]")).to_have_text(
            ("1 voxel", "1 pixel")[self.flat]
        )

    @property
    def flat(self) -> bool:
        return self.page.locator("[data-voxel]").inner_text().count(",") == 1

    def place(self, across: float, down: float) -> tuple[float, float]:
        """A point of the first pane, in shares of it."""
        box = self.page.locator("[data-canvas]").bounding_box()
        assert box is not None
        share = 1.0 if self.flat else 0.5
        return box["x"] + box["width"] * share * across, box["y"] + box["height"] * share * down

    def voxel_at(self, point: tuple[float, float]) -> tuple[int, ...]:
        """The voxel that the crosshair shows after a click there, and its value on the screen."""
        self.page.keyboard.press("c")
        before = self.page.locator("[data-voxel]").inner_text()
        self.page.mouse.click(*point)
        expect(self.page.locator("[data-voxel]")).not_to_have_text(before)
        shown = self.page.locator("[data-voxel]").inner_text()
        return tuple(int(n) for n in shown.split(","))

    def paint(self, *points: tuple[float, float], key: str = "b") -> None:
        self.page.keyboard.press(key)
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point)
        self.page.mouse.up()

    @property
    def total(self) -> str:
        return self.page.locator("[data-edit-total]").inner_text()

    def kept(self) -> None:
        expect(self.page.locator("[data-edit-keeping]")).to_have_attribute("data-kind", "kept")

    def save(self) -> str:
        """Saves and gives the id of the version that is shown then."""
        self.page.locator("[data-edit-save]").click()
        self.page.wait_for_url("**/read/?version=*")
        self.page.wait_for_selector("[data-ready]")
        return self.page.url.split("version=")[1]

    def get(self, path: str) -> bytes:
        answer = self.page.request.get(f"{self.site}/api/v1/{path}")
        assert answer.status == 200
        return answer.body()

    def mask(self, version: str) -> Any:
        content = self.get(f"segmentations/{version}/mask/")
        if content[:2] != b"\x1f\x8b":
            return np.asarray(Image.open(io.BytesIO(content)))
        return nib.nifti1.Nifti1Image.from_bytes(gzip.decompress(content))


def new_scan(page: Page, site: str, content: bytes, name: str, sequence: str = UNREAD) -> str:
    """A scan of a patient of its own, by the API of the pages."""
    page.goto(f"{site}/patients/")
    headers = {"X-CSRFToken": csrf_of(page), "Referer": f"{site}/"}
    number = f"EDIT-{next(NUMBERS)}"
    patient = {"record_number": number, "full_name": "Test Edit", "birth_date": "1970-01-01"}
    made = page.request.post(
        f"{site}/api/v1/patients/", headers=headers, data={**patient, "sex": "F"}
    )
    assert made.status == 201, made.text()
    sent = page.request.post(
        f"{site}/api/v1/patients/{made.json()['id']}/scans/",
        headers=headers,
        multipart={
            "file": {"name": name, "mimeType": "application/octet-stream", "buffer": content},
            "sequence": sequence,
            "acquired_on": "2026-02-01",
        },
    )
    assert sent.status == 201, sent.text()
    return str(sent.json()["id"])


def head_in(codes: str, *, is_oblique: bool = False) -> bytes:
    volume = heads.head_with_blob(seed=next(NUMBERS))[0]
    affine = heads.ras_affine(SPACING_MM, volume.shape)
    turned, affine = heads.reorient(volume, affine, codes)
    return gzip.compress(heads.nifti_bytes(turned, heads.tilt(affine) if is_oblique else affine))


@pytest.mark.parametrize(
    ("codes", "is_oblique"), [("RAS", False), ("LAS", False), ("LPI", True), ("SRP", True)]
)
def test_the_one_voxel_that_was_drawn_is_the_one_voxel_in_the_file(
    codes: str, is_oblique: bool, clinician: Page, site: str
) -> None:
    content = head_in(codes, is_oblique=is_oblique)
    room = Room(clinician, site, new_scan(clinician, site, content, "head.nii.gz")).open()
    point = room.place(0.58, 0.4)
    voxel = room.voxel_at(point)
    shown = float(clinician.locator("[data-intensity]").inner_text())
    room.start().smallest_brush()
    room.paint(point)
    room.kept()

    mask = room.mask(room.save())

    scan = nib.nifti1.Nifti1Image.from_bytes(gzip.decompress(content))
    assert shown == pytest.approx(float(np.asarray(scan.dataobj)[voxel]), rel=1e-3)
    assert mask.shape == scan.shape
    assert mask.affine.tobytes() == scan.affine.tobytes()
    assert np.argwhere(np.asarray(mask.dataobj)).tolist() == [list(voxel)]


@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_voxels_are_drawn_by_keys_alone(convention: str, clinician: Page, site: str) -> None:
    content = head_in("LPI")
    room = Room(clinician, site, new_scan(clinician, site, content, "head.nii.gz")).open()
    keyboard = clinician.keyboard
    if convention == "neurological":
        keyboard.press("v")
    first = room.voxel_at(room.place(0.58, 0.4))
    room.start().smallest_brush()
    for key in ("b", ".", "Shift+ArrowRight", "Shift+ArrowUp", "."):
        keyboard.press(key)
    room.kept()

    mask = room.mask(room.save())

    # LPI: the first index runs to the patient's left, which is on the screen's right by default.
    right = 1 if convention == "radiological" else -1
    second = (first[0] + right, first[1] - 1, first[2])
    assert {tuple(v) for v in np.argwhere(np.asarray(mask.dataobj)).tolist()} == {first, second}


def test_the_one_pixel_that_was_drawn_is_the_one_pixel_in_the_picture(
    clinician: Page, site: str
) -> None:
    pixels = heads.grey_slice(96)[10:90]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    room = Room(clinician, site, new_scan(clinician, site, stream.getvalue(), "t2.png")).open()
    point = room.place(0.44, 0.61)
    column, row = room.voxel_at(point)
    assert float(clinician.locator("[data-intensity]").inner_text()) == pixels[row, column]
    room.start().smallest_brush()
    room.paint(point)
    expect(clinician.locator("[data-edit-total]")).to_have_text("1 pixels")

    mask = room.mask(room.save())

    assert mask.shape == pixels.shape
    assert np.argwhere(mask).tolist() == [[row, column]]


@pytest.fixture
def demo(clinician: Page, site: str) -> Room:
    """A demo scan on which the model found something."""
    for _ in range(240):
        answer = clinician.request.get(f"{site}/api/v1/segmentations/?state=succeeded").json()
        found = [row for row in answer["results"] if row["volume_ml"] and row["is_current"]]
        if found:
            return Room(clinician, site, found[0]["scan"])
        clinician.wait_for_timeout(1000)
    pytest.fail("no demo scan was segmented")


def test_a_models_mask_is_corrected_undone_reloaded_and_saved(demo: Room) -> None:
    room, page = demo.open(), demo.page
    before = room.mask(current_version(room))
    room.start()
    untouched = room.total
    left, right = room.place(0.42, 0.62), room.place(0.47, 0.66)
    room.paint(left, right)
    expect(page.locator("[data-edit-undo]")).to_be_enabled()
    drawn = room.total
    assert drawn != untouched
    page.keyboard.press("Control+z")
    expect(page.locator("[data-edit-total]")).to_have_text(untouched)
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("[data-edit-total]")).to_have_text(drawn)
    room.kept()

    room.open().start()
    expect(page.locator("[data-edit-question]")).to_contain_text("Your unsaved drawing of")
    expect(page.locator("[data-edit-total]")).to_have_text(drawn)
    page.get_by_role("button", name="Go on with it").click()
    page.get_by_label("Remark").fill("A rim was missed.")
    version = room.save()

    after = room.mask(version)
    was, now = (np.asarray(mask.dataobj) > 0 for mask in (before, after))
    assert (after.shape, after.affine.tobytes()) == (before.shape, before.affine.tobytes())
    added = now & ~was
    assert added.sum() > 10
    assert not (was & ~now).any()
    dice = 2 * (was & now).sum() / (was.sum() + now.sum())
    assert dice == pytest.approx(2 * was.sum() / (2 * was.sum() + added.sum()))
    ml = float(drawn.split()[0])
    assert now.sum() * abs(np.linalg.det(after.affine[:3, :3])) / 1000 == pytest.approx(
        ml, abs=0.006
    )
    expect(page.locator(".room-versions")).to_contain_text("2")
    page.keyboard.press("e")
    page.wait_for_selector("[data-editing]")
    expect(page.locator("[data-edit-question]")).to_be_hidden()


def current_version(room: Room) -> str:
    rows = room.page.request.get(f"{room.site}/api/v1/segmentations/?scan={room.scan}").json()
    return str(next(row["id"] for row in rows["results"] if row["is_current"]))


def test_lesions_are_filled_split_and_deleted(clinician: Page, site: str) -> None:
    content = head_in("LAS")
    room = Room(clinician, site, new_scan(clinician, site, content, "head.nii.gz")).open().start()
    page = clinician
    middle = room.place(0.5, 0.45)
    room.paint(middle)
    expect(page.locator("[data-edit-total]")).not_to_have_text("0.00 mL")
    one_slice = float(room.total.split()[0])
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    room.paint(middle)
    page.keyboard.press("g")
    expect(page.locator("[data-edit-total]")).to_have_text(f"{5 * one_slice:.2f} mL")

    room.paint(middle, key="s")
    rows = page.locator(".edit-lesion")
    expect(rows).to_have_count(2)
    expect(page.locator("[data-edit-total]")).to_have_text(f"{5 * one_slice:.2f} mL")
    room.paint(middle, key="k")
    expect(page.locator("[data-edit-total]")).to_have_text(f"{4 * one_slice:.2f} mL")
    page.keyboard.press("Control+z")
    expect(page.locator("[data-edit-total]")).to_have_text(f"{5 * one_slice:.2f} mL")

    version = room.save()
    lesions = page.request.get(f"{site}/api/v1/segmentations/{version}/").json()["lesions"]
    assert [lesion["slices"] for lesion in lesions] == [4, 1]


def test_a_bounded_brush_leaves_the_air_alone(clinician: Page, site: str) -> None:
    content = head_in("RAS")
    room = Room(clinician, site, new_scan(clinician, site, content, "head.nii.gz")).open().start()
    page = clinician
    for _ in range(9):
        page.keyboard.press("]")
    page.get_by_label("From this intensity").fill("50")
    page.get_by_label("Up to this intensity").fill("1000")
    page.get_by_label("Up to this intensity").press("Tab")
    expect(page.get_by_label("Only values")).to_be_checked()
    room.paint(room.place(0.3, 0.3), room.place(0.4, 0.4))
    version = room.save()
    scan = nib.nifti1.Nifti1Image.from_bytes(gzip.decompress(content))
    inside = np.asarray(scan.dataobj)[np.asarray(room.mask(version).dataobj) > 0]
    assert inside.size > 50
    assert inside.min() >= 50


@pytest.fixture
def colleague(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.set_default_timeout(30_000)
    sign_in(page, site, "admin")
    yield page
    context.close()


def test_two_people_at_once_hear_of_each_other_and_lose_nothing(
    clinician: Page, colleague: Page, site: str
) -> None:
    scan = new_scan(clinician, site, head_in("LAS"), "head.nii.gz")
    mine = Room(clinician, site, scan).open().start()
    mine.paint(mine.place(0.5, 0.4))
    mine.kept()

    theirs = Room(colleague, site, scan).open()
    expect(colleague.locator("[data-edit-others]")).to_contain_text("is drawing on this scan too")
    theirs.start()
    theirs.paint(theirs.place(0.4, 0.6))
    first = theirs.save()

    clinician.locator("[data-edit-save]").click()
    question = clinician.locator("[data-edit-question]")
    expect(question).to_contain_text("there is now version 1 by")
    expect(clinician.locator("[data-edit-save]")).to_have_text("Save as version 2")
    clinician.get_by_role("button", name="Save mine all the same").click()
    clinician.wait_for_url("**/read/?version=*")
    clinician.wait_for_selector("[data-ready]")
    second = clinician.url.split("version=")[1]
    one, other = (np.asarray(mine.mask(version).dataobj) > 0 for version in (first, second))
    assert one.any() and other.any() and not (one & other).any()


def test_two_windows_of_one_person_do_not_undo_each_other(clinician: Page, site: str) -> None:
    scan = new_scan(clinician, site, head_in("RAS"), "head.nii.gz")
    one = Room(clinician, site, scan).open().start()
    second = clinician.context.new_page()
    other = Room(second, site, scan).open().start()
    one.paint(one.place(0.5, 0.4))
    one.kept()
    kept = one.total
    other.paint(other.place(0.4, 0.6), other.place(0.6, 0.6))
    question = second.locator("[data-edit-question]")
    expect(question).to_contain_text("changed in another window")
    second.get_by_role("button", name="Load the kept one").click()
    expect(second.locator("[data-edit-total]")).to_have_text(kept)
    second.close()


def test_what_cannot_be_kept_is_said_and_kept_later(clinician: Page, site: str) -> None:
    scan = new_scan(clinician, site, head_in("RAS"), "head.nii.gz")
    room = Room(clinician, site, scan).open().start()
    clinician.route("**/edit/?*", lambda route: route.fulfill(status=409, json={"detail": "Busy."}))
    room.paint(room.place(0.5, 0.4))
    expect(clinician.locator("[data-edit-keeping]")).to_contain_text(
        "Not kept, trying again: Busy."
    )
    clinician.unroute("**/edit/?*")
    room.kept()


def test_who_may_only_look_finds_nothing_to_draw_with(page: Page, site: str) -> None:
    sign_in(page, site, "viewer")
    for _ in range(240):
        rows = page.request.get(f"{site}/api/v1/segmentations/?state=succeeded").json()["results"]
        if rows:
            break
        page.wait_for_timeout(1000)
    Room(page, site, rows[0]["scan"]).open()
    page.keyboard.press("e")
    expect(page.locator("[data-edit]")).to_have_count(0)
    expect(page.locator("[data-tool-group=Correct] .tool")).to_have_count(0)
