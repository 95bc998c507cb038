"""One segmentation's way through the worker, and every way in which it can end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from PIL import Image

from ml.errors import InvalidVolumeError
from ml.models import WEIGHTS, Model, file_sha256, load_model, shipped_cards
from ml.stacks import volume_to_slices
from ml.tests import factories as heads
from patients.models import PictureConvention, Scan, Sequence
from segmentation import pipeline
from segmentation.errors import ClaimLostError
from segmentation.models import Lesion, Segmentation, State, Step
from segmentation.services import queue
from segmentation.services.queue import Claim
from segmentation.tasks import run_segmentation
from segmentation.tests.factories import (
    AFFINE,
    SHAPE,
    ScanFactory,
    SegmentationFactory,
    files_below,
    head_bytes,
    make_stale,
    picture_bytes,
)

pytestmark = pytest.mark.django_db


def worked(scan: Scan | None = None) -> Segmentation:
    """A queued segmentation after the task has run on it."""
    row = SegmentationFactory(scan=scan or ScanFactory())
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    return row


def mask_of(row: Segmentation) -> Any:
    return nib.load(row.mask.path)


def picture_scan(**of: Any) -> Scan:
    usual = {
        "content": picture_bytes("PNG", colour=True),
        "sequence": Sequence.COMPOSITE,
        "kind": "picture",
        "file_format": "PNG",
        "shape": [96, 96],
        "channels": 3,
        "spacing_mm": None,
        "affine": None,
        "orientation": "",
        "slice_count": 1,
    }
    return ScanFactory(**{**usual, **of})


# Results


def test_the_mask_has_exactly_the_scans_shape_and_affine(model: Model) -> None:
    row = worked()
    assert (row.state, row.reason) == (State.SUCCEEDED, "")
    mask = mask_of(row)
    scan = nib.load(row.scan.file.path)
    assert mask.shape == scan.shape == SHAPE
    assert np.array_equal(mask.affine, scan.affine)
    assert mask.get_data_dtype() == np.uint8
    assert set(np.unique(mask.dataobj)) == {0, 1}


def test_the_mask_is_where_the_blob_is_on_every_slice_of_it(model: Model) -> None:
    mask = np.asarray(mask_of(worked()).dataobj) > 0
    blob = heads.head_with_blob()[1]
    assert 2 * (mask & blob).sum() / (mask.sum() + blob.sum()) > 0.8
    assert set(np.flatnonzero(mask.any(axis=(0, 1)))) >= {5, 6, 7, 8, 9, 10, 11}


def test_a_models_volume_has_the_interval_of_its_card(model: Model) -> None:
    row = worked()
    assert row.volume_ml
    assert row.volume_interval == {
        "level": 0.8,
        "low_ml": pytest.approx(0.5 * row.volume_ml, abs=0.001),
        "high_ml": pytest.approx(1.25 * row.volume_ml, abs=0.001),
        "patients": 24,
    }


def test_a_picture_has_no_volume_and_no_interval(model: Model) -> None:
    row = worked(picture_scan(content=picture_bytes("PNG"), sequence=Sequence.FLAIR, channels=1))
    assert (row.volume_ml, row.volume_interval) == (None, None)


@pytest.mark.parametrize("codes", ["LAS", "LPS", "PIR", "SRP"])
def test_a_file_of_any_orientation_gives_the_same_result_on_its_own_grid(
    codes: str, model: Model
) -> None:
    plain = worked()
    volume, affine = heads.reorient(heads.head_with_blob()[0], AFFINE, codes)
    turned = worked(ScanFactory(content=heads.nifti_bytes(volume, affine)))
    assert mask_of(turned).shape == volume.shape
    assert np.allclose(mask_of(turned).affine, affine)
    same, _ = heads.reorient(np.asarray(mask_of(plain).dataobj), AFFINE, codes)
    assert np.array_equal(np.asarray(mask_of(turned).dataobj), same)
    assert turned.volume_ml == plain.volume_ml
    assert [lesion.place for lesion in turned.lesions.all()] == [
        lesion.place for lesion in plain.lesions.all()
    ]


def test_sizes_are_those_of_the_affine(model: Model) -> None:
    row = worked()
    voxels = int((np.asarray(mask_of(row).dataobj) > 0).sum())
    assert row.voxels == voxels
    assert row.volume_ml == pytest.approx(voxels * 2 * 2 * 5 / 1000)
    lesion = row.lesions.get()
    assert (lesion.number, lesion.voxels, lesion.volume_ml) == (1, voxels, row.volume_ml)
    # The blob is a disc of ten voxels of 2 mm across.
    assert lesion.longest_diameter_mm == pytest.approx(18, abs=4)
    # It is centred on index 8, so on the ninth slice from the foot.
    assert lesion.first_slice < 9 < lesion.last_slice
    assert lesion.last_slice - lesion.first_slice + 1 == lesion.slices == row.tumour_slices


def test_the_side_is_the_patients_by_the_affine(model: Model) -> None:
    # The blob is at the low end of an axis that runs to the patient's right: on the left.
    assert worked().lesions.get().side == "left"
    mirrored = heads.head_with_blob()[0][::-1].copy()
    assert worked(ScanFactory(content=heads.nifti_bytes(mirrored, AFFINE))).lesions.get().side == (
        "right"
    )


def test_several_lesions_are_numbered_by_size(model: Model) -> None:
    volume, _ = heads.head_with_blob()
    second = heads.ellipsoid(SHAPE, (32, 20, 12), (3, 3, 3)) & (volume > 0)
    volume[second] *= 3
    row = worked(ScanFactory(content=heads.nifti_bytes(volume, AFFINE)))
    first, other = row.lesions.all()
    assert (first.number, other.number) == (1, 2)
    assert first.voxels > other.voxels
    assert {first.side, other.side} == {"left", "right"}
    assert first.voxels + other.voxels == row.voxels


def test_previews_hold_every_slice_in_one_atlas(model: Model) -> None:
    row = worked()
    plan = row.preview
    assert plan["count"] == SHAPE[2]
    rows = -(-plan["count"] // plan["columns"])
    size = (plan["columns"] * plan["tile_width"], rows * plan["tile_height"])
    folder = Path(row.mask.path).parent / "previews"
    with Image.open(folder / "image.jpg") as image, Image.open(folder / "mask.png") as mask:
        assert image.size == mask.size == size
        tiles = np.asarray(mask)
    height, width = plan["tile_height"], plan["tile_width"]
    shown = {
        n
        for n in range(plan["count"])
        if tiles[
            n // plan["columns"] * height : (n // plan["columns"] + 1) * height,
            n % plan["columns"] * width : (n % plan["columns"] + 1) * width,
        ].any()
    }
    drawn = volume_to_slices(np.asarray(mask_of(row).dataobj), AFFINE)
    assert shown == set(np.flatnonzero(drawn.any(axis=(1, 2))))
    with Image.open(folder / "thumbnail.jpg") as thumbnail:
        assert thumbnail.mode == "RGB"


def test_no_tumour_found_is_a_result(model: Model) -> None:
    row = worked(ScanFactory(content=head_bytes(blob=False)))
    assert (row.state, row.voxels, row.volume_ml) == (State.SUCCEEDED, 0, 0.0)
    assert row.found_nothing
    assert row.is_current
    assert row.key_slice is None
    assert not row.lesions.exists()
    assert not np.asarray(mask_of(row).dataobj).any()


def test_a_new_result_takes_the_place_of_the_old_one_which_is_kept(model: Model) -> None:
    first = worked()
    second = worked(first.scan)
    first.refresh_from_db()
    assert not first.is_current
    assert second.is_current
    assert Path(first.mask.path).exists()
    assert first.state == State.SUCCEEDED


def test_a_failure_leaves_the_old_result_standing(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = worked()
    monkeypatch.setattr(pipeline, "load_image", raising(InvalidVolumeError("Damaged.")))
    assert worked(first.scan).state == State.FAILED
    first.refresh_from_db()
    assert first.is_current


def test_a_composite_picture_gives_a_picture_as_mask_and_no_millimetres(model: Model) -> None:
    row = worked(picture_scan())
    assert row.state == State.SUCCEEDED
    assert row.volume_ml is None
    with Image.open(row.mask.path) as mask:
        assert (mask.format, mask.size) == ("PNG", (96, 96))


@pytest.mark.parametrize(
    ("convention", "side"),
    [
        (PictureConvention.UNKNOWN, "unknown"),
        (PictureConvention.RADIOLOGICAL, "left"),
        (PictureConvention.NEUROLOGICAL, "right"),
    ],
)
def test_the_side_in_a_picture_is_stated_and_never_guessed(
    convention: PictureConvention, side: str, model: Model, tmp_path: Path
) -> None:
    pixels = heads.grey_slice().copy()
    pixels[40:52, 60:72] = 255
    path = heads.save_picture(tmp_path / "slice.png", pixels)
    row = worked(
        picture_scan(
            content=path.read_bytes(), sequence=Sequence.FLAIR, convention=convention, channels=1
        )
    )
    assert {lesion.side for lesion in row.lesions.all()} == {side}


def test_the_model_that_did_it_is_on_record(model: Model) -> None:
    row = worked()
    assert (row.model_name, row.model_version) == (model.card.name, model.card.version)
    assert row.labels == {"1": "FLAIR abnormality"}


# Twice, late and lost


def test_running_the_task_twice_gives_one_result(model: Model, media: Path) -> None:
    row = worked()
    before = files_below(media)
    run_segmentation(str(row.pk))
    again = Segmentation.objects.get()
    assert (again.attempts, again.finished_at) == (1, row.finished_at)
    assert Lesion.objects.count() == 1
    assert files_below(media) == before


def test_the_next_worker_cleans_up_what_a_lost_one_has_left(model: Model, media: Path) -> None:
    row = SegmentationFactory()
    lost = queue.claim(pk=row.pk)
    assert lost is not None
    leftover = media / "segmentations" / str(row.pk) / str(lost.token) / "mask.nii.gz"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half a mask")
    make_stale(row)
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.SUCCEEDED, 2)
    assert not leftover.parent.exists()
    assert len([f for f in files_below(media) if "mask.nii.gz" in f]) == 1


def test_a_late_workers_result_is_dropped_and_leaves_no_file(
    model: Model, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = SegmentationFactory()
    late = queue.claim(pk=row.pk)
    assert late is not None
    make_stale(row)
    current = queue.claim(pk=row.pk)
    assert current is not None
    monkeypatch.setattr(queue, "report_progress", lambda **_: None)
    with pytest.raises(ClaimLostError):
        pipeline.execute(claim=late)
    assert [f for f in files_below(media) if f.startswith("segmentations")] == []
    row.refresh_from_db()
    assert (row.state, row.token) == (State.RUNNING, current.token)


def test_a_late_worker_does_not_touch_the_result_of_the_one_that_took_over(
    model: Model, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = SegmentationFactory()
    late = queue.claim(pk=row.pk)
    assert late is not None
    make_stale(row)
    run_segmentation(str(row.pk))
    before = files_below(media)
    monkeypatch.setattr(queue, "report_progress", lambda **_: None)
    pipeline.run(claim=late)
    row.refresh_from_db()
    assert row.state == State.SUCCEEDED
    assert Path(row.mask.path).exists()
    assert files_below(media) == before


def test_a_worker_stops_as_soon_as_it_hears_that_its_claim_is_lost(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = SegmentationFactory()
    late = queue.claim(pk=row.pk)
    assert late is not None
    make_stale(row)
    queue.claim(pk=row.pk)
    monkeypatch.setattr(pipeline, "load_image", raising(AssertionError("it went on")))
    pipeline.run(claim=late)


def test_progress_is_written_down(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    report = queue.report_progress

    def listening(*, claim: Claim, step: Step, done: int = 0, total: int = 0) -> None:
        steps.append((str(step), done, total))
        report(claim=claim, step=step, done=done, total=total)

    monkeypatch.setattr(queue, "report_progress", listening)
    monkeypatch.setattr(pipeline, "REPORT_EVERY", 0.0)
    row = worked()
    assert [step for step, _, _ in steps] == [
        "loading", "segmenting", "segmenting", "measuring", "measuring", "saving",
    ]  # fmt: skip
    assert steps[-3][1:] == (20, 20)
    assert (row.step, row.token) == ("", None)


# Failures


def raising(error: BaseException) -> Any:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    return broken


def test_a_bad_file_fails_with_its_own_sentence(model: Model) -> None:
    scan = ScanFactory()
    Path(scan.file.path).write_bytes(head_bytes()[:-300])
    row = worked(scan)
    assert row.state == State.FAILED
    assert row.reason.startswith("The file is cut off or damaged.")
    heads.assert_plain(row.reason)
    assert not row.mask
    assert not row.is_current
    assert row.finished_at is not None


def test_a_volume_declared_to_be_a_composite_fails_in_words(model: Model) -> None:
    row = worked(ScanFactory(sequence=Sequence.COMPOSITE))
    assert row.state == State.FAILED
    assert "this is a volume" in row.reason


def test_a_sequence_that_the_model_does_not_read_fails_in_words(model: Model) -> None:
    row = worked(ScanFactory(sequence=Sequence.T2))
    assert (row.state, row.reason) == (State.FAILED, "The model stub does not read T2.")


FAILURES = {
    "unexpected": (RuntimeError("tensor of wrong size"), pipeline.UNEXPECTED),
    "a slip of ours": (KeyError("place"), pipeline.UNEXPECTED),
    "too slow": (SoftTimeLimitExceeded(), pipeline.TOOK_TOO_LONG),
    "too large": (MemoryError(), pipeline.OUT_OF_MEMORY),
    "gone": (FileNotFoundError("image.nii.gz"), pipeline.FILE_MISSING),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_would_fail_every_time_fails_in_words_with_the_trace_in_the_log(
    name: str,
    model: Model,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    error, reason = FAILURES[name]
    monkeypatch.setattr(pipeline, "predict_mask", raising(error))
    row = worked()
    assert (row.state, row.reason, row.token) == (State.FAILED, reason, None)
    heads.assert_plain(row.reason)
    assert str(row.pk) in caplog.text
    assert "Traceback" in caplog.text
    assert [f for f in files_below(media) if f.startswith("segmentations")] == []


@pytest.mark.parametrize("error", [OperationalError(), InterfaceError(), OSError("disk away")])
def test_what_can_pass_later_goes_back_into_the_queue(
    error: Exception, model: Model, monkeypatch: pytest.MonkeyPatch, rung: list[Any]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "predict_mask", raising(error))
        row = worked()
    assert (row.state, row.token, row.attempts) == (State.QUEUED, None, 1)
    assert queue.resend_waiting() == 1
    assert rung == [row.pk]
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.SUCCEEDED, 2)


def test_what_never_passes_is_given_up_after_three_attempts(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "predict_mask", raising(OSError("disk away")))
    row = worked()
    for _ in range(4):
        run_segmentation(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.FAILED, 3)
    assert row.reason == queue.WORKERS_LOST


def test_a_failure_while_saving_leaves_no_file(
    model: Model, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lesion.objects, "bulk_create", raising(RuntimeError("no")))
    row = worked()
    assert (row.state, row.reason) == (State.FAILED, pipeline.UNEXPECTED)
    assert [f for f in files_below(media) if f.startswith("segmentations")] == []


def test_a_scan_erased_meanwhile_is_no_harm(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    row = SegmentationFactory()
    claim = queue.claim(pk=row.pk)
    assert claim is not None
    Scan.objects.all().delete()
    pipeline.run(claim=claim)
    assert not Segmentation.objects.exists()


def test_a_failed_one_is_tried_again_by_hand(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "predict_mask", raising(RuntimeError()))
        failed = worked()
    again = queue.request_segmentation(scan=failed.scan, by=None)
    run_segmentation(str(again.pk))
    again.refresh_from_db()
    assert again.state == State.SUCCEEDED
    assert again.is_current


# The model that ships


def test_the_shipped_model_segments_a_whole_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = WEIGHTS / "flair2d.safetensors"
    cards = [card for card in shipped_cards() if card.name == "flair2d"]
    if not cards or not weights.exists() or file_sha256(weights) != cards[0].sha256:
        pytest.skip("no weights that match their card are here yet")
    shipped = load_model("flair2d")
    monkeypatch.setattr(pipeline, "cached_model", lambda _name: shipped)
    row = worked()
    assert row.state == State.SUCCEEDED
    assert (row.model_version, row.model_sha256) == (cards[0].version, cards[0].sha256)
    assert mask_of(row).shape == SHAPE
