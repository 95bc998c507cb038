"""What a synthetic head is made of, as plain records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.intensity import BoolArray

Point = tuple[float, float, float]

# Grey values of the template, which has white matter at 0.87, grey at 0.65 and CSF at 0.25.
BRAIN_LEVEL, CSF_LEVEL, TISSUE_LEVEL = 0.15, 0.36, 0.5


@dataclass(frozen=True)
class Contrast:
    """A sequence: the signals of ``LEVELS``, the template's grey values; grey in FLAIR is 1.

    ``lesion`` is the signal of lesions, None where each says it; ``rim`` is added in a shell.
    """

    name: str
    signal: tuple[float, ...]
    scalp: float
    lesion: float | None = None
    rim: float = 0.0


LEVELS = (0.0, 0.22, 0.36, 0.52, 0.65, 0.76, 0.87, 1.0)
FLAIR = Contrast("FLAIR", (0.0, 0.11, 0.3, 0.82, 1.0, 0.94, 0.86, 0.83), scalp=1.3)


@dataclass(frozen=True)
class PhantomLesion:
    """A lesion to grow: centre in MNI RAS millimetres, radii along R, A and S in millimetres.

    ``intensity`` is its FLAIR signal as a multiple of grey matter's.
    """

    centre_mm: Point
    radii_mm: Point
    intensity: float = 1.55


@dataclass(frozen=True)
class Phantom:
    """A volume (X, Y, Z) of int16 with its truth mask, on the grid of ``affine`` (4 x 4, RAS+ mm).

    ``lesion_volumes_ml`` follows the lesions' order; a voxel claimed twice is the earlier one's.
    """

    volume: NDArray[np.int16]
    truth: BoolArray
    affine: NDArray[np.float64]
    lesion_volumes_ml: tuple[float, ...]
