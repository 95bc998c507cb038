"""The course of the volume, drawn to scale; and the colours of lesions."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings

from patients.sparkline import sparkline
from segmentation.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, CourseChart, draw_course
from segmentation.palette import LESION_COLOURS, colour_index, rgb
from segmentation.selectors.timeline import CoursePoint, summarise_course

START = date(2024, 1, 1)


def point(day: int, volume: float, sequence: str = "FLAIR") -> CoursePoint:
    return CoursePoint(
        scan_id=uuid.uuid4(),
        day=START + timedelta(days=day),
        volume_ml=volume,
        sequence=sequence,
        source="stub 0",
        found_nothing=volume == 0,
    )


def drawn(*points: CoursePoint) -> CourseChart:
    chart = draw_course(list(points))
    assert chart is not None
    return chart


@pytest.mark.parametrize(
    ("highest", "labels"),
    [
        (0.0, ["0", "0.05", "0.1"]),
        (0.3, ["0", "0.1", "0.2", "0.3"]),
        (0.31, ["0", "0.1", "0.2", "0.3", "0.4"]),
        (1.0, ["0", "0.5", "1"]),
        (7.3, ["0", "2", "4", "6", "8"]),
        (20.0, ["0", "5", "10", "15", "20"]),
        (83.2, ["0", "50", "100"]),
        (399.9, ["0", "100", "200", "300", "400"]),
        (1234.0, ["0", "500", "1000", "1500"]),
    ],
)
def test_the_axis_starts_at_zero_and_has_round_steps(highest: float, labels: list[str]) -> None:
    assert [tick.label for tick in drawn(point(0, highest)).y_ticks] == labels


@pytest.mark.parametrize("highest", [0.01, 0.1, 0.4, 1.1, 3.3, 9.99, 25.01, 77.0, 640.5])
def test_every_volume_lies_below_the_top_of_the_axis(highest: float) -> None:
    chart = drawn(point(0, highest), point(10, 0.0))
    high, low = chart.marks
    assert chart.y_ticks[-1].position == pytest.approx(TOP, abs=0.1)
    assert TOP <= high.y <= HEIGHT - BOTTOM
    assert low.y == chart.y_ticks[0].position == HEIGHT - BOTTOM
    assert 2 <= len(chart.y_ticks) <= 6


def test_heights_are_in_proportion_to_volumes() -> None:
    full, half, none = drawn(point(0, 8.0), point(10, 4.0), point(20, 0.0)).marks
    assert half.y == pytest.approx((full.y + none.y) / 2, abs=0.1)


def test_dates_are_to_scale() -> None:
    first, second, third = drawn(point(0, 1), point(30, 1), point(300, 1)).marks
    assert (second.x - first.x) / (third.x - first.x) == pytest.approx(0.1, abs=0.001)
    assert first.x > LEFT
    assert third.x < WIDTH - RIGHT


def test_only_results_of_the_same_sequence_are_joined() -> None:
    chart = drawn(
        point(0, 5, "FLAIR"),
        point(5, 4, "COMPOSITE"),
        point(10, 6, "FLAIR"),
        point(20, 3, "COMPOSITE"),
        point(30, 9, "T1"),
    )
    marks = chart.marks
    assert chart.lines == [
        f"{marks[0].x},{marks[0].y} {marks[2].x},{marks[2].y}",
        f"{marks[1].x},{marks[1].y} {marks[3].x},{marks[3].y}",
    ]


def test_a_single_result_is_a_point_in_the_middle_without_a_line() -> None:
    chart = drawn(point(0, 3))
    assert chart.lines == []
    assert chart.marks[0].x == pytest.approx(LEFT + (WIDTH - LEFT - RIGHT) / 2)


def test_no_result_gives_no_chart() -> None:
    assert draw_course([]) is None


def test_dates_never_run_into_each_other() -> None:
    ticks = drawn(*(point(day, 1) for day in range(0, 400, 7))).x_ticks
    gaps = [b.position - a.position for a, b in pairwise(ticks)]
    assert min(gaps) >= 84
    assert ticks[0].label == "1 Jan 2024"


def test_a_small_line_fits_its_box() -> None:
    assert sparkline([]) == sparkline([3.0]) == ""
    numbers = [float(n) for n in re.split(r"[ ,]", sparkline([0.0, 10.0, 5.0]))]
    assert numbers == [2, 18, 36, 2, 70, 10]
    assert sparkline([0.0, 0.0]) == "2.0,18.0 70.0,18.0"


def test_the_style_sheet_has_the_same_colours_of_lesions() -> None:
    styles = "".join(
        sheet.read_text(encoding="utf-8")
        for sheet in sorted(Path(settings.FRONTEND, "styles").glob("*.css"))
    )
    stated = dict(re.findall(r"--lesion-(\d+):\s*(#[0-9a-fA-F]{6})", styles))
    assert {int(n): colour.lower() for n, colour in stated.items()} == dict(
        enumerate(LESION_COLOURS, start=1)
    )


def test_colours_come_round_again() -> None:
    count = len(LESION_COLOURS)
    assert [colour_index(n) for n in (1, count, count + 1, 2 * count + 3)] == [1, count, 1, 3]
    assert rgb(1) == rgb(count + 1) == (0xE6, 0x9F, 0x00)
    assert len(set(LESION_COLOURS)) == count


def test_results_of_one_day_are_not_compared_with_each_other() -> None:
    same_day = summarise_course([point(70, 41.0), point(70, 22.0)])
    assert same_day is not None
    assert same_day.change_since_previous is None

    over_time = summarise_course([point(0, 20.0), point(70, 41.0), point(70, 30.0)])
    assert over_time is not None
    assert over_time.change_since_previous == 50.0
