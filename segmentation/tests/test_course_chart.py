"""The course drawn to scale: what is joined, named, filled and marked."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from patients.models import Patient
from patients.tests.factories import TreatmentFactory
from segmentation.course_chart import Chart, Line, draw_course
from segmentation.course_chart.frame import LEFT, RIGHT, WIDTH
from segmentation.course_chart.lines import MOST_LESIONS
from segmentation.models import CriterionName
from segmentation.scales import CHARACTER, date_ticks, lanes, nice_steps, spread
from segmentation.tests.course_factories import START, course_of, examine, link
from segmentation.tests.reading_factories import SIGNED

VOLUME, PRODUCT = CriterionName.VOLUME, CriterionName.PRODUCT


def drawn(patient: Patient, by: CriterionName = VOLUME) -> Chart:
    chart = draw_course(course_of(patient), by)
    assert chart is not None
    return chart


def line(chart: Chart, label: str) -> Line:
    return next(one for one in chart.lines if one.label == label)


@pytest.mark.parametrize(
    ("highest", "steps"),
    [
        (0.0, [0, 0.05, 0.1]),
        (0.31, [0, 0.1, 0.2, 0.3, 0.4]),
        (20.0, [0, 5, 10, 15, 20]),
        (1234.0, [0, 500, 1000, 1500]),
    ],
)
def test_the_axis_starts_at_zero_and_has_round_steps(highest: float, steps: list[float]) -> None:
    assert nice_steps(highest) == pytest.approx(steps)


@pytest.mark.parametrize("highest", [0.01, 0.4, 1.1, 9.99, 25.01, 640.5])
def test_every_value_lies_below_the_top_of_the_axis(highest: float) -> None:
    steps = nice_steps(highest)
    assert steps[-1] >= highest
    assert 3 <= len(steps) <= 6


def test_dates_never_run_into_each_other_and_the_last_one_stays() -> None:
    ticks = date_ticks((n * 10.0, date(2024, 1, 1) + timedelta(days=n)) for n in range(50))
    gaps = [b.position - a.position for a, b in pairwise(ticks)]
    assert min(gaps) >= 84
    assert ticks[-1].label == "19 Feb 2024"


def test_names_at_the_ends_of_lines_are_kept_apart_within_the_plot() -> None:
    places = spread([100, 101, 102, 10], 14, 0, 110)
    assert sorted(places) == [10, 82, 96, 110]


def test_treatments_that_overlap_lie_in_lanes_of_their_own() -> None:
    assert lanes([(0, 10), (5, 20), (10, 15), (30, 40)]) == [0, 1, 0, 0]


@pytest.mark.django_db
def test_dates_and_volumes_are_to_scale(patient: Patient) -> None:
    for month, volume in ((0, 8.0), (1, 4.0), (10, 0.0)):
        examine(patient, month, *([volume] if volume else []))
    chart = drawn(patient)
    first, second, third = line(chart, "Total").marks
    assert (second.x - first.x) / (third.x - first.x) == pytest.approx(0.1, abs=0.002)
    assert second.y == pytest.approx((first.y + third.y) / 2, abs=0.1)
    assert third.y == chart.bottom
    assert first.x > LEFT and third.x < WIDTH - RIGHT


@pytest.mark.django_db
def test_signed_results_new_lesions_baseline_and_nadir_are_told(patient: Patient) -> None:
    first = examine(patient, 0, 10.0, **SIGNED)
    second = examine(patient, 3, 4.0)
    third = examine(patient, 6, 5.0, 2.0)
    link(first, second, (1, 1))
    link(second, third, (1, 1))
    link(first, third, (1, 1))
    chart = drawn(patient)
    total = line(chart, "Total")
    assert [mark.is_signed for mark in total.marks] == [True, False, False]
    assert [mark.role for mark in total.marks] == ["baseline", "nadir", ""]
    assert [mark.is_new for mark in line(chart, "Lesion 2").marks] == [True]
    assert chart.has_new


@pytest.mark.django_db
def test_a_lesion_that_is_gone_ends_at_zero(patient: Patient) -> None:
    first, second = examine(patient, 0, 10.0, 3.0), examine(patient, 3, 9.0)
    link(first, second, (1, 1))
    assert [mark.value for mark in line(drawn(patient), "Lesion 2").marks] == [3.0, 0.0]


@pytest.mark.django_db
def test_only_what_may_be_compared_is_joined(patient: Patient) -> None:
    examine(patient, 0, 10.0)
    examine(patient, 3, 4.0, model_version="2")
    examine(patient, 6, 5.0)
    chart = drawn(patient)
    assert [len(line(chart, label).marks) for label in ("Total 1", "Total 2")] == [2, 1]


@pytest.mark.django_db
def test_a_product_is_drawn_of_what_is_measurable(patient: Patient) -> None:
    examine(patient, 0, 10.0)
    examine(patient, 3, 0.1, side_mm=5.0)
    assert [mark.value for mark in line(drawn(patient, PRODUCT), "Total").marks] == [400.0]


@pytest.mark.django_db
def test_a_long_tail_of_small_lesions_is_in_the_total_alone(patient: Patient) -> None:
    examine(patient, 0, *[10.0 / n for n in range(1, 13)])
    chart = drawn(patient)
    assert len(chart.lines) == 1 + MOST_LESIONS
    assert chart.left_out == 12 - MOST_LESIONS


@pytest.mark.django_db
def test_treatments_are_bands_to_scale_and_one_that_goes_on_reaches_the_end(
    patient: Patient,
) -> None:
    examine(patient, 0, 8.0)
    examine(patient, 10, 8.0)
    marks = line(drawn(patient), "Total").marks
    whole = marks[1].x - marks[0].x
    for kind, begin, end in (
        ("surgery", 30, None),
        ("radiotherapy", 60, 90),
        ("chemotherapy", 150, None),
        ("other", 700, None),
    ):
        TreatmentFactory(
            patient=patient,
            kind=kind,
            started_on=START + timedelta(days=begin),
            ended_on=None if end is None else START + timedelta(days=end),
        )
    surgery, radiotherapy, chemotherapy = drawn(patient).bands
    assert surgery.is_moment and surgery.x == pytest.approx(marks[0].x + 0.1 * whole, abs=0.2)
    assert radiotherapy.width == pytest.approx(0.1 * whole, abs=0.2)
    assert chemotherapy.x + chemotherapy.width == pytest.approx(marks[1].x, abs=0.2)
    for band in (surgery, radiotherapy, chemotherapy):
        length = CHARACTER * len(band.label)
        end = band.text_x + (length if band.anchor == "start" else 0)
        assert end <= WIDTH, "its name stays in the drawing"


@pytest.mark.django_db
def test_without_a_size_there_is_no_chart(patient: Patient) -> None:
    assert draw_course(course_of(patient), VOLUME) is None
    examine(patient, 0, 10.0, scan_of={"spacing_is_reliable": False})
    assert draw_course(course_of(patient), VOLUME) is None


def test_a_models_volume_has_the_bar_of_its_interval_and_the_axis_reaches_its_end(
    patient: Patient,
) -> None:
    known = {"level": 0.8, "low_ml": 12.0, "high_ml": 33.0, "patients": 24}
    examine(patient, 0, 20.0, volume_interval=known)
    examine(patient, 3, 20.0, author_name="Dr Sample")
    chart = drawn(patient)
    (first,), (second,) = ([one.marks[0]] for one in chart.lines if one.is_total)
    assert first.low_y is not None
    assert first.high_y is not None
    assert first.high_y < first.y < first.low_y
    assert first.high_y >= chart.top
    assert (second.low_y, second.high_y) == (None, None)
    assert chart.has_intervals
    assert not drawn(patient, PRODUCT).has_intervals
