"""A drawing becomes a version: on the scan's own grid, measured as a model's, beside the others."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from clinic.models import AccessEvent, Clinic, Membership, Role
from clinic.tests.factories import MembershipFactory
from ml.models import Model
from ml.tests import factories as heads
from patients.models import PictureConvention, Scan
from patients.services.studies import archive_scan
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation.models import Edit, ReviewState, Segmentation, State
from segmentation.services import results
from segmentation.services.edits import keep_edit
from segmentation.services.saving import save_edit
from segmentation.tasks import run_segmentation
from segmentation.tests.api_helpers import client_of
from segmentation.tests.factories import (
    AFFINE,
    SHAPE,
    ScanFactory,
    SegmentationFactory,
    files_below,
    picture_bytes,
)
from segmentation.tests.reading_factories import SIGNED, packed

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan(clinic: Clinic) -> Scan:
    return scan_of(clinic)


@pytest.fixture
def colleague(clinic: Clinic) -> Membership:
    return MembershipFactory(clinic=clinic, role=Role.CLINICIAN, user__username="colleague")


def scan_of(clinic: Clinic, **values: Any) -> Scan:
    return ScanFactory(study=StudyFactory(patient=PatientFactory(clinic=clinic)), **values)


def save(member: Membership, scan: Scan, revision: int = 1, **values: Any) -> Any:
    return client_of(member).post(
        f"/api/v1/scans/{scan.pk}/edit/save/", {"revision": revision, **values}, format="json"
    )


def draw(
    member: Membership,
    scan: Scan,
    labels: np.ndarray | None = None,
    base: Segmentation | None = None,
) -> np.ndarray:
    """Keeps ``labels`` (by default two touching boxes), on the file's grid."""
    if labels is None:
        labels = np.zeros(tuple(scan.shape), dtype=np.uint8)
        labels[10:14, 20:26, 5:8] = 1
        labels[14:16, 20:26, 5:8] = 2
    content = packed(labels)
    keep_edit(scan=scan, by=member, base=base, revision=0, content=content)
    return labels


def zipped(raw: bytes) -> bytes:
    return gzip.compress(raw, compresslevel=1, mtime=0)


def mask_of(row: Segmentation) -> Any:
    return nib.load(row.mask.path)


@pytest.mark.parametrize("codes", ["RAS", "LAS", "PIR"])
@pytest.mark.parametrize("is_oblique", [False, True])
def test_the_saved_mask_is_the_drawing_on_exactly_the_scans_grid(
    codes: str, is_oblique: bool, clinic: Clinic, clinician: Membership
) -> None:
    volume, affine = heads.reorient(heads.head_with_blob()[0], AFFINE, codes)
    affine = heads.tilt(affine) if is_oblique else affine
    scan = scan_of(
        clinic, content=zipped(heads.nifti_bytes(volume, affine)), shape=list(volume.shape)
    )
    labels = np.zeros(volume.shape, dtype=np.uint8)
    labels[3, 4, 5] = 1
    labels[volume.shape[0] - 1, 0, 2] = 9
    draw(clinician, scan, labels)

    saved = save_edit(scan=scan, by=clinician, revision=1)

    mask, original = mask_of(saved), nib.load(scan.file.path)
    assert mask.shape == original.shape
    assert mask.affine.tobytes() == original.affine.tobytes()
    assert np.argwhere(np.asarray(mask.dataobj)).tolist() == np.argwhere(labels).tolist()
    assert set(np.unique(mask.dataobj)) == {0, 1}


def test_a_pictures_columns_are_its_first_axis(clinic: Clinic, clinician: Membership) -> None:
    scan = scan_of(
        clinic,
        content=picture_bytes("PNG"),
        kind="picture",
        file_format="PNG",
        shape=[96, 96],
        spacing_mm=None,
        affine=None,
        orientation="",
        slice_count=1,
        convention=PictureConvention.RADIOLOGICAL,
    )
    seen = np.zeros((96, 96, 1), dtype=np.uint8)  # what the viewer draws on: (W, H, 1)
    seen[70:74, 30, 0] = 1
    keep_edit(scan=scan, by=clinician, base=None, revision=0, content=packed(seen))

    saved = save_edit(scan=scan, by=clinician, revision=1)

    mask = np.asarray(Image.open(saved.mask.path))
    assert np.argwhere(mask).tolist() == [[30, 70], [30, 71], [30, 72], [30, 73]]
    assert (saved.voxels, saved.volume_ml) == (4, None)
    assert saved.lesions.get().side == "left"


def test_the_version_says_who_made_it_from_what(
    clinician: Membership, scan: Scan, model: Model
) -> None:
    base = SegmentationFactory(scan=scan)
    run_segmentation(str(base.pk))
    base.refresh_from_db()
    draw(clinician, scan, base=base)

    answer = save(clinician, scan, remark=" The rim was missed. ")

    assert answer.status_code == 201
    saved = Segmentation.objects.get(pk=answer.json()["id"])
    assert (saved.state, saved.version, saved.parent, saved.is_current) == (
        State.SUCCEEDED,
        2,
        base,
        True,
    )
    assert (saved.author, saved.author_name) == (clinician, clinician.display_name)
    assert (saved.remark, saved.review, saved.model_name) == (
        "The rim was missed.",
        ReviewState.DRAFT,
        "",
    )
    assert saved.study == scan.study
    assert list(saved.inputs.all()) == [scan]
    base.refresh_from_db()
    assert (base.version, base.is_current) == (1, False)
    assert Path(base.mask.path).exists()
    line = AccessEvent.objects.get(action="edit.save")
    assert (line.member, line.detail) == (clinician, "version 2 from version 1")


def test_what_a_person_saves_is_measured_as_what_a_model_saves(
    clinician: Membership, scan: Scan, model: Model
) -> None:
    base = SegmentationFactory(scan=scan)
    run_segmentation(str(base.pk))
    base.refresh_from_db()
    scan.refresh_from_db()
    draw(clinician, scan, np.asarray(mask_of(base).dataobj).astype(np.uint8) * 5, base)

    saved = save_edit(scan=scan, by=clinician, revision=1)

    for name in ("voxels", "volume_ml", "tumour_slices", "key_slice", "key_area_percent"):
        assert getattr(saved, name) == getattr(base, name)
    assert saved.preview == base.preview
    assert saved.mean_probability is None
    hidden = {"id", "segmentation_id", "mean_probability"}
    for mine, its in zip(saved.lesions.values(), base.lesions.values(), strict=True):
        assert {k: mine[k] for k in mine if k not in hidden} == {
            k: its[k] for k in its if k not in hidden
        }
    folder = Path(saved.mask.path).parent
    # Where a model was unsure is no person's.
    of_the_model = [f for f in files_below(Path(base.mask.path).parent) if "unsure" not in f]
    assert files_below(folder) == of_the_model


def test_touching_lesions_of_two_values_stay_two(clinician: Membership, scan: Scan) -> None:
    draw(clinician, scan)
    saved = save_edit(scan=scan, by=clinician, revision=1)
    assert [lesion.voxels for lesion in saved.lesions.all()] == [72, 36]
    assert {lesion.mean_probability for lesion in saved.lesions.all()} == {None}


def test_an_empty_mask_says_that_there_is_no_tumour(clinician: Membership, scan: Scan) -> None:
    draw(clinician, scan, np.zeros(SHAPE, np.uint8))
    saved = save_edit(scan=scan, by=clinician, revision=1)
    assert saved.found_nothing
    assert saved.is_current
    assert not np.asarray(mask_of(saved).dataobj).any()


@pytest.mark.django_db(transaction=True)
def test_after_saving_the_drawing_and_its_files_are_gone(
    clinician: Membership, colleague: Membership, scan: Scan, media: Path
) -> None:
    draw(clinician, scan)
    draw(colleague, scan)
    save_edit(scan=scan, by=clinician, revision=1)
    assert [edit.author for edit in Edit.objects.all()] == [colleague]
    assert len(files_below(media / "edits")) == 1
    assert save(clinician, scan).status_code == 409


def test_whoever_saves_after_somebody_else_is_told_and_may_save_all_the_same(
    clinician: Membership, colleague: Membership, scan: Scan
) -> None:
    base = SegmentationFactory(scan=scan, succeeded=True)
    draw(clinician, scan, base=base)
    draw(colleague, scan, base=base)
    save_edit(scan=scan, by=colleague, revision=1)

    refused = save(clinician, scan)

    assert refused.status_code == 409
    assert f"version 2 by {colleague.display_name}" in refused.json()["detail"]
    assert refused.json()["newer"]["version"] == 2
    assert Edit.objects.filter(author=clinician).exists()
    state = client_of(clinician).get(f"/api/v1/scans/{scan.pk}/edit/").json()
    assert (state["newer"]["source"], state["next_version"]) == (colleague.display_name, 3)
    taken = save(clinician, scan, even_though_newer=True)
    assert taken.status_code == 201
    rows = scan.segmentations.order_by("version")
    assert [(row.version, row.is_current) for row in rows] == [(1, False), (2, False), (3, True)]
    assert rows[2].parent == base


def test_a_model_that_finished_meanwhile_is_newer_too(
    clinician: Membership, scan: Scan, model: Model
) -> None:
    row = SegmentationFactory(scan=scan)
    draw(clinician, scan)
    run_segmentation(str(row.pk))
    refused = save(clinician, scan)
    assert refused.status_code == 409
    assert "begun without a result" in refused.json()["detail"]


def test_a_rejected_version_is_nothing_newer(
    clinician: Membership, colleague: Membership, scan: Scan
) -> None:
    base = SegmentationFactory(scan=scan, succeeded=True)
    draw(clinician, scan, base=base)
    draw(colleague, scan, base=base)
    other = save_edit(scan=scan, by=colleague, revision=1)
    Segmentation.objects.filter(pk=other.pk).update(
        is_current=False,
        review=ReviewState.REJECTED,
        reviewer_name="Dr Sample",
        reviewed_at=SIGNED["reviewed_at"],
    )
    Segmentation.objects.filter(pk=base.pk).update(is_current=True)
    assert save(clinician, scan).status_code == 201


def test_saving_on_a_signed_version_is_an_amendment_that_waits(
    clinician: Membership, scan: Scan
) -> None:
    signed = SegmentationFactory(scan=scan, succeeded=True, **SIGNED)
    draw(clinician, scan, base=signed)
    saved = save_edit(scan=scan, by=clinician, revision=1)
    signed.refresh_from_db()
    assert (signed.is_current, signed.review) == (True, ReviewState.SIGNED)
    assert (saved.is_current, saved.review, saved.parent) == (False, ReviewState.DRAFT, signed)


def test_a_second_amendment_of_a_signed_version_hears_of_the_first(
    clinician: Membership, colleague: Membership, scan: Scan
) -> None:
    signed = SegmentationFactory(scan=scan, succeeded=True, **SIGNED)
    draw(clinician, scan, base=signed)
    draw(colleague, scan, base=signed)
    save_edit(scan=scan, by=colleague, revision=1)
    assert save(clinician, scan).json()["newer"]["source"] == colleague.display_name


def test_an_old_revision_is_not_saved(clinician: Membership, scan: Scan, media: Path) -> None:
    draw(clinician, scan)
    before = files_below(media)
    answer = save(clinician, scan, revision=3)
    assert (answer.status_code, answer.json()["revision"]) == (409, 1)
    assert not scan.segmentations.exists()
    assert files_below(media) == before


def test_nothing_is_half_saved_where_the_rows_fail(
    clinician: Membership, scan: Scan, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(clinician, scan)
    before = files_below(media)

    def fail(*_: Any) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr(results, "_lesion", fail)
    with pytest.raises(RuntimeError):
        save_edit(scan=scan, by=clinician, revision=1)
    assert not scan.segmentations.exists()
    assert Edit.objects.filter(author=clinician).exists()
    assert files_below(media) == before


def test_a_scan_that_was_corrected_while_it_was_measured_is_not_saved_as_it_was(
    clinician: Membership, scan: Scan, media: Path
) -> None:
    draw(clinician, scan)
    Scan.objects.filter(pk=scan.pk).update(spacing_is_reliable=False)
    before = files_below(media)
    with pytest.raises(ValueError, match="was changed while this was saved"):
        save_edit(scan=scan, by=clinician, revision=1)
    assert files_below(media) == before


def test_an_archived_scan_gets_no_version(clinician: Membership, scan: Scan) -> None:
    draw(clinician, scan)
    archive_scan(scan=scan, by=clinician)
    answer = save(clinician, scan)
    assert answer.status_code == 409
    assert "archived" in answer.json()["detail"]


def test_viewers_strangers_and_those_without_a_drawing_save_nothing(
    viewer: Membership,
    stranger: Membership,
    clinician: Membership,
    colleague: Membership,
    scan: Scan,
) -> None:
    draw(colleague, scan)
    assert save(viewer, scan).status_code == 403
    assert save(stranger, scan).status_code == 404
    assert save(clinician, scan).status_code == 409
    assert save(clinician, scan, revision=0).status_code == 400
    assert save(clinician, scan, remark="x" * 301).status_code == 400
    assert not scan.segmentations.exists()


def test_a_scan_with_open_doubts_gets_no_version_until_they_are_settled(
    clinician: Membership, scan: Scan
) -> None:
    Scan.objects.update(doubts=["The slices seem to be thicker than the file says."])
    draw(clinician, scan)
    answer = save(clinician, scan)
    assert (answer.status_code, Segmentation.objects.count()) == (409, 0)
    assert "open doubts" in answer.json()["detail"]
    Scan.objects.update(doubts_confirmed_by=clinician)
    assert save(clinician, scan).status_code == 201
