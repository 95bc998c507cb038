"""The report of a study: what it says, its pictures and its PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from clinic.models import AccessEvent, Clinic, Membership
from patients.models import Study
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation.files import preview_path
from segmentation.models import Segmentation
from segmentation.previews import AtlasLayout
from segmentation.report.collect import NO_SIZE, collect_report
from segmentation.report.pdf import render_pdf
from segmentation.report.pictures import SIDE, draw_key_slice, key_slices
from segmentation.selectors.lesion_names import LesionName
from segmentation.tests.factories import (
    LesionFactory,
    ScanFactory,
    SegmentationFactory,
    write_result_files,
)
from segmentation.tests.reading_factories import SIGNED

SignIn = Callable[[Membership], Client]
Make = Callable[..., Segmentation]
NASTY = '<b>O\'Neil</b> #eval("1") *x* $y$ \\ "quoted"'


@pytest.fixture
def result(clinic: Clinic) -> Make:
    """A result with its files, of a patient of the clinic."""

    def made(name: str = "Ada Sample", scan: dict[str, Any] | None = None, **of: Any) -> Any:
        study = StudyFactory(patient=PatientFactory(clinic=clinic, full_name=name))
        row = SegmentationFactory(
            scan=ScanFactory(study=study, **(scan or {})), succeeded=True, **of
        )
        write_result_files(row)
        return row

    return made


def draw_square(row: Segmentation, number: int, colour: int) -> None:
    """Marks a square on slice ``number`` (from 1) of the result's atlas of the mask."""
    layout = AtlasLayout(**row.preview)
    sheet = np.asarray(Image.open(preview_path(row, "mask"))).copy()
    top = (number - 1) // layout.columns * layout.tile_height
    left = (number - 1) % layout.columns * layout.tile_width
    sheet[top + 10 : top + 20, left + 10 : left + 20] = colour
    Image.fromarray(sheet, mode="L").save(preview_path(row, "mask"))


def test_it_shows_the_largest_slices_of_the_largest_lesions_in_order(result: Make) -> None:
    row = result()
    for number, (first, key, last) in enumerate([(8, 9, 12), (2, 3, 4), (8, 9, 9), (15, 16, 16)]):
        LesionFactory(
            segmentation=row, number=number + 1, first_slice=first, key_slice=key, last_slice=last
        )
    found = [(one.number, one.lesions) for one in key_slices(row)]
    assert found == [(3, (2,)), (9, (1, 3)), (16, (4,))]


def test_without_a_lesion_it_shows_the_middle_slice(result: Make) -> None:
    row = result(voxels=0, volume_ml=0.0)
    assert [one.number for one in key_slices(row)] == [(row.scan.slice_count + 1) // 2]


def test_a_picture_has_the_outline_in_the_lesion_s_colour_and_the_slice_s_shape(
    result: Make,
) -> None:
    row = result()
    LesionFactory(segmentation=row, number=1, first_slice=3, key_slice=3, last_slice=3)
    draw_square(row, 3, colour=1)
    picture = Image.open(io.BytesIO(draw_key_slice(row, 3, {})))
    layout = AtlasLayout(**row.preview)
    assert max(picture.size) == SIDE
    assert picture.width / picture.height == pytest.approx(
        layout.tile_width / layout.tile_height, rel=0.01
    )
    pixels = np.asarray(picture).astype(int)
    orange = (abs(pixels - np.array([0xE6, 0x9F, 0x00])).sum(axis=-1) < 120).sum()
    assert orange > 100
    other = np.asarray(Image.open(io.BytesIO(draw_key_slice(row, 4, {})))).astype(int)
    assert (abs(other - np.array([0xE6, 0x9F, 0x00])).sum(axis=-1) < 120).sum() == 0


def test_there_is_no_scale_bar_without_millimetres(result: Make) -> None:
    with_size = result()
    without = result(scan={"spacing_is_reliable": False})
    corner = (slice(-60, None), slice(-SIDE // 3, None))

    def light(row: Segmentation) -> int:
        pixels = np.asarray(Image.open(io.BytesIO(draw_key_slice(row, 1, {}))).convert("L"))
        return int((pixels[corner] > 200).sum())

    assert light(with_size) > 200 > light(without)


def test_a_draft_says_that_nobody_has_signed_it_and_a_signed_one_who_has(
    result: Make, viewer: Membership
) -> None:
    draft, signed = result(), result(**SIGNED)
    (part,) = collect_report(study=draft.study, by=viewer).scans
    assert (part.status, part.is_signed) == ("DRAFT: nobody has signed it", False)
    report = collect_report(study=signed.study, by=viewer)
    assert report.scans[0].status.startswith("Signed by Dr Sample, ")
    assert report.is_signed


def test_no_millimetre_is_said_where_the_voxel_size_is_not_reliable(
    result: Make, viewer: Membership
) -> None:
    row = result(scan={"spacing_is_reliable": False}, volume_ml=None)
    LesionFactory(segmentation=row, volume_ml=None, longest_diameter_mm=None,
                  perpendicular_diameter_mm=None)  # fmt: skip
    (part,) = collect_report(study=row.study, by=viewer).scans
    assert NO_SIZE in part.notes
    words = " ".join(value for _, value in (*part.totals, *part.facts))
    assert " mm" not in words and "mL" not in words
    assert (part.lesions[0].volume, part.lesions[0].diameters) == ("–", "–")


def test_it_says_where_a_lesion_lies_on_the_template_or_why_it_is_not_laid_on_it(
    result: Make, viewer: Membership, sign_in: SignIn
) -> None:
    row = result()
    LesionFactory(
        segmentation=row, side="left", place="left frontal 71 %, insula 22 %",
        regions=[{"name": "frontal", "side": "left", "share": 0.71}], eloquent={"motor": 0.2},
        crosses_midline=True, depth_mm=12.4, ventricle_mm=0.0,
    )  # fmt: skip
    LesionFactory(segmentation=row, number=2, without_atlas="the outlines do not agree")
    (part,) = collect_report(study=row.study, by=viewer).scans
    assert [lesion.place_details for lesion in part.lesions] == [
        "crosses the midline, 12 mm deep, touches a ventricle",
        "placed without the atlas: the outlines do not agree",
    ]
    assert dict(part.facts)["VASARI"].startswith("F1 tumour location: frontal; F2")
    page = sign_in(viewer).get(reverse("segmentation:report", args=[row.study_id]))
    text = page.content.decode()
    assert "crosses the midline, 12 mm deep" in text
    assert "placed without the atlas: the outlines do not agree" in text
    assert render_pdf(collect_report(study=row.study, by=viewer)).startswith(b"%PDF")


def test_an_older_result_has_its_side_and_region_and_nothing_else(
    result: Make, viewer: Membership
) -> None:
    row = result()
    LesionFactory(segmentation=row)
    (part,) = collect_report(study=row.study, by=viewer).scans
    (lesion,) = part.lesions
    assert (lesion.place, lesion.place_details) == ("left, anterior, inferior", "")
    assert "VASARI" not in dict(part.facts)


def test_a_scan_of_the_study_without_a_result_is_named(result: Make, viewer: Membership) -> None:
    row = result()
    ScanFactory(study=row.study, sequence="T2")
    ScanFactory(study=row.study, sequence="T1", archived_at=row.created_at)
    assert collect_report(study=row.study, by=viewer).missing == ("T2: no result yet.",)


def test_the_pdf_is_one_with_its_fonts_whatever_the_patient_is_called(
    result: Make, viewer: Membership
) -> None:
    row = result(name=NASTY)
    LesionFactory(segmentation=row)
    content = render_pdf(collect_report(study=row.study, by=viewer))
    assert content.startswith(b"%PDF-")
    assert b"DejaVuSans" in content
    assert re.search(rb"/FontFile[23]", content), "fonts are embedded"


def test_the_pdf_goes_without_a_picture_that_is_gone(result: Make, viewer: Membership) -> None:
    row = result()
    LesionFactory(segmentation=row)
    preview_path(row, "image").unlink()
    assert render_pdf(collect_report(study=row.study, by=viewer)).startswith(b"%PDF-")


def test_the_page_escapes_names_and_says_what_it_is(
    result: Make, viewer: Membership, sign_in: SignIn
) -> None:
    row = result(name=NASTY)
    LesionFactory(segmentation=row, place="left, anterior, superior")
    page = sign_in(viewer).get(reverse("segmentation:report", args=[row.study_id]))
    text = page.content.decode()
    assert "<b>O" not in text and "&lt;b&gt;O" in text
    assert "left, anterior, superior" in text
    assert "not for diagnosis" in text
    assert AccessEvent.objects.filter(action="report.read", patient_id=row.study.patient_id)


def test_the_pdf_is_sent_for_nobody_to_keep_and_its_name_names_no_patient(
    result: Make, viewer: Membership, sign_in: SignIn
) -> None:
    row = result()
    answer = sign_in(viewer).get(reverse("segmentation:report_pdf", args=[row.study_id]))
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Cache-Control"] == "private, no-store"
    assert "Sample" not in answer["Content-Disposition"]
    assert AccessEvent.objects.filter(action="report.download", patient_id=row.study.patient_id)


def test_a_lesion_has_the_same_name_and_colour_in_picture_and_table(
    result: Make, viewer: Membership
) -> None:
    row = result()
    LesionFactory(segmentation=row, number=1, first_slice=3, key_slice=3, last_slice=3)
    draw_square(row, 3, colour=1)
    names = {1: LesionName(name=2, label="2", is_new=True)}
    pixels = np.asarray(Image.open(io.BytesIO(draw_key_slice(row, 3, names)))).astype(int)
    assert (abs(pixels - np.array([0x56, 0xB4, 0xE9])).sum(axis=-1) < 120).sum() > 100
    (part,) = collect_report(study=row.study, by=viewer).scans
    assert (part.lesions[0].name, part.lesions[0].colour) == ("1", "#e69f00")


def test_figures_that_an_older_result_lacks_are_dashes(result: Make, viewer: Membership) -> None:
    row = result()
    LesionFactory(segmentation=row, number=1, product_mm2=2096.6, longest_3d_mm=55.14)
    LesionFactory(segmentation=row, number=2, product_mm2=None, longest_3d_mm=None)
    (part,) = collect_report(study=row.study, by=viewer).scans
    assert [(one.product, one.longest_3d) for one in part.lesions] == [
        ("2,097", "55.1"), ("–", "–"),
    ]  # fmt: skip


def test_the_course_says_what_the_rule_calls_the_change_and_that_nobody_confirmed_it(
    result: Make, viewer: Membership
) -> None:
    before = result(volume_ml=20.0)
    LesionFactory(segmentation=before, volume_ml=20.0)
    study = StudyFactory(
        patient=before.study.patient, performed_on=before.study.performed_on + timedelta(days=90)
    )
    after = SegmentationFactory(scan=ScanFactory(study=study), succeeded=True, volume_ml=30.0)
    write_result_files(after)
    LesionFactory(segmentation=after, volume_ml=30.0)
    course = collect_report(study=study, by=viewer).course
    assert course is not None
    words = dict(course.lines)["FLAIR, by volume"]
    assert words.startswith("Progression. The volume is 50 % above the smallest")
    assert "+50 % (20.0 to 30.0 mL)" in words
    assert "It rests on masks that nobody has signed." in words
    assert words.endswith("Nobody has confirmed it.")
    assert "RANO" in course.source
    assert course.chart.startswith("<svg") and ">mL</text>" in course.chart
    assert render_pdf(collect_report(study=study, by=viewer)).startswith(b"%PDF-")


def test_what_the_clinician_recorded_of_the_day_is_in_it(result: Make, viewer: Membership) -> None:
    row = result()
    Study.objects.filter(pk=row.study_id).update(
        steroid_mg=4, karnofsky=90, clinical_change="stable"
    )
    study = Study.objects.get(pk=row.study_id)
    facts = dict(collect_report(study=study, by=viewer).examination)
    assert facts["Steroids"] == "4 mg dexamethasone a day"
    assert facts["Karnofsky"] == "90 %"
    assert set(facts) == {"Steroids", "Karnofsky", "Clinically"}


def test_the_report_says_how_far_a_models_volume_may_be_from_a_readers(
    result: Make, viewer: Membership
) -> None:
    known = {"level": 0.8, "low_ml": 12.04, "high_ml": 33.0, "patients": 24}
    row = result(volume_ml=20.0, volume_interval=known)
    (part,) = collect_report(study=row.study, by=viewer).scans
    assert ("Reader's volume", "12.0–33.0 mL (80 %)") in part.totals
