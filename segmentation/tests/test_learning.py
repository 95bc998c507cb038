"""How the drafts fared against what was signed: counted right, and only by what was signed."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.models import Clinic
from segmentation.learning_chart import draw_agreement
from segmentation.selectors.learning import (
    Agreement,
    Month,
    count_exportable,
    latest_rejections,
    model_records,
    worst_corrections,
)
from segmentation.tests.factories import SegmentationFactory
from segmentation.tests.learning_factories import MAY, new_scan, rejected, signed
from segmentation.tests.reading_factories import SIGNED


def test_mean_median_and_lowest_are_those_of_the_signed_masks(clinic: Clinic) -> None:
    for dice in (1.0, 0.9, 0.5, 0.8):
        signed(clinic, dice)
    (record,) = model_records(clinic=clinic)
    assert (record.name, record.version) == ("flair2d", "2")
    assert (record.total.signed, record.total.unchanged) == (4, 1)
    assert record.total.mean == pytest.approx(0.8)
    assert record.total.median == pytest.approx(0.85)
    assert record.total.lowest == 0.5


def test_months_and_versions_are_told_apart(clinic: Clinic) -> None:
    signed(clinic, 0.9)
    signed(clinic, 0.7, MAY)
    signed(clinic, 0.6, MAY, model_version="3")
    second, third = model_records(clinic=clinic)
    assert [(m.first_day, m.agreement.mean) for m in second.months] == [
        (date(2026, 3, 1), 0.9),
        (date(2026, 5, 1), 0.7),
    ]
    assert [(m.first_day, m.agreement.mean) for m in third.months] == [(date(2026, 5, 1), 0.6)]


@pytest.mark.parametrize("review", ["draft", "in_review"])
def test_what_nobody_has_signed_does_not_count(review: str, clinic: Clinic) -> None:
    signed(clinic, 0.1, None, review=review, reviewer_name="")
    assert model_records(clinic=clinic) == []
    assert worst_corrections(clinic=clinic) == []


def test_a_mask_drawn_without_a_draft_counts_for_no_model(clinic: Clinic) -> None:
    SegmentationFactory(scan=new_scan(clinic), succeeded=True, author_name="Dr Sample", **SIGNED)
    assert model_records(clinic=clinic) == []


def test_rejected_drafts_are_counted_with_their_reasons(clinic: Clinic) -> None:
    signed(clinic, 0.9)
    rejected(clinic, "It marked the choroid plexus")
    rejected(clinic, "Wrong sequence", MAY)
    (record,) = model_records(clinic=clinic)
    assert record.total.rejected == 2
    assert [(m.agreement.signed, m.agreement.rejected) for m in record.months] == [(1, 1), (0, 1)]
    reasons = {item.reason for item in latest_rejections(clinic=clinic)}
    assert reasons == {"It marked the choroid plexus", "Wrong sequence"}


def test_a_model_whose_every_draft_was_rejected_is_listed(clinic: Clinic) -> None:
    rejected(clinic, "It marked the skull")
    (record,) = model_records(clinic=clinic)
    assert record.total == Agreement(rejected=1)
    assert draw_agreement(record.months) is None


def test_the_worst_come_first_and_the_unchanged_not_at_all(clinic: Clinic) -> None:
    for dice in (0.9, 1.0, 0.3):
        signed(clinic, dice)
    worst = worst_corrections(clinic=clinic)
    assert [item.dice for item in worst] == [0.3, 0.9]
    assert worst[0].model == "flair2d 2"


def test_another_clinic_counts_for_itself(clinic: Clinic, stranger: Any) -> None:
    signed(stranger.clinic, 0.2)
    rejected(stranger.clinic, "Theirs")
    assert model_records(clinic=clinic) == []
    assert worst_corrections(clinic=clinic) == []
    assert latest_rejections(clinic=clinic) == []
    assert count_exportable(clinic=clinic).without_consent == 0


def test_the_figures_take_the_same_queries_for_many_as_for_few(clinic: Clinic) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            model_records(clinic=clinic)
            worst_corrections(clinic=clinic)
            latest_rejections(clinic=clinic)
            count_exportable(clinic=clinic)
        return len(queries)

    signed(clinic, 0.5)
    few = count()
    for dice in (0.1, 0.2, 0.3):
        signed(clinic, dice, MAY)
        rejected(clinic, "No")
    assert count() == few


def month(number: int, mean: float) -> Month:
    return Month(date(2026, number, 1), Agreement(2, 0, mean, mean, mean / 2))


def test_the_chart_is_to_scale() -> None:
    chart = draw_agreement([month(1, 1.0), month(2, 0.5), month(4, 0.0)])
    assert chart is not None
    top, middle, bottom = (mark.mean_y for mark in chart.marks)
    assert middle - top == pytest.approx(bottom - middle)
    first, second, third = (mark.x for mark in chart.marks)
    assert third - second == pytest.approx(2 * (second - first), abs=0.2)
    assert [tick.label for tick in chart.y_ticks] == ["0", "0.25", "0.5", "0.75", "1"]


def test_a_single_month_stands_in_the_middle_without_a_line() -> None:
    chart = draw_agreement([month(3, 0.8)])
    assert chart is not None
    assert chart.line == ""
    assert chart.left < chart.marks[0].x < chart.right
    assert [tick.label for tick in chart.x_ticks] == ["Mar 2026"]


def test_the_names_of_many_months_do_not_run_into_each_other() -> None:
    chart = draw_agreement(
        [Month(date(2020 + n // 12, 1 + n % 12, 1), month(1, 0.5).agreement) for n in range(40)]
    )
    assert chart is not None
    places = [tick.position for tick in chart.x_ticks]
    assert min(b - a for a, b in pairwise(places)) >= 60
