"""The head round the lesions: the template's brain, then dura, bone and scalp."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from nilearn.datasets import load_mni152_template
from scipy import ndimage

from ml.intensity import FloatArray
from ml.phantom.grid import Grid, smooth_field, stream
from ml.phantom.kinds import BRAIN_LEVEL, Point


@lru_cache(maxsize=1)
def _template() -> tuple[FloatArray, Point]:
    """The template (X, Y, Z) at 1 mm in RAS, its averaged sulci deepened, and its first corner."""
    image = load_mni152_template(resolution=1)
    values = np.asarray(image.dataobj, dtype=np.float32)
    sharpened = values + 1.2 * (values - ndimage.gaussian_filter(values, 1.5))
    inside = ndimage.binary_erosion(values > BRAIN_LEVEL, iterations=2)
    values = np.where(inside, np.clip(sharpened, 0.2, 1.0), values).astype(np.float32)
    x, y, z = (float(mm) for mm in image.affine[:3, 3])
    return values, (x, y, z)


def _sample(values: FloatArray, anatomy: FloatArray, corner: Point, step: float) -> FloatArray:
    """``values``, on a RAS grid of ``step`` mm from ``corner``, at the points of ``anatomy``."""
    indices = (anatomy - np.array(corner, dtype=np.float32).reshape(3, 1, 1, 1)) / step
    sampled: FloatArray = ndimage.map_coordinates(values, indices, output=np.float32, order=1)
    return sampled


def sample_brain(grid: Grid) -> FloatArray:
    """The template's grey values (X, Y, Z) in this head, averaged over each thick slice."""
    values, corner = _template()
    for axis in range(3):
        thickness = round(float(grid.affine[axis, axis]))
        if thickness > 1:
            values = ndimage.uniform_filter1d(values, thickness, axis=axis)
    return _sample(values, grid.anatomy, corner, 1.0)


@lru_cache(maxsize=1)
def _dura(step: int = 3, margin: int = 18) -> tuple[FloatArray, Point]:
    """Millimetres outside the brain's closed outline, every ``step`` mm, and the first corner."""
    values, corner = _template()
    brain = np.pad(values[::step, ::step, ::step] > BRAIN_LEVEL, margin)
    reach = 24.0 / step
    grown = ndimage.distance_transform_edt(~brain) < reach
    closed = ndimage.distance_transform_edt(grown) > reach
    outside, within = (ndimage.distance_transform_edt(part) for part in (~closed, closed))
    smooth = ndimage.gaussian_filter(np.float32(step) * (outside - within), 1.0)
    x, y, z = (mm - margin * step for mm in corner)
    return smooth.astype(np.float32), (x, y, z)


# Millimetres from the dura, and the signal there: dark inner table, marrow, dark outer table,
# then fat, skin and air; the last ones as a share of the contrast's scalp.
LAYERS_MM = (0.0, 2.0, 4.0, 5.5, 7.5, 9.5, 12.0, 14.0, 15.0)
LAYERS = (0.13, 0.06, 0.3, 0.25, 0.1, 1.0, 0.8, 0.6, 0.0)
OUTER_TABLE_MM = 7.5


def add_scalp(
    signal: FloatArray, brain: FloatArray, grid: Grid, scalp: float, seed: int
) -> FloatArray:
    """``signal`` within dura, bone and scalp; the skull base and the face are left vague."""
    distances, corner = _dura()
    rng = stream(seed, "scalp")
    uneven, fine = (smooth_field(grid.axes, scale, 140.0, rng) for scale in (45.0, 9.0))
    depth = _sample(distances, grid.anatomy, corner, 3.0) / (1 + 0.12 * uneven)
    around = np.interp(depth, LAYERS_MM, LAYERS)
    around *= np.where(depth > OUTER_TABLE_MM, scalp * (1 + 0.08 * fine + 0.1 * uneven), 1)
    low = np.clip((-12 - grid.points[2]) / 15, 0, 1)
    around += low * (depth < OUTER_TABLE_MM) * np.clip(0.2 + 0.2 * fine, 0, 0.7)
    face = low * np.clip(grid.points[1] / 20, 0, 1)
    around *= 1 - face * np.clip(0.5 + 0.3 * fine, 0, 0.9)
    inside = np.clip(brain / (2 * BRAIN_LEVEL), 0, 1)
    blended: FloatArray = (signal * inside + around * (1 - inside)).astype(np.float32)
    return blended
