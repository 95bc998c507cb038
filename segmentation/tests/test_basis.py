"""A result counts as long as what it was read from is what it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from django.test import RequestFactory

from clinic.models import Membership
from clinic.tests.factories import PASSWORD
from patients.models import Scan, Study
from patients.tests.factories import PatientFactory
from segmentation.basis import DRAWN_BY_HAND
from segmentation.comparable import cautions
from segmentation.errors import ReviewError, SegmentationError
from segmentation.models import ReviewState, Segmentation, State
from segmentation.observing import component_of
from segmentation.report.collect import collect_report
from segmentation.selectors.timeline import scan_row
from segmentation.services import saving
from segmentation.services.dependents import PARTNER_REPLACED
from segmentation.services.edits import keep_edit
from segmentation.services.erasure import erase_scan
from segmentation.services.queue import claim, request_segmentation
from segmentation.services.reviews import make_current, sign_result
from segmentation.services.saving import save_edit
from segmentation.tests.factories import SegmentationFactory
from segmentation.tests.reading_factories import SIGNED, packed
from segmentation.tests.visit_factories import add_scan, correct, drawn_on, read, read_before

Change = Callable[[Scan, Scan, Membership], Any]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both")]


@pytest.fixture
def flair(study: Study) -> Scan:
    return add_scan(study, "FLAIR")


@pytest.fixture
def t1ce(study: Study) -> Scan:
    return add_scan(study, "T1ce")


def sign(result: Segmentation, by: Membership) -> Segmentation:
    request = RequestFactory().post("/")
    return sign_result(result=result, by=by, password=PASSWORD, request=request)


def erase_the_other(_: Scan, other: Scan, by: Membership) -> None:
    erase_scan(scan=Scan.objects.get(pk=other.pk), by=by)


def move_the_other(_: Scan, other: Scan, by: Membership) -> None:
    correct(other, by, patient=PatientFactory(clinic=by.clinic))


def redate_the_other(_: Scan, other: Scan, by: Membership) -> None:
    correct(other, by, performed_on=date(2024, 5, 6))


def say_no_contrast_was_given(_: Scan, other: Scan, by: Membership) -> None:
    correct(other, by, sequence="T1")


def move_the_scan_itself(scan: Scan, _: Scan, by: Membership) -> None:
    correct(scan, by, patient=PatientFactory(clinic=by.clinic))


CHANGES = [
    erase_the_other,
    move_the_other,
    redate_the_other,
    say_no_contrast_was_given,
    move_the_scan_itself,
]
every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)


# Counting and signing


@every_change
def test_what_no_longer_rests_on_what_was_read_can_neither_count_nor_be_signed(
    flair: Scan, t1ce: Scan, admin: Membership, change: Change
) -> None:
    model = read_before(flair, t1ce)
    drawn = drawn_on(model)
    change(flair, t1ce, admin)
    for result in (model, drawn):
        result.refresh_from_db()
        assert not result.is_current
        with pytest.raises(ReviewError, match="was read with was corrected, moved or erased"):
            make_current(result=result, by=admin)
        with pytest.raises(ReviewError, match="was read with was corrected, moved or erased"):
            sign(result, admin)


def test_what_was_read_alone_in_the_end_rests_on_its_own_scan(
    flair: Scan, t1ce: Scan, admin: Membership
) -> None:
    row = read_before(flair, t1ce)
    Segmentation.objects.filter(pk=row.pk).update(
        gathered={**row.gathered, "placed": {}, "instead": "The skull remains."}, **SIGNED
    )
    erase_the_other(flair, t1ce, admin)
    row.refresh_from_db()
    assert row.is_current
    assert row.is_signed


@every_change
def test_a_correction_of_a_correction_still_rests_on_what_the_model_read(
    flair: Scan, t1ce: Scan, admin: Membership, change: Change
) -> None:
    third = drawn_on(drawn_on(read_before(flair, t1ce)), **SIGNED)
    change(flair, t1ce, admin)
    third.refresh_from_db()
    assert (third.is_current, third.review) == (False, ReviewState.DRAFT)


def test_a_person_s_version_says_where_a_scan_was_read(
    flair: Scan, t1ce: Scan, clinician: Membership
) -> None:
    drawn = drawn_on(read_before(flair, t1ce))
    assert scan_row(scan=t1ce).elsewhere == drawn
    report = collect_report(study=flair.study, by=clinician)
    assert report.missing == ("T1ce: read together with the FLAIR.",)


def test_a_new_date_leaves_a_signature_on_what_rests_on_nothing_else(
    flair: Scan, t1ce: Scan, clinician: Membership
) -> None:
    read_before(flair, t1ce, is_current=False)
    alone = SegmentationFactory(scan=flair, succeeded=True, **SIGNED)
    correct(flair, clinician, performed_on=date(2024, 5, 6))
    alone.refresh_from_db()
    assert alone.is_current
    assert alone.is_signed


def test_a_run_whose_partner_is_erased_ends_in_words_that_say_so(
    flair: Scan, t1ce: Scan, admin: Membership
) -> None:
    row = request_segmentation(scan=flair, by=admin)
    claim(pk=row.pk)
    erase_the_other(flair, t1ce, admin)
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.FAILED, PARTNER_REPLACED)


# Drawing


def draw(base: Segmentation, by: Membership) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Keeps a drawing: ``base`` and some voxels more."""
    drawn = (np.asarray(nib.load(base.mask.path).dataobj) > 0).astype(np.uint8)
    drawn[40:43, 40:43, 40] = 1
    keep_edit(scan=base.scan, by=by, base=base, revision=0, content=packed(drawn))
    return drawn


def test_what_a_person_saves_rests_on_what_its_parts_rest_on(
    flair: Scan, t1ce: Scan, clinician: Membership
) -> None:
    draw(read(flair), clinician)
    saved = save_edit(scan=flair, by=clinician, revision=1)
    assert set(saved.inputs.all()) == {flair, t1ce}
    assert len(saved.parts) == 5


def test_a_drawing_on_what_does_not_hold_any_more_has_no_parts(
    flair: Scan, t1ce: Scan, admin: Membership
) -> None:
    base = read(flair)
    draw(base, admin)
    say_no_contrast_was_given(flair, t1ce, admin)
    saved = save_edit(scan=flair, by=admin, revision=1)
    assert (saved.labels, saved.parts, saved.parent) == (DRAWN_BY_HAND, None, base)
    assert set(np.unique(np.asarray(nib.load(saved.mask.path).dataobj))) == {0, 1}
    assert set(saved.inputs.all()) == {flair}
    # It rests on nothing but what a person saw, so it counts and can be signed.
    assert saved.is_current
    assert sign(saved, admin).is_signed


def test_what_changes_while_a_drawing_is_saved_is_not_saved_over(
    flair: Scan, t1ce: Scan, clinician: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = read(flair)
    draw(base, clinician)
    write = saving.write_finding

    def corrected_meanwhile(*given: Any, **named: Any) -> Any:
        say_no_contrast_was_given(flair, t1ce, clinician)
        return write(*given, **named)

    monkeypatch.setattr(saving, "write_finding", corrected_meanwhile)
    with pytest.raises(SegmentationError, match="please save it again"):
        save_edit(scan=flair, by=clinician, revision=1)
    monkeypatch.setattr(saving, "write_finding", write)
    assert save_edit(scan=flair, by=clinician, revision=1).labels == DRAWN_BY_HAND


def test_parts_keep_their_voxels_where_the_spacing_is_not_to_be_relied_on(
    flair: Scan, t1ce: Scan, clinician: Membership
) -> None:
    base = read(flair)
    drawn = draw(base, clinician)
    correct(flair, clinician, spacing_is_reliable=False)
    base.refresh_from_db()
    assert {part["volume_ml"] for part in base.parts} == {None}
    assert all(part["voxels"] for part in base.parts)
    saved = save_edit(
        scan=Scan.objects.get(pk=flair.pk), by=clinician, revision=1, even_though_newer=True
    )
    mask = np.asarray(nib.load(saved.mask.path).dataobj)
    assert set(np.unique(mask[drawn > 0])) == {1, 2, 3, 4}
    assert {part["volume_ml"] for part in saved.parts} == {None}


def test_a_voxel_added_by_hand_makes_no_other_kind_of_mask(flair: Scan, t1ce: Scan) -> None:
    model = read_before(flair, t1ce)
    drawn = drawn_on(model, labels={**model.labels, "3": "drawn by hand, part not named"})
    assert component_of(drawn) == component_of(model)
    assert not any("different kinds" in note for note in cautions(model, drawn))
