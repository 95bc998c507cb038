"""The small line of a list, the summary of a course, and the colours of lesions."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from patients.sparkline import sparkline
from segmentation.palette import LESION_COLOURS, PART_COLOURS, colour_index, rgb
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


def test_a_small_line_fits_its_box() -> None:
    assert sparkline([]) == sparkline([3.0]) == ""
    numbers = [float(n) for n in re.split(r"[ ,]", sparkline([0.0, 10.0, 5.0]))]
    assert numbers == [2, 18, 36, 2, 70, 10]
    assert sparkline([0.0, 0.0]) == "2.0,18.0 70.0,18.0"


@pytest.mark.parametrize(
    ("name", "colours"),
    [("lesion", dict(enumerate(LESION_COLOURS, start=1))), ("part", PART_COLOURS)],
)
def test_the_style_sheet_has_the_same_colours(name: str, colours: dict[int, str]) -> None:
    styles = "".join(
        sheet.read_text(encoding="utf-8")
        for sheet in sorted(Path(settings.FRONTEND, "styles").glob("*.css"))
    )
    stated = dict(re.findall(rf"--{name}-(\d+):\s*(#[0-9a-fA-F]{{6}})", styles))
    assert {int(n): colour.lower() for n, colour in stated.items()} == colours


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
