"""Reading a result and deciding about it: taken into review, signed, rejected, made current."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import RequestFactory
from django.utils import timezone

from clinic.models import AccessEvent, Membership, Role
from clinic.services.passwords import LockedOutError, WrongPasswordError
from clinic.templatetags.access_words import in_words
from clinic.tests.factories import PASSWORD, MembershipFactory
from patients.models import Patient, PictureConvention, Scan
from patients.tests.factories import StudyFactory
from segmentation.errors import ReviewError
from segmentation.models import Lesion, Review, ReviewAction, ReviewState, Segmentation
from segmentation.services import reviews
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.drafts import find_draft
from segmentation.tests.factories import (
    AFFINE,
    SHAPE,
    LesionFactory,
    ScanFactory,
    SegmentationFactory,
)

pytestmark = pytest.mark.usefixtures("model")
Versions = Callable[..., Segmentation]


@pytest.fixture
def scan(patient: Patient) -> Scan:
    return ScanFactory(study=StudyFactory(patient=patient))


@pytest.fixture
def colleague(clinician: Membership) -> Membership:
    return MembershipFactory(clinic=clinician.clinic, user__username="colleague")


@pytest.fixture
def version(scan: Scan) -> Versions:
    """One more version of the scan, current unless it is said otherwise; by the model."""

    def made(*, current: bool = True, slices: int = 4, **of: Any) -> Segmentation:
        if current:
            scan.segmentations.update(is_current=False)
        result = SegmentationFactory(scan=scan, succeeded=True, is_current=current, **of)
        mask = np.zeros(SHAPE, dtype=np.uint8)
        mask[10:20, 10:20, :slices] = 1
        Path(result.mask.path).parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(mask, AFFINE), result.mask.path)
        return result

    return made


def by_hand(parent: Segmentation | None = None) -> dict[str, Any]:
    """Fields of a version that a person drew."""
    return {"author_name": "Robin Sample", "model_name": "", "model_version": "", "parent": parent}


def sign(result: Segmentation, by: Membership, password: str = PASSWORD, **of: Any) -> Segmentation:
    request = RequestFactory().post("/")
    return reviews.sign_result(result=result, by=by, password=password, request=request, **of)


def steps(result: Segmentation) -> list[str]:
    return [str(step.action) for step in result.reviews.all()]


def test_a_draft_is_taken_into_review_and_given_back(
    version: Versions, clinician: Membership
) -> None:
    result = version()
    reviews.start_review(result=result, by=clinician)
    result.refresh_from_db()
    assert (result.review, result.reviewer) == (ReviewState.IN_REVIEW, clinician)
    assert reviews.review_since(result) == result.reviews.get().at
    reviews.release_review(result=result, by=clinician)
    result.refresh_from_db()
    assert (result.review, result.reviewer, result.reviewer_name) == (ReviewState.DRAFT, None, "")
    assert steps(result) == ["started", "released"]


def test_taking_what_one_has_already_changes_nothing(
    version: Versions, clinician: Membership
) -> None:
    result = version()
    for _ in range(2):
        reviews.start_review(result=result, by=clinician)
    assert steps(result) == ["started"]


def test_who_comes_second_is_told_who_has_it_and_since_when(
    version: Versions, clinician: Membership, colleague: Membership
) -> None:
    result = version()
    reviews.start_review(result=result, by=clinician)
    today = f"{timezone.localdate():%-d %b %Y}"
    for step in (reviews.start_review, reviews.release_review, sign):
        with pytest.raises(ReviewError) as refusal:
            step(result=result, by=colleague)
        assert clinician.display_name in str(refusal.value)
        assert today in str(refusal.value)
    with pytest.raises(ReviewError):
        reviews.reject_result(result=result, by=colleague, reason="It is wrong.")
    result.refresh_from_db()
    assert result.reviewer == clinician


def test_a_review_can_be_taken_over_and_that_is_recorded(
    version: Versions, clinician: Membership, colleague: Membership
) -> None:
    result = version()
    reviews.start_review(result=result, by=clinician)
    reviews.start_review(result=result, by=colleague, take_over=True)
    result.refresh_from_db()
    assert result.reviewer == colleague
    last = result.reviews.last()
    assert last is not None
    assert clinician.display_name in last.comment


def test_an_administrator_gives_back_what_another_has(
    version: Versions, clinician: Membership, admin: Membership
) -> None:
    result = version()
    reviews.start_review(result=result, by=clinician)
    reviews.release_review(result=result, by=admin)
    result.refresh_from_db()
    assert result.review == ReviewState.DRAFT


def test_one_scan_has_one_review_which_moves_with_its_reader(
    version: Versions, clinician: Membership, colleague: Membership
) -> None:
    first, second = version(), version()
    reviews.start_review(result=first, by=clinician)
    with pytest.raises(ReviewError, match="version 1"):
        reviews.start_review(result=second, by=colleague)
    reviews.start_review(result=second, by=clinician)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.review, second.review) == (ReviewState.DRAFT, ReviewState.IN_REVIEW)
    reviews.start_review(result=first, by=colleague, take_over=True)
    second.refresh_from_db()
    assert second.review == ReviewState.DRAFT
    assert steps(second) == ["started", "released"]


@pytest.mark.parametrize("in_review", [False, True])
def test_signing_locks_a_draft_with_name_time_and_comment(
    version: Versions, clinician: Membership, in_review: bool
) -> None:
    result = version()
    if in_review:
        reviews.start_review(result=result, by=clinician)
    sign(result, clinician, comment="  Edge of the cavity left out. ")
    result.refresh_from_db()
    assert result.is_signed
    assert result.is_current
    assert (result.reviewer, result.reviewer_name) == (clinician, clinician.display_name)
    assert result.reviewed_at is not None
    last = result.reviews.last()
    assert last is not None
    assert (last.action, last.comment) == (ReviewAction.SIGNED, "Edge of the cavity left out.")


def test_every_step_is_in_the_access_log_in_words(
    version: Versions, clinician: Membership, patient: Patient
) -> None:
    result = version()
    reviews.start_review(result=result, by=clinician)
    sign(result, clinician)
    events = AccessEvent.objects.filter(subject_id=result.pk, patient_id=patient.pk)
    assert {event.action for event in events} == {"review.start", "review.sign"}
    assert all(in_words(action) != action for action in reviews.LOG_WORDS.values())
    assert not any("." in in_words(action) for action in reviews.LOG_WORDS.values())


def test_a_wrong_password_signs_nothing_and_is_written_nowhere(
    version: Versions, clinician: Membership, caplog: pytest.LogCaptureFixture
) -> None:
    result = version()
    with pytest.raises(WrongPasswordError):
        sign(result, clinician, "a password that is mistyped")
    result.refresh_from_db()
    assert result.review == ReviewState.DRAFT
    assert not Review.objects.exists()
    assert "mistyped" not in caplog.text
    assert "mistyped" not in str(AccessAttempt.objects.values_list())


def test_another_members_password_does_not_do(
    version: Versions, clinician: Membership, colleague: Membership
) -> None:
    colleague.user.set_password("the colleague's own password")
    colleague.user.save()
    with pytest.raises(WrongPasswordError):
        sign(version(), clinician, "the colleague's own password")


def test_wrong_passwords_lock_signing_even_for_the_right_one(
    version: Versions, clinician: Membership
) -> None:
    result = version()
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        with pytest.raises(WrongPasswordError):
            sign(result, clinician, "wrong")
    with pytest.raises(LockedOutError):
        sign(result, clinician, "wrong")
    with pytest.raises(LockedOutError):
        sign(result, clinician)
    result.refresh_from_db()
    assert not result.is_signed


def test_the_right_password_forgets_earlier_slips(version: Versions, clinician: Membership) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        with pytest.raises(WrongPasswordError):
            sign(version(), clinician, "wrong")
    sign(version(), clinician)
    with pytest.raises(WrongPasswordError):
        sign(version(), clinician, "wrong")


def test_a_signed_result_cannot_be_decided_about_again(
    version: Versions, clinician: Membership, colleague: Membership
) -> None:
    result = version()
    sign(result, clinician)
    for step in (
        lambda: sign(result, colleague),
        lambda: reviews.start_review(result=result, by=colleague, take_over=True),
        lambda: reviews.reject_result(result=result, by=colleague, reason="It is wrong."),
        lambda: reviews.release_review(result=result, by=clinician),
    ):
        with pytest.raises(ReviewError):
            step()
    assert steps(result) == ["signed"]


@pytest.mark.parametrize(
    "changes",
    [
        *({"voxels": 7}, {"mask": "elsewhere.nii.gz"}, {"volume_ml": None}, {"remark": "Mine."}),
        *({"sum_of_products_mm2": 1.0}, {"is_multifocal": True}, {"distances_mm": []}),
    ],
)
def test_the_database_itself_refuses_to_change_a_signed_result(
    version: Versions, clinician: Membership, changes: dict[str, Any]
) -> None:
    result = version()
    sign(result, clinician)
    with pytest.raises(IntegrityError, match="locked"), transaction.atomic():
        Segmentation.objects.filter(pk=result.pk).update(**changes)


def test_the_database_refuses_to_change_a_signed_lesion_and_erases_it_with_its_scan(
    version: Versions, clinician: Membership, scan: Scan
) -> None:
    result = version()
    LesionFactory(segmentation=result)
    sign(result, clinician)
    with pytest.raises(IntegrityError, match="locked"), transaction.atomic():
        Lesion.objects.update(volume_ml=1.0)
    scan.delete()
    assert not Lesion.objects.exists()


def test_signing_an_amendment_takes_the_lead_from_the_signed_version_before_it(
    version: Versions, clinician: Membership
) -> None:
    first = version()
    sign(first, clinician)
    amended = version(current=False, **by_hand(first))
    sign(amended, clinician)
    first.refresh_from_db()
    assert first.is_signed
    assert not first.is_current
    assert Segmentation.objects.get(is_current=True) == amended


def test_a_version_older_than_what_is_signed_is_not_signed_any_more(
    version: Versions, clinician: Membership, colleague: Membership
) -> None:
    first, second = version(), version()
    sign(second, colleague)
    with pytest.raises(ReviewError, match="Version 2 is newer"):
        sign(first, clinician)


def test_signing_another_version_gives_back_what_the_signer_had_in_review(
    version: Versions, clinician: Membership
) -> None:
    first = version()
    reviews.start_review(result=first, by=clinician)
    second = version(**by_hand(first))
    sign(second, clinician)
    first.refresh_from_db()
    assert first.review == ReviewState.DRAFT
    assert steps(first) == ["started", "released"]


def test_a_signature_keeps_the_models_draft_and_its_dice(
    version: Versions, clinician: Membership
) -> None:
    draft = version(slices=4)
    between = version(slices=2, **by_hand(draft))
    signed = sign(version(slices=8, **by_hand(between)), clinician)
    assert signed.draft == draft
    assert signed.draft_dice == pytest.approx(2 * 4 / (4 + 8))


def test_a_models_result_signed_as_it_is_agrees_wholly_with_its_draft(
    version: Versions, clinician: Membership
) -> None:
    result = version()
    signed = sign(result, clinician)
    assert (signed.draft, signed.draft_dice) == (result, 1.0)


def test_two_empty_masks_agree(version: Versions, clinician: Membership) -> None:
    draft = version(slices=0)
    assert sign(version(slices=0, **by_hand(draft)), clinician).draft_dice == 1.0


def test_a_drawing_from_nothing_goes_back_to_the_models_latest_before_it(
    version: Versions, clinician: Membership
) -> None:
    version()
    latest = version(slices=6)
    drawn = version(slices=3, **by_hand())
    version(slices=9)
    assert find_draft(drawn) == latest


def test_a_scan_that_no_model_read_is_signed_without_a_draft(
    version: Versions, clinician: Membership
) -> None:
    signed = sign(version(**by_hand()), clinician)
    assert (signed.draft, signed.draft_dice) == (None, None)


def test_a_rejection_needs_a_reason_and_leaves_no_result_that_counts(
    version: Versions, clinician: Membership, scan: Scan
) -> None:
    version()
    result = version()
    with pytest.raises(ReviewError, match="why"):
        reviews.reject_result(result=result, by=clinician, reason="  ")
    reviews.reject_result(result=result, by=clinician, reason="It marks the eye.")
    result.refresh_from_db()
    assert (result.review, result.is_current) == (ReviewState.REJECTED, False)
    assert result.reviews.get().comment == "It marks the eye."
    assert not scan.segmentations.filter(is_current=True).exists()


def test_a_rejected_amendment_leaves_the_signed_version_in_its_place(
    version: Versions, clinician: Membership
) -> None:
    first = version()
    sign(first, clinician)
    amended = version(current=False, **by_hand(first))
    reviews.reject_result(result=amended, by=clinician, reason="Worse than before.")
    first.refresh_from_db()
    assert first.is_current


def test_another_version_is_made_current_by_a_person(
    version: Versions, clinician: Membership
) -> None:
    first, second = version(), version()
    reviews.reject_result(result=second, by=clinician, reason="It marks the eye.")
    reviews.make_current(result=first, by=clinician)
    first.refresh_from_db()
    assert first.is_current
    with pytest.raises(ReviewError, match="rejected"):
        reviews.make_current(result=second, by=clinician)


def test_an_unsigned_version_is_not_made_current_over_a_signed_one(
    version: Versions, clinician: Membership
) -> None:
    first = version()
    sign(first, clinician)
    second = version(current=False)
    with pytest.raises(ReviewError, match="is signed"):
        reviews.make_current(result=second, by=clinician)
    sign(second, clinician)
    reviews.make_current(result=first, by=clinician)
    assert Segmentation.objects.get(is_current=True) == first


def test_what_did_not_succeed_or_is_archived_is_not_reviewed(
    scan: Scan, version: Versions, clinician: Membership
) -> None:
    with pytest.raises(ReviewError, match="not succeeded"):
        reviews.start_review(result=SegmentationFactory(scan=scan, failed=True), by=clinician)
    result = version()
    Scan.objects.update(archived_at=timezone.now())
    with pytest.raises(ReviewError, match="archived"):
        sign(result, clinician)


def test_a_corrected_reading_withdraws_signatures_with_the_reason(
    version: Versions, clinician: Membership, scan: Scan
) -> None:
    result = version()
    sign(result, clinician)
    facts = replace(facts_of(scan), convention=PictureConvention.RADIOLOGICAL)
    correct_scan(scan=scan, by=clinician, facts=facts, reason="The sides were swapped")
    result.refresh_from_db()
    assert (result.review, result.reviewer_name, result.draft_dice) == ("draft", "", None)
    last = result.reviews.last()
    assert last is not None
    assert last.action == ReviewAction.WITHDRAWN
    assert "The sides were swapped" in last.comment
    for step in (
        lambda: sign(result, clinician),
        lambda: reviews.make_current(result=result, by=clinician),
    ):
        with pytest.raises(ReviewError, match="does not fit"):
            step()


def test_sizes_of_a_signed_result_go_when_its_spacing_is_found_unreliable(
    version: Versions, clinician: Membership, scan: Scan
) -> None:
    result = version()
    sign(result, clinician)
    facts = replace(facts_of(scan), spacing_is_reliable=False)
    correct_scan(scan=scan, by=clinician, facts=facts, reason="Spacing made up")
    result.refresh_from_db()
    assert (result.is_signed, result.volume_ml) == (False, None)


def test_a_corrected_date_leaves_the_signature(
    version: Versions, clinician: Membership, scan: Scan
) -> None:
    result = version()
    sign(result, clinician)
    facts = replace(facts_of(scan), performed_on=timezone.localdate())
    correct_scan(scan=scan, by=clinician, facts=facts, reason="Wrong day")
    result.refresh_from_db()
    assert result.is_signed
    assert result.is_current


def test_a_signature_outlives_its_signer(version: Versions, clinic: Any) -> None:
    leaver = MembershipFactory(clinic=clinic, role=Role.CLINICIAN)
    name = leaver.display_name
    result = version()
    sign(result, leaver)
    user = leaver.user
    AccessEvent.objects.filter(member=leaver).update(member=None)
    leaver.delete()
    user.delete()
    result.refresh_from_db()
    assert (result.is_signed, result.reviewer, result.reviewer_name) == (True, None, name)
