"""The type of tumour on a T1ce picture: worked out beside the mask, and said with its limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from PIL import Image

from clinic.models import Clinic, Membership
from patients.models import Scan, Sequence
from segmentation import naming
from segmentation.files import preview_path
from segmentation.models import Segmentation, State
from segmentation.selectors.tumour_type import show_type
from segmentation.services.edits import keep_edit
from segmentation.services.saving import save_edit
from segmentation.tasks import run_segmentation
from segmentation.tests.factories import SegmentationFactory, write_result_files
from segmentation.tests.reading_factories import packed
from segmentation.tests.type_factories import (
    ABOUT,
    draw_t1ce,
    install,
    page,
    picture,
    t1ce_bytes,
    type_model,
    typed_result,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Client]


def worked(scan: Scan) -> Segmentation:
    row: Segmentation = SegmentationFactory(scan=scan)
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    return row


def test_one_picture_gets_mask_share_of_the_brain_and_type_together(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, type_model("glioma", sure=4.0))
    row = worked(picture(clinic))
    assert (row.state, row.reason) == (State.SUCCEEDED, "")
    assert row.voxels and 0 < row.key_area_percent < 100
    found = row.tumour_type
    assert found["probabilities"]["glioma"] == pytest.approx(0.948, abs=0.001)
    assert sum(found["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
    assert (found["verdict"], found["certain_from"], found["evidence_of"]) == (
        "glioma", 0.8, "glioma",
    )  # fmt: skip
    assert (found["model"], found["version"], found["sha256"]) == ("types", "3", "f" * 64)
    assert {name: found[name] for name in ABOUT} == ABOUT


@pytest.mark.parametrize("size", [(96, 96), (90, 120), (700, 500)])
def test_the_evidence_lies_over_the_slice_pixel_by_pixel(
    size: tuple[int, int], clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, type_model())
    row = worked(picture(clinic, content=t1ce_bytes(size=size), shape=list(size)))
    with Image.open(preview_path(row, "evidence")) as evidence:
        painted = np.asarray(evidence.convert("RGBA"))
    with Image.open(preview_path(row, "image")) as slices:
        grey = np.asarray(slices.convert("L"))
    alpha = painted[..., 3]
    assert alpha.shape == grey.shape
    assert alpha[grey > 230].mean() > 200
    assert alpha[grey < 5].max() < 60
    most = painted[alpha == 255][0, :3].astype(int)
    assert np.abs(most - (253, 231, 37)).max() <= 2


def test_an_uncertain_answer_has_the_evidence_of_the_likeliest(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, type_model("pituitary", sure=1.0))
    found = worked(picture(clinic)).tumour_type
    assert (found["verdict"], found["evidence_of"]) == ("uncertain", "pituitary")


def test_where_nothing_speaks_for_it_there_is_no_picture_of_evidence(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, type_model(evidence=-1.0))
    row = worked(picture(clinic))
    assert row.tumour_type["evidence_of"] == ""
    assert not preview_path(row, "evidence").exists()


def test_an_empty_mask_still_has_a_type(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, type_model())
    row = worked(picture(clinic, content=t1ce_bytes(tumour=False)))
    assert row.found_nothing
    assert row.tumour_type["verdict"] == "glioma"


@pytest.mark.parametrize(
    "fault", [FileNotFoundError("no card"), ValueError("not its weights"), RuntimeError("torch")]
)
def test_a_damaged_model_for_types_costs_no_mask(
    fault: Exception,
    clinic: Clinic,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, fault)
    row = worked(picture(clinic))
    assert row.state == State.SUCCEEDED and row.voxels
    assert row.tumour_type["without"] == naming.BROKEN
    assert row.tumour_type["probabilities"] is None
    assert str(row.scan_id) in caplog.text


def test_the_time_limit_ends_the_run_while_a_type_is_worked_out_too(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, SoftTimeLimitExceeded())
    assert worked(picture(clinic)).state == State.FAILED


def test_without_a_model_for_types_all_is_as_before(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, sign_in: SignIn, viewer: Membership
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, None)
    row = worked(picture(clinic))
    assert row.state == State.SUCCEEDED and row.tumour_type is None
    assert "Tumour type" not in page(sign_in(viewer), row)


@pytest.mark.parametrize("of", [{"kind": "volume"}, {"sequence": Sequence.T1}])
def test_only_contrast_enhanced_t1_pictures_are_named(
    of: dict[str, Any], clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, type_model())
    scan = picture(clinic, **of)
    assert naming.name_type(scan, None) == ()  # type: ignore[arg-type]
    assert show_type(scan, SegmentationFactory(scan=scan, succeeded=True)) is None


# A person's version


def draw_over(row: Segmentation, by: Membership) -> Segmentation:
    labels = np.zeros(tuple(row.scan.shape), dtype=np.uint8)
    labels[40:50, 40:50] = 1
    keep_edit(scan=row.scan, by=by, base=row, revision=0, content=packed(labels))
    return save_edit(scan=row.scan, by=by, revision=1)


def test_a_persons_version_keeps_the_pictures_type_and_says_where_it_is_from(
    clinic: Clinic, clinician: Membership, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_t1ce(monkeypatch)
    install(monkeypatch, type_model())
    row = worked(picture(clinic))
    drawn = draw_over(row, clinician)
    again = draw_over(drawn, clinician)
    for version in (drawn, again):
        version.refresh_from_db()
        assert version.tumour_type == {**row.tumour_type, "of_version": 1}
        same = preview_path(version, "evidence").read_bytes()
        assert same == preview_path(row, "evidence").read_bytes()
    assert "worked out with version 1" in page(sign_in(clinician), again)


def test_a_scan_that_is_no_contrast_enhanced_picture_any_more_loses_its_type(
    clinic: Clinic, clinician: Membership
) -> None:
    row = typed_result(picture(clinic))
    write_result_files(row)
    row.scan.sequence = Sequence.FLAIR
    row.scan.save()
    assert draw_over(row, clinician).tumour_type is None
