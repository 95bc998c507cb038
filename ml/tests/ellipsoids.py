"""Ellipsoids whose size is known exactly, on grids of any spacing and turned in any way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ml.measures import LesionMeasure, measure
from ml.prediction import make_grid
from ml.stacks import volume_to_slices
from ml.tests.factories import medical_image, ras_affine

Sizes = tuple[float, float, float]
SPACINGS: tuple[Sizes, ...] = (
    (1.0, 1.0, 1.0),
    (0.5, 0.5, 0.5),
    (2.0, 1.0, 1.0),
    (0.9, 1.3, 3.0),
    (0.5, 0.5, 5.0),
    (0.4297, 0.4297, 6.6),
    (2.0, 0.7, 1.1),
)


@dataclass(frozen=True)
class Ellipsoid:
    """Semi-axes in mm along the columns of ``turn`` (3 x 3), which are directions in the world."""

    radii_mm: np.ndarray
    turn: np.ndarray

    @property
    def form(self) -> np.ndarray:
        """The matrix A (3 x 3) of the body x A x <= 1 about its centre."""
        return self.turn @ np.diag(1 / self.radii_mm**2) @ self.turn.T

    @property
    def volume_ml(self) -> float:
        return float(4 / 3 * np.pi * np.prod(self.radii_mm) / 1000)

    def diameters_mm(self, slice_mm: float) -> tuple[float, float]:
        """The axes of its section by an axial plane, the longer first.

        ``slice_mm`` is how far the plane is from the centre; all its sections have one shape.
        """
        shortest, longest = 2 / np.sqrt(np.linalg.eigvalsh(self.form[:2, :2])[::-1])
        height = np.sqrt(np.linalg.inv(self.form)[2, 2])
        share = np.sqrt(max(0.0, 1 - (slice_mm / height) ** 2))
        return float(share * longest), float(share * shortest)

    @property
    def surface_mm2(self) -> float:
        """By Gauss and Legendre over the angles; exact to far more places than are compared."""
        a, b, c = self.radii_mm
        nodes, weights = np.polynomial.legendre.leggauss(200)
        polar, around = (nodes + 1) * np.pi / 2, (nodes + 1) * np.pi
        sine, cosine = np.sin(polar)[:, None], np.cos(polar)[:, None]
        parts = (
            b * c * sine**2 * np.cos(around),
            a * c * sine**2 * np.sin(around),
            a * b * sine * cosine,
        )
        area = np.sqrt(sum(part**2 for part in parts))
        return float(weights @ area @ weights * np.pi**2 / 2)

    def on_grid(self, spacing: Sizes, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The voxels (X, Y, Z) whose centre is inside, and the affine.

        ``offset`` is how many voxels its centre lies from the grid's middle.
        """
        reach = np.sqrt(np.diag(np.linalg.inv(self.form))) / spacing
        shape = tuple(int(n) for n in 2 * np.ceil(reach) + 5)
        indices = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
        middle = (np.array(shape) - 1) / 2 + offset
        points = np.stack(indices, axis=-1) - middle
        points *= spacing
        inside = np.einsum("...i,ij,...j->...", points, self.form, points) <= 1
        return inside, ras_affine(spacing, shape)


def draw_ellipsoid(
    rng: np.random.Generator, spacing: Sizes, voxels: float, *, is_turned: bool
) -> Ellipsoid:
    """One whose semi-axes span ``voxels`` to 1.8 times as many.

    A turned one is counted in the grid's coarsest voxels, as its axes have no spacing of their own.
    """
    long = rng.uniform(1.0, 1.8, 3) * voxels
    if not is_turned:
        return Ellipsoid(long * spacing, np.eye(3))
    return Ellipsoid(long * max(spacing), Rotation.random(random_state=rng).as_matrix())


def measured_lesion(mask: np.ndarray, affine: np.ndarray) -> LesionMeasure:
    """The largest lesion of ``mask`` (X, Y, Z)."""
    slices = volume_to_slices(mask, affine).astype(bool)
    grid = make_grid(medical_image(mask.astype(np.float32), affine))
    return measure(slices, image=None, grid=grid).lesions[0]
