"""The response rule: thresholds, references, what the clinician adds, and what is preliminary."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ml.course import (
    BY_PRODUCT,
    BY_VOLUME,
    Category,
    Clinical,
    Criterion,
    Observation,
    Response,
    Therapy,
    assess,
)

START = date(2025, 1, 6)


def seen(week: float, size: float | None = 100.0, **facts: Any) -> Observation:
    """An examination of so many weeks after the first; ``size`` is both product and volume."""
    values: dict[str, Any] = {
        "key": f"week {week}",
        "day": START + timedelta(weeks=week),
        "component": "FLAIR abnormality",
        "family": "FLAIR",
        "method": "a model 1",
        "is_enhancing": False,
        "is_signed": True,
        "found_nothing": size == 0,
        "volume_ml": size,
        "product_mm2": size or None,
        "new_lesions": 0,
        "steroid_mg": 0.0,
        "karnofsky": 90,
        "clinical": Clinical.STABLE,
    }
    return Observation(**{**values, **facts})


def last(
    *course: Observation,
    by: Criterion = BY_PRODUCT,
    therapies: tuple[Therapy, ...] = (),
) -> Response:
    return assess(course[-1], course, therapies, by)


@pytest.mark.parametrize(
    ("by", "size", "category"),
    [
        (BY_PRODUCT, 0.0, Category.COMPLETE),
        (BY_PRODUCT, 50.0, Category.PARTIAL),
        (BY_PRODUCT, 50.1, Category.MINOR),
        (BY_PRODUCT, 75.0, Category.MINOR),
        (BY_PRODUCT, 75.1, Category.STABLE),
        (BY_PRODUCT, 124.9, Category.STABLE),
        (BY_PRODUCT, 125.0, Category.PROGRESSION),
        (BY_VOLUME, 35.0, Category.PARTIAL),
        (BY_VOLUME, 35.1, Category.MINOR),
        (BY_VOLUME, 60.0, Category.MINOR),
        (BY_VOLUME, 60.1, Category.STABLE),
        (BY_VOLUME, 139.9, Category.STABLE),
        (BY_VOLUME, 140.0, Category.PROGRESSION),
    ],
)
def test_the_thresholds_lie_where_the_rule_puts_them(
    by: Criterion, size: float, category: Category
) -> None:
    assert last(seen(0), seen(8, size), by=by).category is category


def test_enhancing_tumour_knows_no_minor_response() -> None:
    course = [seen(0, is_enhancing=True), seen(8, 60.0, is_enhancing=True)]
    assert last(*course).category is Category.STABLE


def test_responses_refer_to_the_baseline_and_progression_to_the_nadir() -> None:
    found = last(seen(0), seen(8, 40.0), seen(16, 52.0))
    assert found.category is Category.PROGRESSION
    assert found.nadir is not None and found.baseline is not None
    assert (found.nadir.before, found.baseline.before) == (40.0, 100.0)
    assert found.nadir.percent == pytest.approx(30.0)
    assert "30 % above the smallest" in found.reason


def test_what_comes_back_after_nothing_was_left_is_progression() -> None:
    assert last(seen(0), seen(8, 0.0), seen(16, 1.0)).category is Category.PROGRESSION


def test_nothing_then_and_nothing_now_is_stable() -> None:
    assert last(seen(0, 0.0), seen(8, 0.0)).category is Category.STABLE


def test_a_new_lesion_is_progression_whatever_the_size_says() -> None:
    found = last(seen(0), seen(8, 40.0, new_lesions=1))
    assert found.category is Category.PROGRESSION
    assert found.reason == "There is a new lesion that no earlier scan shows."


def test_a_clinical_deterioration_is_progression_if_nothing_else_explains_it() -> None:
    found = last(seen(0), seen(8, 90.0, clinical=Clinical.WORSE))
    assert found.category is Category.PROGRESSION
    assert found.conditions == ("the deterioration has no other cause",)


def test_progression_names_everything_that_speaks_for_it() -> None:
    found = last(seen(0), seen(8, 150.0, new_lesions=2, clinical=Clinical.WORSE))
    assert found.reason == (
        "There are 2 new lesions that no earlier scan shows. The product of "
        "diameters is 50 % above the smallest since the baseline. The patient is clinically worse."
    )
    # A new lesion is a ground by itself, whatever made the patient worse.
    assert found.conditions == ()


def test_growth_on_fewer_steroids_takes_nothing_from_a_new_lesion() -> None:
    found = last(seen(0, steroid_mg=4.0), seen(8, 150.0, steroid_mg=2.0, new_lesions=1))
    assert found.category is Category.PROGRESSION
    assert found.reason == "There is a new lesion that no earlier scan shows."


def test_a_higher_steroid_dose_than_at_the_baseline_is_no_response() -> None:
    found = last(seen(0, steroid_mg=2.0), seen(8, 30.0, steroid_mg=4.0))
    assert found.category is Category.STABLE
    assert "steroid dose is higher" in found.reason


def test_with_steroids_a_complete_response_is_a_partial_one() -> None:
    found = last(seen(0, steroid_mg=4.0), seen(8, 0.0, steroid_mg=2.0))
    assert found.category is Category.PARTIAL


def test_growth_on_fewer_steroids_is_not_judged() -> None:
    found = last(seen(0, steroid_mg=4.0), seen(8, 150.0, steroid_mg=2.0))
    assert found.category is Category.NOT_EVALUABLE
    assert "steroid dose was reduced" in found.reason


def test_what_nobody_recorded_is_named_as_a_condition() -> None:
    unknown: dict[str, Any] = {
        "steroid_mg": None, "new_lesions": None, "clinical": Clinical.UNKNOWN,
    }  # fmt: skip
    found = last(seen(0, **unknown), seen(8, 40.0, **unknown))
    assert found.category is Category.PARTIAL
    assert found.conditions == (
        "there is no new lesion",
        "the steroid dose is no higher than at the baseline",
        "the patient is not clinically worse",
    )


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"component": "enhancing tumour"}, "One mask marks enhancing tumour"),
        ({"family": "T1ce"}, "One scan is T1ce"),
        ({"method": "by hand"}, "different methods"),
    ],
)
def test_masks_of_another_kind_are_not_evaluable_and_it_says_why(
    other: dict[str, Any], why: str
) -> None:
    found = last(seen(0, **other), seen(8, 40.0))
    assert found.category is Category.NOT_EVALUABLE
    assert why in found.reason


def test_masks_of_another_kind_between_two_alike_are_passed_over() -> None:
    found = last(seen(0), seen(4, 10.0, method="by hand"), seen(8, 110.0))
    assert found.category is Category.STABLE


def test_a_scan_without_millimetres_is_not_evaluable() -> None:
    found = last(seen(0), seen(8, None))
    assert found.category is Category.NOT_EVALUABLE
    assert "size of its voxels is not known" in found.reason


def test_lesions_too_small_to_be_measured_leave_the_volume() -> None:
    course = (seen(0, product_mm2=None), seen(8, 40.0, product_mm2=None))
    by_product = last(*course)
    assert by_product.category is Category.NOT_EVALUABLE
    assert "large enough to be measurable" in by_product.reason
    assert last(*course, by=BY_VOLUME).category is Category.MINOR


def test_the_first_examination_is_the_baseline() -> None:
    assert last(seen(0)).category is Category.BASELINE


def test_after_an_operation_the_course_begins_anew() -> None:
    operation = Therapy(Therapy.SURGERY, START + timedelta(weeks=4))
    course = [seen(0), seen(6, 30.0), seen(14, 33.0)]
    first, second = (assess(one, course, [operation], BY_PRODUCT) for one in course[1:])
    assert first.category is Category.BASELINE
    assert second.category is Category.STABLE
    assert second.baseline is not None and second.baseline.before == 30.0


def test_a_baseline_that_a_clinician_chose_goes_before_the_rule() -> None:
    operation = Therapy(Therapy.SURGERY, START + timedelta(weeks=4))
    course = (seen(0), seen(6, 30.0), seen(10, 40.0, is_baseline=True), seen(18, 60.0))
    found = last(*course, therapies=(operation,))
    assert found.baseline is not None
    assert (found.baseline.before, found.category) == (40.0, Category.PROGRESSION)


def test_a_response_is_preliminary_until_it_has_lasted_four_weeks() -> None:
    course = [seen(0), seen(8, 40.0), seen(10, 35.0), seen(12, 38.0)]
    alone = assess(course[1], course[:2], [], BY_PRODUCT)
    assert alone.is_preliminary
    assert assess(course[2], course[:3], [], BY_PRODUCT).is_preliminary
    confirmed = assess(course[3], course, [], BY_PRODUCT)
    assert (confirmed.category, confirmed.is_preliminary) == (Category.PARTIAL, False)
    assert not assess(course[1], course, [], BY_PRODUCT).is_preliminary, "confirmed afterwards"


def test_a_lesser_response_does_not_confirm_a_better_one() -> None:
    course = [seen(0), seen(8, 0.0), seen(14, 0.0, steroid_mg=2.0)]
    assert assess(course[1], course, [], BY_PRODUCT).is_preliminary
    course = [seen(0), seen(8, 70.0), seen(14, 40.0)]
    assert assess(course[2], course, [], BY_PRODUCT).is_preliminary
    assert not assess(course[1], course, [], BY_PRODUCT).is_preliminary


@pytest.mark.parametrize(("weeks", "preliminary"), [(11.8, True), (12, False)])
def test_progression_within_twelve_weeks_of_radiotherapy_is_preliminary(
    weeks: float, preliminary: bool
) -> None:
    radiotherapy = Therapy(Therapy.RADIOTHERAPY, START - timedelta(weeks=6), START)
    found = last(seen(0), seen(weeks, 140.0), therapies=(radiotherapy,))
    assert (found.category, found.is_preliminary) == (Category.PROGRESSION, preliminary)


def test_progression_seen_again_after_four_weeks_is_confirmed() -> None:
    radiotherapy = Therapy(Therapy.RADIOTHERAPY, START - timedelta(weeks=6), START)
    found = last(seen(0), seen(6, 140.0), seen(10, 150.0), therapies=(radiotherapy,))
    assert (found.category, found.is_preliminary) == (Category.PROGRESSION, False)


def test_a_category_that_rests_on_a_draft_says_so() -> None:
    assert last(seen(0, is_signed=False), seen(8)).uses_drafts
    assert last(seen(0), seen(8, is_signed=False)).uses_drafts
    assert not last(seen(0), seen(8)).uses_drafts


def test_the_order_of_the_examinations_does_not_matter() -> None:
    course = [seen(0), seen(8, 40.0), seen(16, 52.0)]
    for one in course:
        assert assess(one, course, [], BY_VOLUME) == assess(one, course[::-1], [], BY_VOLUME)
