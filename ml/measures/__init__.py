"""What is measured on a mask: how large each lesion is, its shape, its neighbours and its place.

Lesions are 26-connected components, none left out for being small; where a person told touching
lesions apart, each component of each of their values is one. Every length, area and volume goes
through the affine. Where the file gives no reliable spacing, only voxels, pixels and shares are
given. docs/measures.md defines each figure.
"""

from ml.measures.by_label import LabelledMeasurement, measure_label_map
from ml.measures.lesions import NEIGHBOURS_26, number_lesions
from ml.measures.measuring import HEAD, measure
from ml.measures.records import Brain, Grid, LesionMeasure, Measurement

__all__ = (
    "HEAD",
    "NEIGHBOURS_26",
    "Brain",
    "Grid",
    "LabelledMeasurement",
    "LesionMeasure",
    "Measurement",
    "measure",
    "measure_label_map",
    "number_lesions",
)
