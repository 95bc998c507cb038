"""Comparisons that nobody has to ask for, and the links that they leave behind."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest

from clinic.models import AccessEvent, Membership
from patients.models import Patient
from segmentation import comparing
from segmentation.models import Alignment, Comparison, Segmentation, State
from segmentation.services import queue
from segmentation.services.comparisons import request_comparison
from segmentation.services.lesion_links import ask_for_links
from segmentation.services.reviews import make_current, reject_result
from segmentation.tests.course_factories import examine, link
from segmentation.tests.factories import SHAPE, SegmentationFactory
from segmentation.tests.reading_factories import ComparisonFactory
from segmentation.tests.test_comparisons import EARLIER, LATER, box, result

pytestmark = pytest.mark.django_db


def asked(patient: Patient, **how: Any) -> list[tuple[Segmentation, Segmentation]]:
    return [(row.earlier, row.later) for row in ask_for_links(patient_id=patient.pk, **how)]


def work(row: Comparison) -> Comparison:
    claim = queue.claim(pk=row.pk, jobs=Comparison)
    assert claim is not None
    comparing.run(claim=claim)
    row.refresh_from_db()
    return row


def test_each_result_is_compared_with_its_neighbour_in_time_once(patient: Patient) -> None:
    first, second, third = (examine(patient, month, 10.0) for month in (0, 3, 6))
    assert asked(patient) == [(first, second), (second, third)]
    assert asked(patient) == []
    assert not AccessEvent.objects.filter(action="comparison.request").exists(), "no person asked"


def test_another_family_and_empty_masks_are_not_compared(patient: Patient) -> None:
    first = examine(patient, 0, 10.0)
    examine(patient, 1, 10.0, scan_of={"sequence": "T2"})
    examine(patient, 2)
    last = examine(patient, 3, 10.0)
    assert asked(patient) == [(first, last)]


def test_an_older_examination_is_asked_while_a_lesion_has_no_link(patient: Patient) -> None:
    first, second, third = (examine(patient, month, 10.0, 5.0) for month in (0, 3, 6))
    link(first, second, (1, 1), (2, 2))
    comparison = link(second, third, (1, 1))
    assert asked(patient) == [(first, third)]
    comparison.links = [[1, 1, 5], [2, 2, 5]]
    comparison.save()
    Comparison.objects.filter(earlier=first, later=third).delete()
    assert asked(patient) == []


def test_what_cannot_be_compared_or_has_failed_is_passed_over(patient: Patient) -> None:
    first = examine(patient, 0, 10.0)
    examine(patient, 3, 10.0, scan_of={"affine": None})
    third, fourth = examine(patient, 6, 10.0), examine(patient, 9, 10.0)
    failed = ComparisonFactory(earlier=third, later=fourth, state=State.FAILED, reason="No.")
    assert asked(patient) == [(first, third), (first, fourth)]
    Comparison.objects.filter(later=fourth).exclude(pk=failed.pk).delete()
    assert asked(patient, again=True) == [(third, fourth)]


def test_one_that_was_finished_before_lesions_were_matched_is_made_again(
    patient: Patient,
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 10.0)
    old = link(first, second, links=None)
    assert asked(patient) == [(first, second)]
    old.refresh_from_db()
    assert (old.state, old.files) == (State.QUEUED, "")


def test_a_version_that_becomes_the_current_one_is_matched_anew(
    patient: Patient,
    clinician: Membership,
    rung: list[uuid.UUID],
    django_capture_on_commit_callbacks: Any,
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 10.0)
    link(first, second, (1, 1))
    other = SegmentationFactory(scan=second.scan, succeeded=True, is_current=False)
    other.lesions.create(
        **{k: v for k, v in second.lesions.values().get().items() if k not in ("id",)}
        | {"segmentation_id": other.pk}
    )
    with django_capture_on_commit_callbacks(execute=True):
        make_current(result=other, by=clinician)
    row = Comparison.objects.get(later=other)
    assert (row.earlier, row.requested_by, rung) == (first, None, [row.pk])


def test_after_a_rejection_the_next_neighbours_are_compared(
    patient: Patient, clinician: Membership, django_capture_on_commit_callbacks: Any
) -> None:
    first, second, third = (examine(patient, month, 10.0) for month in (0, 3, 6))
    link(first, second, (1, 1))
    link(second, third, (1, 1))
    with django_capture_on_commit_callbacks(execute=True):
        reject_result(result=second, by=clinician, reason="It marks the eye.")
    assert Comparison.objects.filter(earlier=first, later=third, state=State.QUEUED).exists()


def test_the_worker_says_which_lesion_is_which(patient: Patient, clinician: Membership) -> None:
    before = np.zeros(SHAPE, dtype=np.uint8)
    before[5:9, 20:30, 8:12] = before[20:28, 20:30, 8:12] = 1
    after = np.zeros(SHAPE, dtype=np.uint8)
    after[3:9, 20:30, 8:14] = after[24:26, 22:28, 8:12] = after[35:38, 40:44, 3:6] = 1
    one, two = result(patient, EARLIER, before), result(patient, LATER, after)
    row = work(request_comparison(earlier=one, later=two, by=clinician))
    assert row.state == State.SUCCEEDED, row.reason
    assert row.links == [[1, 2, 2 * 6 * 4], [2, 1, 4 * 10 * 4]]


def test_another_version_takes_over_how_the_two_scans_were_aligned(
    patient: Patient, clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = result(patient, EARLIER, box(10, 16)), result(patient, LATER, box(10, 16))
    moved = np.eye(4)
    moved[0, 3] = 2.0
    known = ComparisonFactory(
        earlier=one,
        later=two,
        alignment=Alignment.RIGID,
        succeeded=True,
        matrix=moved.tolist(),
        quality={"moved_mm": 2.0},
    )
    newer = result(patient, LATER, box(11, 17), scan=two.scan, is_current=False)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the scans are registered already")

    monkeypatch.setattr(comparing, "register_heads", refuse)
    row = work(
        request_comparison(earlier=one, later=newer, by=clinician, alignment=Alignment.RIGID)
    )
    assert row.state == State.SUCCEEDED, row.reason
    assert (row.matrix, row.quality) == (known.matrix, known.quality)
    assert row.links == [[1, 1, 6 * 40]]
