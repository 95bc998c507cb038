"""Comparing two results: who with whom, what the worker finds, and how it fails."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from django.utils import timezone

from clinic.models import AccessEvent, Membership
from ml.errors import RegistrationError
from ml.nifti import write_mask
from ml.tests import factories as heads
from patients.models import Patient
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation import comparing
from segmentation.errors import ComparisonError
from segmentation.files import media_root
from segmentation.models import (
    LEASE,
    MAX_ATTEMPTS,
    Alignment,
    Comparison,
    ComparisonStep,
    Segmentation,
    State,
)
from segmentation.selectors.comparisons import Side, comparison_file, order_sides, usual_sides
from segmentation.services import queue
from segmentation.services.comparisons import request_comparison
from segmentation.services.erasure import erase_scan
from segmentation.tasks import run_comparison
from segmentation.tests.factories import (
    SHAPE,
    SPACING_MM,
    ScanFactory,
    SegmentationFactory,
    files_below,
)
from segmentation.tests.reading_factories import ComparisonFactory

pytestmark = pytest.mark.django_db
EARLIER, LATER = date(2024, 1, 10), date(2024, 6, 10)


def result(patient: Patient, day: date, mask: Any = None, **of: Any) -> Segmentation:
    """A finished result with a real scan and a real mask."""
    scan = of.pop("scan", None) or ScanFactory(
        study=StudyFactory(patient=patient, performed_on=day), **of.pop("scan_of", {})
    )
    row = SegmentationFactory(scan=scan, succeeded=True, **of)
    path = Path(row.mask.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.zeros(SHAPE, dtype=np.uint8) if mask is None else mask
    write_mask(path, drawn, like=Path(scan.file.path))
    return row


def box(first: int, last: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[first:last, 20:30, 8:12] = 1
    return mask


@pytest.fixture
def pair(patient: Patient) -> tuple[Segmentation, Segmentation]:
    return result(patient, EARLIER, box(10, 16)), result(patient, LATER, box(13, 22))


def ask(pair: tuple[Segmentation, Segmentation], by: Membership, **of: Any) -> Comparison:
    return request_comparison(earlier=pair[0], later=pair[1], by=by, **of)


def work(row: Comparison) -> Comparison:
    """What the task does."""
    claim = queue.claim(pk=row.pk, jobs=Comparison)
    assert claim is not None
    comparing.run(claim=claim)
    row.refresh_from_db()
    return row


def test_a_request_waits_is_logged_and_rings_on_commit(
    pair: tuple[Segmentation, Segmentation],
    clinician: Membership,
    rung: list[uuid.UUID],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        row = ask(pair, clinician)
    assert (row.state, row.alignment) == (State.QUEUED, Alignment.AS_STORED)
    assert rung == [row.pk]
    assert AccessEvent.objects.filter(action="comparison.request", subject_id=row.pk).exists()


def test_the_same_two_are_compared_once(
    pair: tuple[Segmentation, Segmentation], clinician: Membership
) -> None:
    first = ask(pair, clinician)
    assert ask(pair, clinician).pk == first.pk
    assert ask(pair, clinician, alignment=Alignment.RIGID).pk != first.pk
    work(first)
    assert ask(pair, clinician).state == State.SUCCEEDED
    assert Comparison.objects.count() == 2


def test_one_that_failed_is_tried_again_when_asked_for(
    pair: tuple[Segmentation, Segmentation],
    clinician: Membership,
    rung: list[uuid.UUID],
    django_capture_on_commit_callbacks: Any,
) -> None:
    failed = ComparisonFactory(
        earlier=pair[0], later=pair[1], state=State.FAILED, reason="No.", attempts=3
    )
    with django_capture_on_commit_callbacks(execute=True):
        again = ask(pair, clinician)
    assert (again.pk, again.state, again.reason) == (failed.pk, State.QUEUED, "")
    assert rung == [failed.pk]
    assert work(again).state == State.SUCCEEDED


def test_what_stayed_grew_and_is_gone_is_counted_in_voxels_and_millilitres(
    pair: tuple[Segmentation, Segmentation], clinician: Membership
) -> None:
    row = work(ask(pair, clinician))
    assert row.state == State.SUCCEEDED, row.reason
    assert (row.stable_voxels, row.grown_voxels, row.gone_voxels) == (3 * 40, 6 * 40, 3 * 40)
    voxel_ml = np.prod(SPACING_MM) / 1000
    assert row.grown_ml == pytest.approx(240 * voxel_ml)
    assert row.matrix == np.eye(4).tolist()
    image = nib.load(comparison_file(row, "difference"))
    scan = nib.load(pair[0].scan.file.path)
    assert image.shape == scan.shape
    assert np.array_equal(image.affine, scan.affine)
    assert np.bincount(np.asarray(image.dataobj).ravel())[1:].tolist() == [120, 240, 120]


def test_the_task_claims_works_and_is_safe_to_run_twice(
    pair: tuple[Segmentation, Segmentation], clinician: Membership
) -> None:
    row = ask(pair, clinician)
    run_comparison(str(row.pk))
    row.refresh_from_db()
    first = (row.state, row.files, row.finished_at)
    assert row.state == State.SUCCEEDED
    run_comparison(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.files, row.finished_at) == first


def test_erasing_a_scan_takes_its_comparisons_with_their_files(
    pair: tuple[Segmentation, Segmentation],
    clinician: Membership,
    admin: Membership,
    django_capture_on_commit_callbacks: Any,
) -> None:
    work(ask(pair, clinician))
    with django_capture_on_commit_callbacks(execute=True):
        erase_scan(scan=pair[0].scan, by=admin)
    assert not Comparison.objects.exists()
    assert files_below(media_root() / "comparisons") == []


def test_a_scan_on_the_same_grid_is_not_stored_a_second_time(
    pair: tuple[Segmentation, Segmentation], clinician: Membership
) -> None:
    row = work(ask(pair, clinician))
    assert [Path(name).name for name in files_below(media_root() / row.files)] == [
        "difference.nii.gz"
    ]
    assert comparison_file(row, "later") == Path(pair[1].scan.file.path)
    assert comparison_file(row, "later-mask") == Path(pair[1].mask.path)


def moved_scan(shift_mm: float) -> dict[str, Any]:
    """The same head with its axes stored the other way round, elsewhere in the scanner."""
    volume = heads.head_with_blob(seed=0)[0]
    affine = heads.ras_affine(SPACING_MM, volume.shape)
    flipped = affine @ np.array(
        [[-1, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=float
    )
    flipped[2, 3] += shift_mm
    content = heads.nifti_bytes(np.ascontiguousarray(volume[::-1]), flipped)
    return {"content": content, "affine": flipped.tolist(), "orientation": "LAS"}


def test_another_grid_is_registered_and_mask_and_scan_are_laid_on_the_earlier_one(
    patient: Patient, clinician: Membership
) -> None:
    earlier = result(patient, EARLIER, box(10, 18))
    later = result(
        patient,
        LATER,
        np.ascontiguousarray(box(10, 18)[::-1]),
        scan_of=moved_scan(20.0),
    )
    row = ask((earlier, later), clinician)
    assert row.alignment == Alignment.RIGID
    work(row)
    assert row.state == State.SUCCEEDED, row.reason
    assert np.allclose(np.array(row.matrix)[:3, 3], [0, 0, 20.0], atol=1.5)
    assert row.quality["moved_mm"] == pytest.approx(20.0, abs=1.5)
    assert row.stable_voxels is not None
    assert row.stable_voxels > 0.8 * box(10, 18).sum()
    aligned = nib.load(comparison_file(row, "later"))
    before = nib.load(earlier.scan.file.path)
    assert np.array_equal(aligned.affine, before.affine)
    one, other = np.asarray(aligned.dataobj).ravel(), np.asarray(before.dataobj).ravel()
    assert np.corrcoef(one, other)[0, 1] > 0.9


def test_two_scans_of_one_visit_are_laid_where_the_scanner_says(
    patient: Patient, clinician: Membership
) -> None:
    earlier = result(patient, EARLIER, box(10, 18))
    scan = ScanFactory(study=earlier.study, sequence="T1ce", **moved_scan(0.0))
    later = result(patient, EARLIER, np.ascontiguousarray(box(10, 18)[::-1]), scan=scan)
    row = work(ask((earlier, later), clinician))
    assert (row.alignment, row.state) == (Alignment.AS_STORED, State.SUCCEEDED)
    assert (row.grown_voxels, row.gone_voxels) == (0, 0)
    assert row.stable_voxels == box(10, 18).sum()


def test_two_versions_of_one_scan_can_be_compared(patient: Patient, clinician: Membership) -> None:
    first = result(patient, EARLIER, box(10, 16), is_current=False)
    second = result(patient, EARLIER, box(10, 20), scan=first.scan)
    row = work(ask((first, second), clinician))
    assert (row.stable_voxels, row.grown_voxels, row.gone_voxels) == (240, 160, 0)
    with pytest.raises(ComparisonError, match="nothing to align"):
        ask((first, second), clinician, alignment=Alignment.RIGID)


def test_no_millilitres_are_made_up(patient: Patient, clinician: Membership) -> None:
    pair = (
        result(patient, EARLIER, box(10, 16)),
        result(patient, LATER, box(10, 18), scan_of={"spacing_is_reliable": False}),
    )
    row = work(ask(pair, clinician))
    assert (row.grown_voxels, row.voxel_ml, row.grown_ml) == (80, None, None)
    with pytest.raises(ComparisonError, match="not reliable cannot be aligned"):
        ask(pair, clinician, alignment=Alignment.RIGID)


def test_millilitres_go_when_a_voxel_size_turns_out_unreliable(
    pair: tuple[Segmentation, Segmentation], clinician: Membership
) -> None:
    row = work(ask(pair, clinician))
    assert row.grown_ml is not None
    pair[0].scan.spacing_is_reliable = False
    pair[0].scan.save()
    assert Comparison.objects.get(pk=row.pk).grown_ml is None


def test_who_cannot_be_compared_is_told_why(patient: Patient, clinician: Membership) -> None:
    earlier, later = result(patient, EARLIER), result(patient, LATER)
    other = result(PatientFactory(clinic=patient.clinic), LATER)
    waiting = SegmentationFactory(scan=later.scan)
    nowhere = result(patient, date(2024, 7, 1), scan_of={"affine": None, "orientation": ""})
    picture = result(
        patient, date(2024, 8, 1), scan_of={"kind": "picture", "affine": None, "shape": [96, 96]}
    )
    wrong = {
        "different patients": (earlier, other),
        "same result": (earlier, earlier),
        "swap": (later, earlier),
        "finished result": (earlier, waiting),
        "no affine": (earlier, nowhere),
        "single slices": (earlier, picture),
    }
    for words, pair in wrong.items():
        with pytest.raises(ComparisonError, match=words):
            ask(pair, clinician)
    assert not Comparison.objects.exists()


@pytest.mark.parametrize("whose", ["scan", "mask"])
def test_a_missing_file_fails_in_words_and_leaves_nothing(
    whose: str, pair: tuple[Segmentation, Segmentation], clinician: Membership
) -> None:
    row = ask(pair, clinician)
    file = pair[1].scan.file if whose == "scan" else pair[1].mask
    Path(file.path).unlink()
    work(row)
    assert (row.state, row.reason) == (State.FAILED, comparing.WORDS.file_missing)
    assert files_below(media_root() / "comparisons") == []


def test_a_poor_alignment_fails_in_its_own_words(
    pair: tuple[Segmentation, Segmentation], clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poor(*_: Any, **__: Any) -> None:
        raise RegistrationError("The two scans could not be aligned: no.")

    monkeypatch.setattr(comparing, "register_heads", poor)
    row = work(ask(pair, clinician, alignment=Alignment.RIGID))
    assert (row.state, row.reason) == (
        State.FAILED,
        "The two scans could not be aligned: no. Please compare them side by side.",
    )


def test_the_page_hears_which_step_is_under_way(
    pair: tuple[Segmentation, Segmentation], clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    report = queue.report_progress

    def listening(**given: Any) -> None:
        seen.append(given["step"])
        report(**given)

    monkeypatch.setattr(queue, "report_progress", listening)
    work(ask(pair, clinician, alignment=Alignment.RIGID))
    assert list(dict.fromkeys(seen)) == [
        ComparisonStep.LOADING,
        ComparisonStep.REGISTERING,
        ComparisonStep.SAVING,
    ]


def test_a_late_worker_saves_nothing_and_leaves_no_file(
    pair: tuple[Segmentation, Segmentation], clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ask(pair, clinician)
    late = queue.claim(pk=row.pk, jobs=Comparison)
    assert late is not None
    Comparison.objects.update(heard_at=timezone.now() - 2 * LEASE)
    current = queue.claim(pk=row.pk, jobs=Comparison)
    assert current is not None
    monkeypatch.setattr(queue, "report_progress", lambda **_: None)
    comparing.run(claim=late)
    row.refresh_from_db()
    assert (row.state, row.token) == (State.RUNNING, current.token)
    assert files_below(media_root() / "comparisons") == []
    comparing.run(claim=current)
    row.refresh_from_db()
    assert row.state == State.SUCCEEDED


def test_a_comparison_that_lost_its_worker_is_sent_again_and_given_up_in_the_end(
    pair: tuple[Segmentation, Segmentation], clinician: Membership, rung: list[uuid.UUID]
) -> None:
    row = ask(pair, clinician)
    for _ in range(MAX_ATTEMPTS):
        long_ago = timezone.now() - 10 * LEASE
        Comparison.objects.update(heard_at=long_ago, sent_at=long_ago)
        if row.attempts:
            Comparison.objects.filter(state=State.RUNNING).update(heard_at=long_ago)
        assert queue.resend_waiting() == 1
        assert queue.claim(pk=row.pk, jobs=Comparison) is not None
    Comparison.objects.update(heard_at=timezone.now() - 10 * LEASE)
    assert queue.resend_waiting() == 0
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.FAILED, queue.WORKERS_LOST)
    assert rung == [row.pk] * MAX_ATTEMPTS


def test_the_newest_two_of_one_sequence_on_two_days_are_the_usual_pair(patient: Patient) -> None:
    old = result(patient, date(2023, 1, 1))
    flair = result(patient, EARLIER)
    t1 = result(patient, LATER, scan_of={"sequence": "T1ce"})
    new = result(patient, date(2024, 6, 9))
    sides = {row.pk: Side(row.scan, row) for row in (old, flair, t1, new)}
    found = usual_sides([sides[row.pk] for row in (t1, new, flair, old)])
    assert found == (sides[flair.pk], sides[new.pk])
    assert usual_sides([sides[t1.pk]]) is None
    mixed = usual_sides([sides[t1.pk], sides[flair.pk]])
    assert mixed == (sides[flair.pk], sides[t1.pk])
    assert order_sides(sides[new.pk], sides[old.pk])[0] == sides[old.pk]
