"""What is asked for where a visit changes: nothing is lost, nothing is read over and over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from clinic.models import Membership
from ml import models
from ml.models import Model
from patients.models import PictureConvention, Scan, Study
from patients.tests.factories import StudyFactory
from segmentation import pipeline, tasks
from segmentation.models import MAX_ATTEMPTS, ReviewState, Segmentation, State
from segmentation.services.queue import WORKERS_LOST, request_segmentation
from segmentation.services.uploads import confirm_doubts
from segmentation.services.visits import catch_up, read_new_scan
from segmentation.tests.factories import SegmentationFactory, make_stale
from segmentation.tests.reading_factories import SIGNED, EditFactory
from segmentation.tests.visit_factories import add_scan, correct, read_before, worked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both")]
SIDES = {"convention": PictureConvention.RADIOLOGICAL}


def waiting(scan: Scan) -> Segmentation:
    return Segmentation.objects.get(scan=scan, state=State.QUEUED)


def older(scan: Scan) -> Scan:
    Scan.objects.filter(pk=scan.pk).update(uploaded_at=timezone.now() - timedelta(days=1))
    return Scan.objects.get(pk=scan.pk)


# Corrections


def test_the_scan_that_a_visit_is_read_on_is_read_again_once_it_was_corrected(
    study: Study, clinician: Membership
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    read_before(flair, t1ce)
    correct(flair, clinician, **SIDES)
    assert set(waiting(flair).inputs.all()) == {flair, t1ce}
    assert Segmentation.objects.active().count() == 1


def test_it_is_read_again_also_where_it_was_not_read_to_the_end(
    study: Study, clinician: Membership
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    first = request_segmentation(scan=flair, by=clinician)
    correct(flair, clinician, **SIDES)
    again = waiting(flair)
    assert again != first
    assert set(again.inputs.all()) == {flair, t1ce}


def test_a_visit_that_is_dated_anew_one_scan_after_the_other_is_read_again(
    study: Study, clinician: Membership, both: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing reads one of them alone, so that in between there is nothing to ask for.
    card = replace(both["together"].card, needs=(("FLAIR", "T1ce"),))
    monkeypatch.setattr(models, "shipped_cards", lambda: (card,))
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    read_before(flair, t1ce)
    for scan in (t1ce, flair):
        correct(scan, clinician, performed_on=date(2024, 5, 6))
    again = waiting(flair)
    assert set(again.inputs.all()) == {flair, t1ce}
    assert again.study.performed_on == date(2024, 5, 6)


def test_the_older_of_two_flairs_is_read_on_its_own_grid_once_it_was_corrected(
    study: Study, clinician: Membership
) -> None:
    first, t1ce = older(add_scan(study, "FLAIR")), add_scan(study, "T1ce")
    second = add_scan(study, "FLAIR", seed=1)
    read_before(second, t1ce)
    correct(first, clinician, **SIDES)
    assert set(waiting(first).inputs.all()) == {first, t1ce}
    assert not second.segmentations.active().exists()


# A scan that comes


def test_the_older_of_two_is_not_said_to_be_read_where_it_is_not(
    study: Study, clinician: Membership
) -> None:
    flair, newer = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    doubtful = older(add_scan(study, "T1ce", seed=1))
    Scan.objects.filter(pk=doubtful.pk).update(doubts=["This does not look right."])
    read_before(flair, newer)
    accepted = confirm_doubts(scan=Scan.objects.get(pk=doubtful.pk), by=clinician)
    assert accepted.notices == []
    assert accepted.segmentation == waiting(doubtful)
    assert set(waiting(doubtful).inputs.all()) == {doubtful, flair}


def look_at(result: Segmentation, how: str, by: Membership) -> None:
    if how == "signed":
        Segmentation.objects.filter(pk=result.pk).update(**SIGNED)
    elif how == "in review":
        Segmentation.objects.filter(pk=result.pk).update(
            review=ReviewState.IN_REVIEW, reviewer=by, reviewer_name=by.display_name
        )
    elif how == "rejected":
        values = {**SIGNED, "review": ReviewState.REJECTED, "is_current": False}
        Segmentation.objects.filter(pk=result.pk).update(**values)
    else:
        EditFactory(scan=result.scan, author=by, base=result)


@pytest.mark.parametrize("how", ["signed", "in review", "rejected", "drawn on"])
@pytest.mark.parametrize("has_failed_since", [False, True])
def test_what_a_person_has_the_say_on_is_kept_and_the_notice_says_so(
    study: Study, clinician: Membership, how: str, has_failed_since: bool
) -> None:
    flair = add_scan(study, "FLAIR")
    look_at(SegmentationFactory(scan=flair, succeeded=True), how, clinician)
    if has_failed_since:
        SegmentationFactory(scan=flair, failed=True)
    asked = read_new_scan(scan=add_scan(study, "T1ce"), by=clinician)
    assert asked.segmentation is None
    assert asked.notice.startswith("Nothing was read anew")
    assert "on the result of the FLAIR of that day" in asked.notice
    assert not Segmentation.objects.active().exists()


def test_a_scan_that_is_read_with_one_under_way_is_said_to_be(
    study: Study, clinician: Membership
) -> None:
    SegmentationFactory(scan=add_scan(study, "FLAIR"), running=True)
    asked = read_new_scan(scan=add_scan(study, "T1ce"), by=clinician)
    assert asked.segmentation is None
    assert asked.notice.startswith("It is read together with the FLAIR")


# Runs that fail


def test_what_has_failed_is_not_tried_again_with_the_very_same(
    study: Study, clinician: Membership
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    SegmentationFactory(scan=flair, failed=True).inputs.set([flair, t1ce])
    assert catch_up(study_id=study.pk, by=None) is None
    correct(t1ce, clinician, **SIDES)
    assert set(waiting(flair).inputs.all()) == {flair, t1ce}


def test_a_scan_that_comes_while_another_is_read_is_read_also_if_that_fails(
    study: Study, clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    flair = add_scan(study, "FLAIR")
    first = read_new_scan(scan=flair, by=clinician).segmentation

    def fails(*_: Any, **__: Any) -> None:
        if Scan.objects.filter(study=study).count() == 1:
            read_new_scan(scan=add_scan(study, "T1ce"), by=clinician)
        raise ValueError("This cannot be.")

    monkeypatch.setattr(pipeline, "predict_mask", fails)
    monkeypatch.setattr(pipeline, "read_together", fails)
    assert worked(first).state == State.FAILED
    again = waiting(flair)
    assert (again.model_name, again.inputs.count()) == ("together", 2)
    # That fails too, and then there is nothing new to try.
    assert worked(again).state == State.FAILED
    assert not Segmentation.objects.active().exists()


def test_a_worker_that_died_once_it_had_saved_loses_no_scan(study: Study) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    saved = SegmentationFactory(scan=flair, succeeded=True)
    tasks.run_segmentation(str(saved.pk))
    assert set(waiting(flair).inputs.all()) == {flair, t1ce}


def test_a_scan_that_came_while_workers_died_is_read_once_they_are_given_up(study: Study) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    lost = make_stale(SegmentationFactory(scan=flair, running=True))
    Segmentation.objects.filter(pk=lost.pk).update(attempts=MAX_ATTEMPTS)
    tasks.resend_waiting()
    lost.refresh_from_db()
    assert (lost.state, lost.reason) == (State.FAILED, WORKERS_LOST)
    assert set(waiting(flair).inputs.all()) == {flair, t1ce}


def test_a_worker_reads_no_scan_of_another_visit(study: Study) -> None:
    flair = add_scan(study, "FLAIR")
    other = add_scan(StudyFactory(patient__clinic=study.patient.clinic), "T1ce")
    row = SegmentationFactory(scan=flair, model_name="together")
    row.inputs.set([flair, other])
    assert worked(row).reason == pipeline.NOT_ONE_VISIT


def test_a_drawing_from_scratch_is_not_read_under(study: Study, clinician: Membership) -> None:
    flair = add_scan(study, "FLAIR")
    SegmentationFactory(scan=flair, failed=True)
    EditFactory(scan=flair, author=clinician)
    assert read_new_scan(scan=add_scan(study, "T1ce"), by=clinician).segmentation is None
