"""The course as the rule sees it: what is compared with what, named how, and decided by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clinic.models import AccessEvent, Membership
from ml.course import Category
from patients.models import Patient
from patients.services.studies import record_condition
from patients.tests.factories import TreatmentFactory
from segmentation.errors import DecisionError
from segmentation.models import CriterionName, ResponseCategory, ResponseDecision, Segmentation
from segmentation.selectors.course import Assessed
from segmentation.services.decisions import decide_response
from segmentation.tests.course_factories import (
    START,
    course_of,
    examine,
    link,
    link_first_lesions,
)
from segmentation.tests.factories import SegmentationFactory
from segmentation.tests.reading_factories import SIGNED, ComparisonFactory

pytestmark = pytest.mark.django_db
VOLUME, PRODUCT = CriterionName.VOLUME, CriterionName.PRODUCT


def last(patient: Patient, by: CriterionName = VOLUME) -> Assessed:
    return course_of(patient).entries[-1].assessed[by]


def decide(result: Segmentation, by: Membership, **values: Any) -> ResponseDecision:
    found = last(result.scan.study.patient)
    usual = {
        "criterion": VOLUME,
        "category": ResponseCategory(str(found.response.category)),
        "is_preliminary": found.response.is_preliminary,
        "seen": found.seen,
    }
    return decide_response(scan=result.scan, by=by, **{**usual, **values})


def test_sizes_changes_and_growth_stand_beside_each_other(patient: Patient) -> None:
    results = [examine(patient, month, volume) for month, volume in ((0, 10.0), (3, 4.0), (6, 8.0))]
    link_first_lesions(results)
    entry = course_of(patient).entries[-1]
    found = entry.assessed[VOLUME]
    assert (found.since_baseline, found.since_nadir, found.previous) != (None, None, None)
    assert found.since_baseline and found.since_baseline.percent == pytest.approx(-20.0)
    assert found.since_nadir and found.since_nadir.percent == pytest.approx(100.0)
    assert found.previous and found.previous.since.key == str(results[1].pk)
    assert entry.growth and entry.growth.doubling_days == pytest.approx(90.0)
    assert found.response.category is Category.PROGRESSION
    assert found.response.uses_drafts
    assert entry.assessed[PRODUCT].response.category is Category.STABLE


def test_a_lesion_keeps_its_name_and_a_new_one_is_progression(patient: Patient) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 6.0, 5.0)
    link(first, second, (1, 2))
    entry = course_of(patient).entries[-1]
    assert {n: x.name for n, x in entry.names.lesions.items()} == {1: 2, 2: 1}
    assert entry.names.new == (2,)
    assert [(x.name, x.volume_ml, x.is_new) for x in entry.lesions] == [
        (1, 5.0, False),
        (2, 6.0, True),
    ]
    found = entry.assessed[VOLUME].response
    assert (found.category, found.reason) == (
        Category.PROGRESSION,
        "There is a new lesion that no earlier scan shows.",
    )


def test_a_new_lesion_too_small_to_be_measured_is_left_to_the_person(patient: Patient) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 10.0, 0.1)
    second.lesions.filter(number=2).update(longest_diameter_mm=6.0, perpendicular_diameter_mm=4.0)
    link(first, second, (1, 1))
    found = last(patient).response
    assert found.category is Category.STABLE
    assert any("too small to be measurable" in one for one in found.conditions)


def test_the_parts_of_a_lesion_that_split_are_summed_under_its_name(patient: Patient) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 3.0, 2.0)
    link(first, second, (1, 1), (1, 2))
    entry = course_of(patient).entries[-1]
    assert [name.label for _, name in sorted(entry.names.lesions.items())] == ["1a", "1b"]
    assert [(x.name, x.volume_ml, x.parts) for x in entry.lesions] == [(1, 5.0, 2)]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "has not been compared with the examination of 10 Jan 2024 yet"),
        ({"state": "queued"}, "is being compared with the examination of 10 Jan 2024"),
        ({"state": "failed", "reason": "The heads do not fit."}, "The heads do not fit."),
    ],
)
def test_without_a_comparison_new_lesions_are_not_known_and_it_says_why(
    patient: Patient, state: dict[str, str] | None, words: str
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 10.0)
    if state is not None:
        ComparisonFactory(earlier=first, later=second, **state)
    course = course_of(patient)
    names = course.entries[-1].names
    assert names.new is None
    assert words in names.why_not_known
    assert names.is_waiting is course.is_matching is (state == {"state": "queued"})
    assert "there is no new lesion" in last(patient).response.conditions


def test_a_scan_without_an_affine_says_that_it_cannot_be_matched(patient: Patient) -> None:
    examine(patient, 0, 10.0, scan_of={"affine": None})
    examine(patient, 3, 10.0)
    assert "no affine" in course_of(patient).entries[-1].names.why_not_known


def test_a_composite_is_compared_with_a_flair_where_both_mark_the_flair_abnormality(
    patient: Patient,
) -> None:
    examine(patient, 0, 10.0, scan_of={"sequence": "COMPOSITE"})
    examine(patient, 3, 2.0)
    assert last(patient).response.category is Category.PARTIAL


@pytest.mark.parametrize(
    ("later", "why"),
    [
        ({"labels": {"1": "enhancing tumour"}}, "One mask marks FLAIR abnormality"),
        ({"scan_of": {"sequence": "T2"}}, "One scan is FLAIR, the other T2."),
        ({"model_version": "1"}, "different methods (stub 0; stub 1)"),
        ({"model_name": "", "model_version": "", "author_name": "Dr A"}, "(stub 0; by hand)"),
    ],
)
def test_other_components_families_and_methods_are_not_evaluable(
    patient: Patient, later: dict[str, Any], why: str
) -> None:
    examine(patient, 0, 10.0)
    examine(patient, 3, 2.0, **later)
    found = last(patient).response
    assert found.category is Category.NOT_EVALUABLE
    assert why in found.reason


def test_a_corrected_mask_has_the_method_of_the_model_that_it_goes_back_to(
    patient: Patient,
) -> None:
    examine(patient, 0, 10.0)
    second = examine(patient, 3, 9.0)
    Segmentation.objects.filter(pk=second.pk).update(is_current=False)
    corrected = SegmentationFactory(
        scan=second.scan,
        succeeded=True,
        parent=second,
        author_name="Dr A",
        model_name="",
        model_version="",
        volume_ml=3.0,
    )
    entry = course_of(patient).entries[-1]
    assert entry.result == corrected
    assert (entry.observation.method, entry.is_corrected) == ("stub 0", True)
    assert entry.assessed[VOLUME].response.category is Category.PARTIAL


def test_what_the_clinician_records_is_what_the_rule_uses(
    patient: Patient, clinician: Membership
) -> None:
    examine(patient, 0, 10.0)
    result = examine(patient, 3, 10.0)
    record_condition(study=result.study, by=clinician, clinical_change="worse")
    assert last(patient).response.category is Category.PROGRESSION
    record_condition(study=result.study, by=clinician, is_baseline=True)
    assert last(patient).response.category is Category.BASELINE


def test_after_radiotherapy_the_course_begins_anew(patient: Patient) -> None:
    for month, volume in ((0, 20.0), (4, 10.0), (12, 10.5)):
        examine(patient, month, volume)
    day = START + timedelta(days=60)
    TreatmentFactory(patient=patient, kind="radiotherapy", started_on=day, ended_on=day)
    archived = TreatmentFactory(patient=patient, started_on=START + timedelta(days=200))
    archived.archived_at = archived.created_at
    archived.save()
    course = course_of(patient)
    categories = [entry.assessed[VOLUME].response.category for entry in course.entries]
    assert categories == [Category.BASELINE, Category.BASELINE, Category.STABLE]
    assert len(course.treatments) == 1


def test_a_scan_without_a_voxel_size_has_no_sizes_and_no_category(patient: Patient) -> None:
    examine(patient, 0, 10.0)
    examine(patient, 3, 10.0, scan_of={"spacing_is_reliable": False})
    entry = course_of(patient).entries[-1]
    assert [x.volume_ml for x in entry.lesions] == [None]
    assert entry.assessed[VOLUME].value is None
    assert entry.assessed[VOLUME].response.category is Category.NOT_EVALUABLE


def test_archived_scans_are_no_part_of_the_course(patient: Patient) -> None:
    examine(patient, 0, 10.0)
    gone = examine(patient, 3, 10.0).scan
    gone.archived_at = gone.uploaded_at
    gone.save()
    assert len(course_of(patient).entries) == 1


def test_the_number_of_queries_does_not_grow_with_the_scans(
    patient: Patient, django_assert_max_num_queries: Any
) -> None:
    results = [examine(patient, month, 10.0, 2.0) for month in range(6)]
    link_first_lesions(results)
    with django_assert_max_num_queries(8):
        assert len(course_of(patient).entries) == 6


def test_a_decision_that_follows_the_rule_needs_no_reason_and_is_logged(
    patient: Patient, clinician: Membership
) -> None:
    examine(patient, 0, 10.0, **SIGNED)
    row = decide(examine(patient, 3, 2.0, **SIGNED), clinician)
    assert (row.category, row.is_preliminary, row.by_name) == (
        "partial response",
        True,
        clinician.display_name,
    )
    decided = last(patient).decision
    assert decided is not None and decided.row == row and not decided.is_outdated
    line = AccessEvent.objects.get(action="response.decide")
    assert line.detail == "by volume: partial response"
    assert line.patient_id == patient.pk


def test_another_category_needs_a_reason_and_older_decisions_stay(
    patient: Patient, clinician: Membership
) -> None:
    examine(patient, 0, 10.0)
    result = examine(patient, 3, 2.0)
    with pytest.raises(DecisionError, match="say why"):
        decide(result, clinician, category=ResponseCategory.STABLE)
    with pytest.raises(DecisionError, match="say why"):
        decide(result, clinician, is_preliminary=False)
    decide(result, clinician)
    decide(result, clinician, category=ResponseCategory.STABLE, reason="Steroid effect.")
    assert [one.row.category for one in last(patient).decisions] == [
        "stable disease",
        "partial response",
    ]
    assert last(patient).response.category is Category.PARTIAL, "the rule's stays beside it"


def test_a_decision_on_figures_that_have_changed_is_marked_and_one_unseen_refused(
    patient: Patient, clinician: Membership
) -> None:
    first = examine(patient, 0, 10.0)
    result = examine(patient, 3, 2.0)
    seen = last(patient).seen
    decide(result, clinician)
    Segmentation.objects.filter(pk=first.pk).update(volume_ml=4.0)
    decided = last(patient).decision
    assert decided is not None and decided.is_outdated
    with pytest.raises(DecisionError, match="have changed since"):
        decide(result, clinician, seen=seen)


def test_there_is_nothing_to_decide_on_without_a_result(
    patient: Patient, clinician: Membership
) -> None:
    result = examine(patient, 0, 10.0)
    seen = last(patient).seen
    Segmentation.objects.filter(pk=result.pk).update(is_current=False)
    with pytest.raises(DecisionError, match="no result that counts"):
        decide_response(
            scan=result.scan,
            criterion=VOLUME,
            category=ResponseCategory.BASELINE,
            is_preliminary=False,
            by=clinician,
            seen=seen,
        )
