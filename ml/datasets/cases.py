"""One patient's labelled images, whatever data set they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.stacks import AxialStack


class DatasetError(ValueError):
    """A folder does not hold what its data set promises; the message says what and where."""


@dataclass(frozen=True)
class LabelledCase:
    """A stack with its reference mask.

    ``mask`` is (Z, H, W) and true where the readers drew tumour. ``patient`` is what splits go
    by; ``case`` is one examination of that patient.
    """

    case: str
    patient: str
    stack: AxialStack
    mask: NDArray[np.bool_]
