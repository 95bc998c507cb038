"""The chart of a patient's course, laid out to scale; the template only draws it.

Everything that it says can be read without a script, in print and in greyscale: lines are named at
their ends and dashed differently, signed results are filled and drafts hollow. A bar through a
model's volume goes from the low to the high end of its interval.
"""

from segmentation.course_chart.drawing import draw_course
from segmentation.course_chart.records import Band, Chart, Line, Mark

__all__ = ("Band", "Chart", "Line", "Mark", "draw_course")
