"""The whole chart, put together."""

from __future__ import annotations

from segmentation.course_chart.bands import count_rows, place_bands, span_days
from segmentation.course_chart.frame import BOTTOM, LEFT, RIGHT, WIDTH, Frame
from segmentation.course_chart.lines import Lines, interval_of, size_of
from segmentation.course_chart.records import Chart
from segmentation.models import CriterionName
from segmentation.scales import Tick, date_ticks, nice_steps
from segmentation.selectors.course import CRITERIA, Course


def draw_course(course: Course, name: CriterionName) -> Chart | None:
    """The chart by one size; None where no examination has it."""
    size = CRITERIA[name].size
    measured = [entry for entry in course.entries if entry.observation.size(size) is not None]
    if not measured:
        return None
    days = span_days(measured, course.treatments)
    bands = place_bands(course.treatments, days)
    highest = max(interval_of(entry, name)[1] or size_of(entry, name) for entry in measured)
    frame = Frame(days, count_rows(bands), nice_steps(highest))
    lines = Lines(course, name, measured, frame)
    return Chart(
        name=name,
        unit="mL" if name == CriterionName.VOLUME else "mm²",
        width=WIDTH,
        height=frame.bottom + BOTTOM,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=frame.top,
        bottom=frame.bottom,
        lines=lines.draw(),
        bands=tuple(bands),
        y_ticks=[Tick(frame.y(value), f"{value:g}") for value in frame.steps],
        x_ticks=date_ticks([(days.x(entry.day), entry.day) for entry in measured]),
        left_out=lines.left_out,
    )
