"""Where the model was unsure: kept with a model's result, never at the cost of it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import nibabel as nib
import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.utils import timezone

from clinic.models import AccessEvent, Membership
from ml.tests import factories as heads
from patients.models import Patient, Scan
from patients.tests.factories import StudyFactory
from segmentation import pipeline, unsure_voxels
from segmentation.errors import ClaimLostError
from segmentation.files import unsure_path
from segmentation.models import Segmentation, State
from segmentation.selectors.reading import reading_manifest
from segmentation.selectors.unsure import unsure_figures
from segmentation.services import queue
from segmentation.services.edits import keep_edit
from segmentation.services.saving import save_edit
from segmentation.tasks import run_segmentation
from segmentation.templatetags.results import unsure_words
from segmentation.tests.factories import (
    AFFINE,
    SHAPE,
    ScanFactory,
    SegmentationFactory,
    files_below,
)
from segmentation.tests.reading_factories import packed, picture_scan

SignIn = Callable[[Membership], Client]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]

# Of this grey the stub is unsure: its level is 4 standard deviations.
GREY = 220.0


def doubtful_head() -> np.ndarray:
    """A head (X, Y, Z) with its bright blob on the left and a grey one on the right."""
    volume, _ = heads.head_with_blob()
    volume[heads.ellipsoid(SHAPE, (32, 20, 12), (3, 3, 3)) & (volume > 0)] = GREY
    return volume


def doubtful_scan(patient: Patient, **values: Any) -> Scan:
    content = gzip.compress(heads.nifti_bytes(doubtful_head(), AFFINE), 1, mtime=0)
    return ScanFactory(study=StudyFactory(patient=patient), content=content, **values)


def worked(scan: Scan) -> Segmentation:
    row = SegmentationFactory(scan=scan)
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    return row


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(unsure_voxels, "read_unsure", broken)


def values_of(row: Segmentation) -> Any:
    return np.asarray(nib.load(unsure_path(row)).dataobj)


def test_a_models_result_has_a_map_on_exactly_the_scans_grid(patient: Patient) -> None:
    row = worked(doubtful_scan(patient))
    image, scan = nib.load(unsure_path(row)), nib.load(row.scan.file.path)
    assert image.shape == SHAPE
    assert np.array_equal(image.affine, scan.affine)
    assert image.get_data_dtype() == np.uint8
    values = values_of(row)
    assert values.max() <= 100
    assert values[31:34, 19:22, 11:14].mean() > 50
    assert values[11:14, 29:32, 7:10].max() < 20


def test_its_figures_are_those_of_the_map_and_hold_no_millilitres(patient: Patient) -> None:
    row = worked(doubtful_scan(patient))
    voxels = int((values_of(row) >= 50).sum())
    assert voxels > 0
    assert row.unsure == {
        "readings": 6,
        "from_bits": 0.5,
        "voxels": voxels,
        "share": pytest.approx(voxels / (row.voxels or 1), abs=1e-4),
    }
    figures = unsure_figures(row)
    assert figures is not None
    assert figures["volume_ml"] == pytest.approx(voxels * 2 * 2 * 5 / 1000)


def test_without_a_reliable_voxel_size_there_are_none_to_show(patient: Patient) -> None:
    row = worked(doubtful_scan(patient, spacing_is_reliable=False))
    figures = unsure_figures(row)
    assert figures is not None
    assert (figures["volume_ml"], figures["voxels"] > 0) == (None, True)


def test_a_pictures_map_is_a_volume_of_one_slice(patient: Patient) -> None:
    row = worked(picture_scan(patient))
    assert values_of(row).shape == (96, 96, 1)


def test_a_persons_version_has_none(patient: Patient, clinician: Membership) -> None:
    model_row = worked(doubtful_scan(patient))
    drawn = np.zeros(SHAPE, dtype=np.uint8)
    drawn[10:14, 20:26, 5:8] = 1
    keep_edit(scan=model_row.scan, by=clinician, base=model_row, revision=0, content=packed(drawn))
    saved = save_edit(scan=model_row.scan, by=clinician, revision=1)
    assert saved.unsure is None
    manifest = reading_manifest(member=clinician, scan=saved.scan, version=str(saved.pk))
    assert manifest["result"]["unsure_url"] is None
    before = reading_manifest(member=clinician, scan=saved.scan, version=str(model_row.pk))
    assert before["result"]["unsure_url"] == f"/segmentations/{model_row.pk}/unsure/"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator"), KeyError()])
def test_a_failure_costs_the_map_and_not_the_result(
    error: Exception,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing(monkeypatch, error)
    row = worked(doubtful_scan(patient))
    assert (row.state, row.unsure) == (State.SUCCEEDED, None)
    assert not unsure_path(row).exists()
    assert str(row.pk) in caplog.text


def test_it_gives_up_where_the_time_left_is_for_saving(
    patient: Patient, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CELERY_TASK_SOFT_TIME_LIMIT = 0
    row = worked(doubtful_scan(patient))
    assert (row.state, row.unsure) == (State.SUCCEEDED, None)
    assert "no time left" in caplog.text


def test_the_time_limit_itself_ends_the_run_as_ever(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, SoftTimeLimitExceeded())
    row = worked(doubtful_scan(patient))
    assert (row.state, row.reason) == (State.FAILED, pipeline.TOOK_TOO_LONG)


def test_a_second_attempt_does_without_as_the_first_may_have_died_of_it(patient: Patient) -> None:
    row = SegmentationFactory(scan=doubtful_scan(patient))
    assert queue.claim(pk=row.pk) is not None
    long_ago = timezone.now() - timedelta(minutes=10)
    Segmentation.objects.filter(pk=row.pk).update(heard_at=long_ago)
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.attempts, row.unsure) == (State.SUCCEEDED, 2, None)


def test_a_claim_that_is_lost_meanwhile_leaves_nothing(
    patient: Patient, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = unsure_voxels.read_unsure
    row = SegmentationFactory(scan=doubtful_scan(patient))
    claim = queue.claim(pk=row.pk)
    assert claim is not None

    def taken_over(*args: Any, **values: Any) -> Any:
        queue.give_back(claim=claim)
        return read(*args, **values)

    monkeypatch.setattr(unsure_voxels, "read_unsure", taken_over)
    with pytest.raises(ClaimLostError):
        pipeline.execute(claim=claim)
    row.refresh_from_db()
    assert (row.state, row.unsure) == (State.QUEUED, None)
    assert [name for name in files_below(media) if name.startswith("segmentations")] == []


class TestTheWords:
    FIGURES: ClassVar = {"readings": 6, "from_bits": 0.5, "voxels": 1592, "share": 0.3648}

    def test_they_have_their_unit_and_what_they_are_counted_from(self) -> None:
        assert unsure_words({**self.FIGURES, "volume_ml": 7.07}, "volume") == (
            "7.1 mL (as much as 36 % of the mask) from 0.5 bit on, in 6 readings"
        )

    def test_without_a_physical_size_they_are_a_count(self) -> None:
        figures = {**self.FIGURES, "volume_ml": None, "share": None}
        assert unsure_words(figures, "volume") == "1,592 voxels from 0.5 bit on, in 6 readings"
        assert unsure_words(figures, "picture").startswith("1,592 pixels from")

    def test_nothing_is_said_to_be_nothing(self) -> None:
        figures = {**self.FIGURES, "voxels": 0, "share": 0.0, "volume_ml": 0.0}
        assert unsure_words(figures, "volume") == "nothing from 0.5 bit on, in 6 readings"

    def test_the_scans_page_and_the_reading_room_have_them(
        self, patient: Patient, sign_in: SignIn, viewer: Membership
    ) -> None:
        row = worked(doubtful_scan(patient))
        client = sign_in(viewer)
        for address in (f"/scans/{row.scan_id}/", f"/scans/{row.scan_id}/read/"):
            page = client.get(address).content.decode()
            assert "from 0.5 bit on, in 6 readings" in page
            assert "It does not show where the model is wrong" in page
        said = client.get(f"/segmentations/{row.pk}/result.json").json()["unsure"]
        assert said == unsure_figures(row)

    def test_where_a_run_had_to_do_without_they_say_so(
        self, patient: Patient, sign_in: SignIn, viewer: Membership, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failing(monkeypatch, MemoryError())
        row = worked(doubtful_scan(patient))
        client = sign_in(viewer)
        assert "<dt>Unsure</dt><dd>–</dd>" in client.get(f"/scans/{row.scan_id}/").content.decode()
        room = client.get(f"/scans/{row.scan_id}/read/").content.decode()
        assert "Where the model is unsure was not worked out for this result." in room


class TestTheFile:
    def test_a_member_gets_it_once_and_then_hears_that_it_is_the_same(
        self, patient: Patient, sign_in: SignIn, viewer: Membership
    ) -> None:
        row = worked(doubtful_scan(patient))
        client = sign_in(viewer)
        first = client.get(f"/segmentations/{row.pk}/unsure/")
        assert b"".join(first) == unsure_path(row).read_bytes()  # type: ignore[arg-type]
        assert first["Cache-Control"] == "private, no-cache"
        again = client.get(
            f"/segmentations/{row.pk}/unsure/", headers={"If-None-Match": first["ETag"]}
        )
        assert again.status_code == 304
        assert AccessEvent.objects.filter(action="unsure.show", subject_id=row.scan_id).count() == 1

    def test_there_is_none_for_a_result_without_one(
        self, patient: Patient, sign_in: SignIn, viewer: Membership
    ) -> None:
        row = SegmentationFactory(scan=doubtful_scan(patient), succeeded=True)
        assert sign_in(viewer).get(f"/segmentations/{row.pk}/unsure/").status_code == 404
