"""A skull-stripped brain with a lesion, to be given away."""

from __future__ import annotations

import numpy as np

from ml.tests.factories import ellipsoid

SHAPE = (60, 72, 24)
SPACING_MM = (3.0, 2.5, 5.0)


def brain_and_lesion(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A skull-stripped brain (X, Y, Z) and a lesion in it."""
    brain = ellipsoid(SHAPE, (30, 36, 11), (22, 29, 11.2))
    lesion = ellipsoid(SHAPE, (20, 40, 12), (5, 6, 3))
    noise = np.random.default_rng(seed).normal(0, 5, SHAPE)
    return ((100 + noise + 150 * lesion) * brain).astype(np.float32), lesion.astype(np.uint8)
