"""Which lesions are measurable as the RANO criteria define it.

Measurable is a lesion with two perpendicular diameters of at least 10 mm, visible on two or more
axial slices that are at most 5 mm apart; where slices are thicker, both diameters have to reach
twice their distance, gaps between slices included (Wen et al., J Clin Oncol 2010;28:1963, after
RECIST 1.1, Eisenhauer et al., Eur J Cancer 2009;45:228; RANO 2.0, Wen et al., J Clin Oncol
2023;41:5187, keeps the 10 mm by 10 mm). The criteria also ask for clearly defined margins and speak
of one component of the tumour, enhancing or not: what a mask marks, and whether cyst, cavity and
necrosis are left out of it, is for the reader to judge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_DIAMETER_MM = 10.0
LEAST_SLICES = 2
THIN_SLICE_MM = 5.0


def slice_distance_mm(steps_mm: NDArray[np.float64]) -> float:
    """The distance between neighbouring slices, along the grid's coarsest axis.

    ``steps_mm`` is 3 x 3, one row an axis. Distances are those between planes of voxels, which in
    a sheared grid are less than the length of the step.
    """
    faces = [np.cross(steps_mm[a - 2], steps_mm[a - 1]) for a in range(3)]
    volume = abs(float(np.linalg.det(steps_mm)))
    return max(volume / float(np.linalg.norm(face)) for face in faces)


def least_diameter_mm(steps_mm: NDArray[np.float64]) -> float:
    """What both diameters have to reach on this grid."""
    apart = slice_distance_mm(steps_mm)
    # Sizes in headers are rounded: 5.0000001 mm is no thick slice.
    return 2 * apart if apart > THIN_SLICE_MM + 1e-3 else LEAST_DIAMETER_MM


def is_measurable(
    longest_mm: float, perpendicular_mm: float, slices: int, steps_mm: NDArray[np.float64]
) -> bool:
    """Whether a lesion with these diameters on this many axial slices is measurable."""
    least = least_diameter_mm(steps_mm)
    return slices >= LEAST_SLICES and min(longest_mm, perpendicular_mm) >= least
