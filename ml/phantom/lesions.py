"""Simulated lesions: ellipsoids with an uneven, soft border."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ml.intensity import BoolArray, FloatArray
from ml.phantom.grid import Grid, smooth_field, stream
from ml.phantom.kinds import CSF_LEVEL, TISSUE_LEVEL, Contrast, PhantomLesion

LARGE_LESION_MM = 14.0
# A lesion's share of the signal falls with the radius, and readers draw the border (a radius of
# one) where it can only just be seen: there it is a quarter.
EDGE_MIDDLE, EDGE_WIDTH = 0.93, 0.065


def grow_lesions(
    signal: FloatArray,
    brain: FloatArray,
    grid: Grid,
    lesions: Sequence[PhantomLesion],
    contrast: Contrast,
    seed: int,
) -> tuple[FloatArray, list[BoolArray]]:
    """``signal`` with all lesions, and each one's own voxels (X, Y, Z), none claimed twice."""
    truths: list[BoolArray] = []
    free = brain > TISSUE_LEVEL
    for number, lesion in enumerate(lesions):
        radius, texture = _lesion_radius(grid, brain, lesion, stream(seed, "lesion", number))
        level = lesion.intensity if contrast.lesion is None else contrast.lesion
        core = 0.2 if math.prod(lesion.radii_mm) > LARGE_LESION_MM**3 else 0.05
        inside = level * (1 - core * np.exp(-((radius / 0.5) ** 2)) + 0.09 * texture)
        inside += contrast.rim * np.exp(-(((radius - 0.55) / 0.12) ** 2)) * (texture > -0.3)
        signal = _infiltrate(signal, brain, radius, inside)
        truths.append(free & (radius < 1))
        free = free & (radius >= 1)
    return signal, truths


def _lesion_radius(
    grid: Grid, brain: FloatArray, lesion: PhantomLesion, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """How far out each voxel (X, Y, Z) lies, 1 on the border, and a texture of unit variance.

    The ellipsoid's radius is uneven, and white matter is reached further out than grey matter.
    """
    middle = grid.turn @ np.array(lesion.centre_mm)
    local = [(a - m) / r for a, m, r in zip(grid.axes, middle, lesion.radii_mm, strict=True)]
    offsets = zip(grid.points, lesion.centre_mm, lesion.radii_mm, strict=True)
    squares = np.stack([((points - c) / r) ** 2 for points, c, r in offsets])
    coarse, fine, texture = (smooth_field(local, scale, 2.1, rng) for scale in (0.7, 0.3, 0.35))
    uneven = np.sqrt(squares.sum(axis=0)) * (1 + 0.14 * coarse + 0.06 * fine)
    along_tracts = 0.6 * (np.clip(brain, 0.6, 0.9) - 0.8) * np.clip(uneven / 0.6, 0, 1)
    return (uneven - along_tracts).astype(np.float32), texture


def _infiltrate(
    signal: FloatArray, brain: FloatArray, radius: FloatArray, inside: FloatArray
) -> FloatArray:
    """``signal`` giving way to ``inside``, thinly at the border; CSF stays as it is."""
    share = 1 / (1 + np.exp(np.clip((radius - EDGE_MIDDLE) / EDGE_WIDTH, -40, 40)))
    share *= np.clip((brain - CSF_LEVEL) / (TISSUE_LEVEL - CSF_LEVEL), 0, 1)
    painted: FloatArray = signal + share * (inside + 0.3 * (signal - 0.85) - signal)
    return painted.astype(np.float32)
