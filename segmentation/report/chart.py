"""The course's chart for print: the layout of the page's, in colours and letters of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from django.template.loader import render_to_string

from segmentation.course_chart import Line, draw_course
from segmentation.models import CriterionName
from segmentation.palette import LESION_COLOURS, colour_index
from segmentation.selectors.course import Course

TOTAL = "#000000"
# So that lines can be told apart without colour; the total's is whole.
DASHES = ("7 4", "2 3", "9 3 2 3", "14 4")


@dataclass(frozen=True)
class Drawn:
    line: Line
    colour: str
    dashes: str


def print_chart(course: Course, *, until: date) -> str:
    """The volumes up to ``until`` as SVG that needs no style sheet; empty where there are none."""
    seen = replace(
        course,
        entries=tuple(entry for entry in course.entries if entry.day <= until),
        treatments=tuple(one for one in course.treatments if one.started_on <= until),
    )
    chart = draw_course(seen, CriterionName.VOLUME)
    if chart is None:
        return ""
    days = len({entry.day for entry in seen.entries})
    context = {
        "chart": chart,
        "lines": [_drawn(line) for line in reversed(chart.lines)],
        "words": f"Volume over {days} examinations",
    }
    return render_to_string("segmentation/report_chart.svg", context)


def _drawn(line: Line) -> Drawn:
    if line.is_total:
        return Drawn(line, TOTAL, "")
    colour = LESION_COLOURS[colour_index(line.colour) - 1]
    return Drawn(line, colour, DASHES[line.dash % len(DASHES)])
