"""A single picture as the network that names its type is fed it."""

from __future__ import annotations

import numpy as np

from ml.intensity import FloatArray
from ml.preparation import Preparation, make_frame, measure_scales, resize_plane, standardise
from ml.stacks import AxialStack, select_channels


def fit_picture(stack: AxialStack, preparation: Preparation) -> FloatArray:
    """The first slice of ``stack`` as a network is fed it: (C, side, side), the head centred."""
    stack = select_channels(stack, preparation.channels)
    frame = make_frame(stack, preparation)
    plane = resize_plane(stack.pixels[:, 0, frame.rows, frame.columns], frame.worked)
    missing = [preparation.side - length for length in frame.worked]
    # As in training: half of what is missing goes before, and the odd row or column after.
    margins = [(lack // 2, lack - lack // 2) for lack in missing]
    padded = np.pad(plane, [(0, 0), *margins])
    return standardise(padded, measure_scales(stack, preparation.scale))
