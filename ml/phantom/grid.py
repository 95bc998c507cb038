"""Where the voxels of a synthetic head lie, and smooth random fields over them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ml.intensity import FloatArray
from ml.phantom.kinds import Point

Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

FIELD_OF_VIEW_MM: Box = ((-94.0, 94.0), (-126.0, 92.0), (-33.0, 84.0))
"""The scanned box along R, A and S, in the scanner's world; it ends just above the brain.

It begins above the skull base and the face, which these heads render only vaguely.
"""
WHOLE_BRAIN_MM: Box = ((-94.0, 94.0), (-126.0, 92.0), (-60.0, 84.0))
"""A box that takes in the cerebellum too."""


@dataclass(frozen=True)
class Grid:
    """Voxel centres along R, A and S in the scanner's world, and where they lie in the head.

    ``points`` (3, X, Y, Z) are MNI millimetres; ``anatomy`` is the same with the patient's own
    shape undone, for looking into the template. ``turn`` (3 x 3) takes head to scanner.
    """

    axes: tuple[FloatArray, ...]
    affine: NDArray[np.float64]
    turn: NDArray[np.float64]
    points: FloatArray
    anatomy: FloatArray


def stream(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """A stream of its own for each purpose, so that one more lesion leaves the rest as it was."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), number])


def draw_pose(seed: int, visit: int, degrees: float) -> NDArray[np.float64]:
    """The rotation (3 x 3) about the world's origin by which the head lies in the scanner."""
    axis = stream(seed, "pose", visit).normal(size=3)
    vector = axis / np.linalg.norm(axis) * math.radians(degrees)
    return np.asarray(Rotation.from_rotvec(vector).as_matrix(), dtype=np.float64)


def make_grid(
    spacing_mm: Point, orientation: str, turn: NDArray[np.float64], seed: int, box: Box
) -> Grid:
    """A RAS grid over ``box``, whatever the orientation it is stored in later."""
    if not 0.4 <= min(spacing_mm) <= max(spacing_mm) <= 12:
        raise ValueError(f"spacing must be from 0.4 to 12 mm, not {spacing_mm}")
    order = ["RL AP SI".find(letter) // 3 for letter in orientation]
    if sorted(order) != [0, 1, 2]:
        raise ValueError(f"no such orientation: {orientation!r}")
    spacing = [spacing_mm[order.index(axis)] for axis in range(3)]
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [low for low, _ in box]
    axes = tuple(
        (low + step * np.arange(round((high - low) / step))).astype(np.float32)
        for (low, high), step in zip(box, spacing, strict=True)
    )
    x, y, z = np.ix_(*axes)
    points = np.stack([r * x + a * y + s * z for r, a, s in turn.T.astype(np.float32)])
    rng = stream(seed, "shape")
    anatomy = points + np.stack([2.2 * smooth_field(axes, 45.0, 140.0, rng) for _ in axes])
    return Grid(axes, affine, turn, points, anatomy)


def smooth_field(
    axes: Sequence[FloatArray], scale: float, reach: float, rng: np.random.Generator
) -> FloatArray:
    """A smooth random field (X, Y, Z) of unit variance over ``axes``, at any spacing the same.

    Normal weights on knots ``scale`` apart, from ``-reach`` to ``reach``, with Gaussian kernels.
    """
    knots = np.arange(-reach, reach + scale, scale)
    field = rng.normal(size=(len(knots),) * 3).astype(np.float32)
    for axis in axes:
        steps = (np.clip(axis, -reach, reach)[:, None] - knots) / (0.7 * scale)
        kernel = np.exp(-0.5 * steps**2)
        kernel /= np.sqrt((kernel**2).sum(axis=1, keepdims=True))
        # Each turn uses up the first axis and adds its place at the end: three restore the order.
        field = np.tensordot(field, kernel.astype(np.float32), axes=(0, 1))
    return field
