"""The fit to the template belongs to the scan: found once by the worker, used by all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from clinic.models import Membership
from ml.atlas import FitQuality, TemplateFit
from ml.models import Model
from patients.models import Scan
from segmentation import pipeline
from segmentation.models import Segmentation
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.saving import save_edit
from segmentation.tasks import run_segmentation
from segmentation.templatetags.results import place_details
from segmentation.tests.factories import AFFINE, LesionFactory, ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import EditFactory

pytestmark = pytest.mark.django_db

# Takes the blob of the tests' heads, on their left, to the template's left frontal lobe.
BLOB_MM = (AFFINE @ [12, 30, 8, 1])[:3]
MOVED = (
    (1.0, 0.0, 0.0, float(-36 - BLOB_MM[0])),
    (0.0, 1.0, 0.0, float(26 - BLOB_MM[1])),
    (0.0, 0.0, 1.0, float(28 - BLOB_MM[2])),
    (0.0, 0.0, 0.0, 1.0),
)
QUALITY = FitQuality(0.2, 2.0, 0.95, 0.95, 0.85, 0.95, 5.0)
FIT = TemplateFit(MOVED, trusted=True, quality=QUALITY)


def worked(scan: Scan) -> Segmentation:
    row = SegmentationFactory(scan=scan)
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    return row


def test_the_worker_keeps_the_fit_with_the_scan_and_names_the_regions(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "fit_scan", lambda *_, **__: FIT)
    row = worked(ScanFactory())
    row.scan.refresh_from_db()
    assert TemplateFit.from_dict(row.scan.template_fit) == FIT
    lesion = row.lesions.get()
    assert lesion.side == "left"
    assert lesion.regions[0]["share"] == max(part["share"] for part in lesion.regions)
    assert lesion.place.startswith("left frontal")
    assert lesion.depth_mm is not None and lesion.ventricle_mm is not None
    assert lesion.without_atlas == ""


def test_a_scan_that_was_fitted_is_not_fitted_again(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> TemplateFit:
        raise AssertionError("fitted again")

    monkeypatch.setattr(pipeline, "fit_scan", never)
    assert worked(ScanFactory(template_fit=FIT.as_dict())).lesions.get().regions


def test_a_fit_that_is_not_trusted_is_kept_with_its_reason_and_the_place_falls_back(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubtful = replace(FIT, trusted=False, reason="the outlines of the brain do not agree")
    monkeypatch.setattr(pipeline, "fit_scan", lambda *_, **__: doubtful)
    lesion = worked(ScanFactory()).lesions.get()
    assert lesion.place.startswith("left, ")
    assert (lesion.regions, lesion.depth_mm, lesion.crosses_midline) == (None, None, None)
    assert place_details(lesion) == (
        "placed without the atlas: the outlines of the brain do not agree"
    )


@pytest.mark.parametrize("fitted", [True, False])
def test_a_drawing_is_placed_through_the_stored_fit_and_waits_for_none(
    fitted: bool, clinician: Membership
) -> None:
    scan = ScanFactory(
        study__patient__clinic=clinician.clinic, template_fit=FIT.as_dict() if fitted else None
    )
    edit = EditFactory(scan=scan, author=clinician)
    lesion = save_edit(scan=scan, by=clinician, revision=edit.revision).lesions.get()
    assert (lesion.regions is not None) is fitted
    assert ("no worker has laid" in lesion.without_atlas) is not fitted


def test_a_fit_is_forgotten_when_the_spacing_is_corrected_and_kept_otherwise(
    clinician: Membership, model: Model
) -> None:
    scan = ScanFactory(study__patient__clinic=clinician.clinic, template_fit=FIT.as_dict())
    row = SegmentationFactory(scan=scan, succeeded=True)
    LesionFactory(segmentation=row, depth_mm=3.0, ventricle_mm=4.0)
    correct_scan(
        scan=scan, by=clinician, facts=replace(facts_of(scan), sequence="T1"), reason="Wrong."
    )
    assert scan.template_fit is not None
    unreliable = replace(facts_of(scan), spacing_is_reliable=False)
    correct_scan(scan=scan, by=clinician, facts=unreliable, reason="Not physical.")
    scan.refresh_from_db()
    assert scan.template_fit is None
    lesion = row.lesions.get()
    assert (lesion.depth_mm, lesion.ventricle_mm) == (None, None)


def test_scan_page_and_reading_room_say_where_a_lesion_lies(
    viewer: Membership, sign_in: Callable[[Membership], Client]
) -> None:
    scan = ScanFactory(study__patient__clinic=viewer.clinic)
    row = SegmentationFactory(scan=scan, succeeded=True)
    LesionFactory(
        segmentation=row, place="left frontal", crosses_midline=False, depth_mm=4.0,
        ventricle_mm=7.0, regions=[{"name": "frontal", "side": "left", "share": 1.0}], eloquent={},
    )  # fmt: skip
    browser = sign_in(viewer)
    page = browser.get(reverse("segmentation:scan", args=[scan.pk])).content.decode()
    assert "4 mm deep, 7 mm from a ventricle" in page
    assert "F1 tumour location: frontal; F2 side of the tumour: left" in page
    manifest = browser.get(reverse("api:reading", args=[scan.pk])).json()
    assert manifest["result"]["lesions"][0]["place_details"] == "4 mm deep, 7 mm from a ventricle"


def test_a_result_from_before_the_template_shows_its_side_and_region(
    viewer: Membership, sign_in: Callable[[Membership], Client]
) -> None:
    scan = ScanFactory(study__patient__clinic=viewer.clinic)
    LesionFactory(segmentation=SegmentationFactory(scan=scan, succeeded=True))
    page = sign_in(viewer).get(reverse("segmentation:scan", args=[scan.pk])).content.decode()
    assert "<td>left, anterior, inferior</td>" in page
    assert "VASARI" not in page
    assert "without the atlas" not in page


def test_details_are_said_in_words() -> None:
    lesion = LesionFactory.build(crosses_midline=True, depth_mm=0.0, ventricle_mm=6.4)
    assert place_details(lesion) == (
        "crosses the midline, reaches the surface, 6 mm from a ventricle"
    )
    assert place_details(LesionFactory.build()) == ""


def test_the_matrix_survives_the_database() -> None:
    scan = ScanFactory(template_fit=FIT.as_dict())
    scan.refresh_from_db()
    kept = TemplateFit.from_dict(scan.template_fit)
    assert np.array_equal(kept.to_template, np.array(MOVED))
