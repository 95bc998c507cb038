"""Several scans of one visit: which is read with which, and what a later one changes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.models import Membership
from ml import study as together_in_ml
from ml.errors import RegistrationError
from patients.models import Scan, Study
from patients.services.studies import archive_scan
from patients.tests.factories import PatientFactory
from segmentation import pipeline, reading_together
from segmentation.errors import SegmentationError
from segmentation.files import unsure_path
from segmentation.models import ReviewState, Segmentation, State
from segmentation.plans import find_host, plan_reading
from segmentation.report.export import current_results, rows
from segmentation.selectors.timeline import ScanRow, scan_row
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.edits import keep_edit
from segmentation.services.erasure import erase_scan
from segmentation.services.queue import request_segmentation
from segmentation.services.saving import save_edit
from segmentation.services.visits import catch_up, read_new_scan
from segmentation.tests.factories import ScanFactory, SegmentationFactory
from segmentation.tests.reading_factories import packed
from segmentation.tests.visit_factories import PARTS, VOXEL_ML, add_scan, current, read, worked

SignIn = Callable[[Membership], Client]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both")]


# Which model, and with what


def test_a_flair_alone_is_read_by_the_model_of_one_scan(study: Study) -> None:
    flair = add_scan(study, "FLAIR")
    plan = plan_reading(flair, [flair])
    assert (plan.card.name, plan.scans, plan.is_together) == ("stub", (flair,), False)
    assert find_host([flair]) is None


def test_a_visit_is_read_together_on_its_flair(study: Study) -> None:
    visit = [add_scan(study, name) for name in ("T1ce", "FLAIR", "T2")]
    plan = find_host(visit)
    assert plan is not None
    assert plan.card.name == "together"
    assert [scan.sequence for scan in plan.scans] == ["FLAIR", "T1ce", "T2"]


def test_of_two_of_one_sequence_the_newer_is_read(study: Study) -> None:
    flair, old, new = (
        add_scan(study, name, seed=n) for n, name in enumerate(["FLAIR", "T2", "T2"])
    )
    Scan.objects.filter(pk=old.pk).update(uploaded_at=timezone.now() - timedelta(days=1))
    visit = list(Scan.objects.filter(study=study))
    assert plan_reading(flair, visit).scans == (flair, new)


@pytest.mark.parametrize(
    "change",
    [
        {"archived_at": timezone.now()},
        {"doubts": ["This does not look right."]},
        {"spacing_is_reliable": False},
        {"affine": None},
    ],
)
def test_what_cannot_be_laid_on_the_others_is_not_read_with_them(
    study: Study, change: dict[str, Any]
) -> None:
    flair, other = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    for name, value in change.items():
        setattr(other, name, value)
    assert plan_reading(flair, [flair, other]).scans == (flair,)


def test_a_visit_without_what_the_model_needs_is_refused_in_words(study: Study) -> None:
    t1ce = add_scan(study, "T1ce")
    add_scan(study, "T1")
    with pytest.raises(SegmentationError, match="No model reads a volume of T1ce alone"):
        request_segmentation(scan=t1ce, by=None)


# What comes of it


def test_a_result_of_several_scans_has_parts_and_says_what_was_read(study: Study) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    row = read(flair)
    assert (row.state, row.model_name, row.is_current) == (State.SUCCEEDED, "together", True)
    assert set(row.inputs.all()) == {flair, t1ce}
    assert set(row.gathered["placed"]) == {"FLAIR", "T1ce"}
    assert (row.gathered["instead"], row.gathered["left_out"]) == ("", {})
    volumes = {part["name"]: part["volume_ml"] for part in row.parts}
    enhancing, core = (PARTS[name].sum() * VOXEL_ML for name in ("enhancing", "core"))
    assert volumes["enhancing tumour"] == pytest.approx(enhancing, rel=0.05)
    assert volumes["tumour core"] == pytest.approx(core, rel=0.05)
    assert row.volume_ml == pytest.approx(PARTS["whole"].sum() * VOXEL_ML, rel=0.05)
    mask = np.asarray(nib.load(row.mask.path).dataobj)
    assert set(np.unique(mask)) == {0, 1, 2, 4}
    assert row.mean_probability > 0.9


def test_without_contrast_medium_nothing_is_said_of_enhancement(study: Study) -> None:
    flair = add_scan(study, "FLAIR")
    add_scan(study, "T2")
    row = read(flair)
    assert (row.model_name, row.labels, row.parts) == ("together", {"1": "whole tumour"}, [])
    assert row.volume_ml == pytest.approx(PARTS["whole"].sum() * VOXEL_ML, rel=0.05)


def test_the_result_lies_on_the_grid_of_the_scan_that_was_named(study: Study) -> None:
    add_scan(study, "FLAIR")
    t1ce = add_scan(study, "T1ce")
    row = read(t1ce)
    assert (row.scan, row.model_name) == (t1ce, "together")
    assert len(row.parts) == 4


def test_a_volume_that_cannot_be_read_is_left_out_and_named(study: Study) -> None:
    flair, t1ce, t2 = (add_scan(study, name) for name in ("FLAIR", "T1ce", "T2"))
    Path(t2.file.path).write_bytes(b"not an image")
    row = read(flair)
    assert set(row.gathered["placed"]) == {"FLAIR", "T1ce"}
    assert set(row.gathered["left_out"]) == {"T2"}
    assert set(row.inputs.all()) == {flair, t1ce, t2}


def test_a_volume_that_cannot_be_laid_on_the_scan_is_left_out_with_the_reason(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_on = together_in_ml._lay_on
    calls = count(1)

    def refuse_the_second(*given: Any) -> Any:
        if next(calls) == 2:
            raise RegistrationError("The two scans could not be aligned: they clearly do not fit.")
        return lay_on(*given)

    monkeypatch.setattr(together_in_ml, "_lay_on", refuse_the_second)
    flair, _, _ = (add_scan(study, name) for name in ("FLAIR", "T1ce", "T2"))
    left_out = read(flair).gathered["left_out"]
    assert list(left_out.values()) == [
        "The two scans could not be aligned: they clearly do not fit."
    ]


def test_where_the_skull_remains_the_scan_is_read_alone_and_the_result_says_so(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise reading_together.SkullRemainsError("The brain could not be told from the skull.")

    monkeypatch.setattr(reading_together, "predict_glioma", refuse)
    flair = add_scan(study, "FLAIR")
    add_scan(study, "T1ce")
    row = read(flair)
    assert (row.state, row.model_name, row.parts) == (State.SUCCEEDED, "stub", None)
    assert row.gathered["instead"].startswith("The brain could not be told")
    assert row.gathered["asked"] == {"model": "together", "version": "1"}
    # Asked for as it is now, it would be the same again: nothing is offered and nothing repeats.
    assert not scan_row(scan=flair).model_is_outdated
    assert flair.segmentations.count() == 1


def test_where_nothing_reads_the_scan_alone_both_reasons_are_given(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise reading_together.SkullRemainsError("The brain could not be told from the skull.")

    monkeypatch.setattr(reading_together, "predict_glioma", refuse)
    add_scan(study, "FLAIR")
    row = read(add_scan(study, "T1ce"))
    assert row.state == State.FAILED
    assert row.reason.startswith("The brain could not be told from the skull. No model reads")


def test_the_parts_stand_on_the_page_in_the_report_and_in_the_table(
    study: Study, clinician: Membership, sign_in: SignIn
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    row = read(flair)
    client = sign_in(clinician)
    page = client.get(reverse("segmentation:scan", args=[flair.pk])).content.decode()
    assert "tumour core" in page
    assert "FLAIR: as its file places it; T1ce: as its file places it" in page
    report = client.get(reverse("segmentation:report", args=[study.pk])).content.decode()
    assert "Enhancing tumour" in report
    assert "read together with the FLAIR" in report
    line = next(iter(rows(current_results(clinic=study.patient.clinic))))
    core, enhancing = row.parts[0], row.parts[1]
    assert (line["core_ml"], line["enhancing_ml"]) == (core["volume_ml"], enhancing["volume_ml"])
    measures = client.get(reverse("segmentation:result_json", args=[row.pk])).json()
    assert [one["sequence"] for one in measures["inputs"]] == ["FLAIR", "T1ce"]
    assert measures["parts"] == row.parts
    assert "Parts" in page
    picture = client.get(reverse("segmentation:preview", args=[row.pk, "parts"]))
    assert picture["Content-Type"] == "image/png"
    manifest = client.get(f"/api/v1/scans/{flair.pk}/reading/").json()["result"]
    assert [(part["value"], part["name"]) for part in manifest["parts"]] == [
        (4, "enhancing tumour"),
        (1, "necrosis and non-enhancing tumour"),
        (2, "oedema"),
    ]
    served = b"".join(client.get(manifest["parts_url"]).streaming_content)
    assert served == Path(row.mask.path).read_bytes()
    assert t1ce.segmentations.count() == 0


def test_a_person_keeps_the_parts_of_what_they_keep(study: Study, clinician: Membership) -> None:
    flair = add_scan(study, "FLAIR")
    add_scan(study, "T1ce")
    base = read(flair)
    drawn = np.asarray(nib.load(base.mask.path).dataobj) > 0
    drawn[:, :, :25] = False
    drawn[40:43, 40:43, 40] = True
    labels = drawn.astype(np.uint8)
    keep_edit(scan=flair, by=clinician, base=base, revision=0, content=packed(labels))
    saved = save_edit(scan=flair, by=clinician, revision=1)
    mask = np.asarray(nib.load(saved.mask.path).dataobj)
    assert set(np.unique(mask[drawn])) == {1, 2, 3, 4}
    assert (mask > 0).sum() == drawn.sum()
    volumes = {part["name"]: part["voxels"] for part in saved.parts}
    assert volumes["drawn by hand, part not named"] == 9
    assert saved.labels["3"] == "drawn by hand, part not named"


# What a later scan changes


def test_a_later_scan_has_the_visit_read_again_on_its_flair(
    study: Study, clinician: Membership
) -> None:
    flair = add_scan(study, "FLAIR")
    worked(read_new_scan(scan=flair, by=clinician).segmentation)
    t1ce = add_scan(study, "T1ce")
    asked = read_new_scan(scan=t1ce, by=clinician)
    assert "read together with the FLAIR" in asked.notice
    again = worked(asked.segmentation)
    assert (again.scan, again.model_name, again.is_current) == (flair, "together", True)
    assert not t1ce.segmentations.exists()


def test_a_scan_that_comes_while_another_waits_is_read_with_it(
    study: Study, clinician: Membership
) -> None:
    flair = add_scan(study, "FLAIR")
    waiting = read_new_scan(scan=flair, by=clinician).segmentation
    t1ce = add_scan(study, "T1ce")
    assert read_new_scan(scan=t1ce, by=clinician).segmentation == waiting
    row = worked(waiting)
    assert (row.model_name, set(row.inputs.all())) == ("together", {flair, t1ce})
    assert Segmentation.objects.count() == 1


def test_a_scan_that_comes_while_another_is_read_is_read_after_it(
    study: Study, clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    flair = add_scan(study, "FLAIR")
    first = read_new_scan(scan=flair, by=clinician).segmentation
    predict = pipeline.predict_mask

    def arrives_meanwhile(*given: Any, **named: Any) -> Any:
        assert read_new_scan(scan=add_scan(study, "T1ce"), by=clinician).segmentation is None
        return predict(*given, **named)

    monkeypatch.setattr(pipeline, "predict_mask", arrives_meanwhile)
    assert worked(first).model_name == "stub"
    after = Segmentation.objects.get(scan=flair, state=State.QUEUED)
    assert (after.model_name, after.requested_by) == ("together", clinician)


@pytest.mark.parametrize("review", [ReviewState.IN_REVIEW, ReviewState.SIGNED])
def test_what_somebody_looks_at_is_not_read_anew_but_offered(
    study: Study, clinician: Membership, review: ReviewState, sign_in: SignIn
) -> None:
    flair = add_scan(study, "FLAIR")
    row = read(flair)
    decided = {"reviewed_at": timezone.now()} if review == ReviewState.SIGNED else {}
    Segmentation.objects.filter(pk=row.pk).update(review=review, reviewer_name="Dr", **decided)
    asked = read_new_scan(scan=add_scan(study, "T1ce"), by=clinician)
    assert asked.segmentation is None
    assert Segmentation.objects.count() == 1
    assert scan_row(scan=flair).arrived == ("T1ce",)
    page = sign_in(clinician).get(reverse("segmentation:scan", args=[flair.pk]))
    assert b"T1ce of this visit has arrived since" in page.content
    assert b"Read again with T1ce" in page.content


def test_a_visit_that_has_been_read_is_not_read_over_and_over(study: Study) -> None:
    flair = add_scan(study, "FLAIR")
    add_scan(study, "T2")
    read(flair)
    assert catch_up(study_id=study.pk, by=None) is None
    assert Segmentation.objects.count() == 1


def test_an_archived_input_is_said_to_be_gone(study: Study, clinician: Membership) -> None:
    flair, t2 = add_scan(study, "FLAIR"), add_scan(study, "T2")
    read(flair)
    archive_scan(scan=t2, by=clinician)
    row = scan_row(scan=flair)
    assert (row.gone, row.arrived) == (("T2",), ())


def test_a_scan_read_with_another_says_where(
    study: Study, clinician: Membership, sign_in: SignIn
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    read(flair)
    row: ScanRow = scan_row(scan=t1ce)
    assert row.elsewhere == current(flair)
    client = sign_in(clinician)
    page = client.get(reverse("segmentation:scan", args=[t1ce.pk])).content.decode()
    assert "read together with the FLAIR of that day" in page
    assert reverse("segmentation:scan", args=[flair.pk]) in page
    record = client.get(reverse("segmentation:patient", args=[study.patient.pk]))
    assert b"Read with FLAIR" in record.content


# What a correction or an erasure of an input changes


def test_when_an_input_turns_out_to_be_somebody_elses_the_result_does_not_count(
    study: Study, clinician: Membership
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    row = read(flair)
    other = PatientFactory(clinic=study.patient.clinic)
    facts = replace(facts_of(t1ce), patient=other)
    correct_scan(scan=t1ce, by=clinician, facts=facts, reason="Another patient's")
    row.refresh_from_db()
    assert not row.is_current
    again = Segmentation.objects.get(scan=flair, state=State.QUEUED)
    assert (again.model_name, list(again.inputs.all())) == ("stub", [flair])


def test_a_moved_scan_leaves_no_result_behind_that_was_read_from_the_former_patient(
    study: Study, clinician: Membership
) -> None:
    flair = add_scan(study, "FLAIR")
    add_scan(study, "T1ce")
    row = read(flair)
    facts = replace(facts_of(flair), patient=PatientFactory(clinic=study.patient.clinic))
    correct_scan(scan=flair, by=clinician, facts=facts, reason="Another patient's")
    row.refresh_from_db()
    assert not row.is_current
    assert Segmentation.objects.get(scan=flair, state=State.QUEUED).model_name == "stub"


def test_a_signed_result_loses_its_signature_with_an_input(
    study: Study, clinician: Membership
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    row = read(flair)
    Segmentation.objects.filter(pk=row.pk).update(
        review=ReviewState.SIGNED, reviewer_name="Dr", reviewed_at=timezone.now()
    )
    facts = replace(facts_of(t1ce), sequence="T1")
    correct_scan(scan=t1ce, by=clinician, facts=facts, reason="No contrast was given")
    row.refresh_from_db()
    assert (row.review, row.is_current) == (ReviewState.DRAFT, False)
    assert "was read with" in row.reviews.latest("at").comment
    again = worked(Segmentation.objects.get(scan=flair, state=State.QUEUED))
    assert again.labels == {"1": "whole tumour"}


def test_an_erased_input_takes_the_result_out_of_the_count(
    study: Study, clinician: Membership
) -> None:
    flair, t1ce = add_scan(study, "FLAIR"), add_scan(study, "T1ce")
    row = read(flair)
    erase_scan(scan=t1ce, by=clinician)
    row.refresh_from_db()
    assert not row.is_current
    assert Segmentation.objects.get(scan=flair, state=State.QUEUED).model_name == "stub"


def test_a_result_of_one_scan_is_left_alone_when_its_neighbour_is_corrected(
    study: Study, clinician: Membership
) -> None:
    flair = add_scan(study, "FLAIR")
    row = read(flair)
    picture = ScanFactory(study=study, sequence="T2", kind="picture", affine=None, spacing_mm=None)
    facts = replace(facts_of(picture), sequence="T1")
    correct_scan(scan=picture, by=clinician, facts=facts, reason="Wrong sequence")
    row.refresh_from_db()
    assert row.is_current


def test_a_request_of_a_waiting_row_by_another_worker_is_not_changed(study: Study) -> None:
    flair = add_scan(study, "FLAIR")
    running = SegmentationFactory(scan=flair, running=True, model_name="stub")
    add_scan(study, "T1ce")
    assert catch_up(study_id=study.pk, by=None) is None
    running.refresh_from_db()
    assert running.model_name == "stub"
    assert uuid.UUID(str(running.token))


def test_a_visit_read_together_says_where_the_whole_tumour_is_unsure(study: Study) -> None:
    add_scan(study, "T1ce")
    row = read(add_scan(study, "FLAIR"))
    assert (row.model_name, row.inputs.count()) == ("together", 2)
    assert row.unsure is not None
    assert row.unsure["readings"] == 6
    assert nib.load(unsure_path(row)).shape == tuple(row.scan.shape)
