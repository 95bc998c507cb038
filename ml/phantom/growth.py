"""From lesions and a seed to a scanned head."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from nibabel import orientations
from numpy.typing import NDArray

from ml.intensity import FloatArray
from ml.phantom.grid import FIELD_OF_VIEW_MM, Box, Grid, draw_pose, make_grid, smooth_field, stream
from ml.phantom.head import add_scalp, sample_brain
from ml.phantom.kinds import (
    BRAIN_LEVEL,
    FLAIR,
    LEVELS,
    Contrast,
    Phantom,
    PhantomLesion,
    Point,
)
from ml.phantom.lesions import grow_lesions

GREY_MATTER = 400.0
"""The stored value of a signal of one, which is that of grey matter in FLAIR."""


def grow_phantom(
    *,
    lesions: Sequence[PhantomLesion],
    seed: int,
    visit: int = 0,
    spacing_mm: Point = (1.0, 1.0, 3.0),
    orientation: str = "LPS",
    rotation_degrees: float = 2.0,
    noise: float = 0.03,
    with_scalp: bool = True,
    contrast: Contrast = FLAIR,
    box_mm: Box = FIELD_OF_VIEW_MM,
) -> Phantom:
    """A head with ``lesions``, the same for the same arguments.

    ``seed`` is the patient (anatomy, borders of lesions) and ``visit`` the day (shading, noise,
    pose: ``rotation_degrees`` about some axis). ``spacing_mm`` is along the stored axes, which
    run to the letters of ``orientation``. ``noise`` is the deviation in each receiver channel as
    a share of grey matter. ``box_mm`` is what is scanned. Without scalp, all that is not brain is
    zero. Raises ValueError for a spacing outside 0.4 to 12 mm and for letters that name no
    orientation.
    """
    grid = make_grid(
        spacing_mm, orientation, draw_pose(seed, visit, rotation_degrees), seed, box_mm
    )
    brain = sample_brain(grid)
    signal = np.interp(brain, LEVELS, contrast.signal).astype(np.float32)
    signal *= 1 + 0.025 * smooth_field(grid.axes, 6.0, 140.0, stream(seed, "texture"))
    signal, truths = grow_lesions(signal, brain, grid, lesions, contrast, seed)
    if with_scalp:
        signal = add_scalp(signal, brain, grid, contrast.scalp, seed)
    scanned = _scan(signal, grid, noise, stream(seed, contrast.name, visit))
    if not with_scalp:
        scanned[brain < BRAIN_LEVEL] = 0
    voxel_ml = math.prod(spacing_mm) / 1000
    volumes = tuple(float(truth.sum()) * voxel_ml for truth in truths)
    truth = np.any([np.zeros(brain.shape, dtype=np.bool_), *truths], axis=0)
    return _stored(Phantom(scanned, truth, grid.affine, volumes), orientation)


def _scan(
    signal: FloatArray, grid: Grid, noise: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """The magnitude image of ``signal``: coil shading, then Rician noise."""
    shaded = signal * np.exp(0.07 * smooth_field(grid.axes, 90.0, 140.0, rng))
    real, imaginary = noise * rng.standard_normal((2, *signal.shape), dtype=np.float32)
    magnitude = GREY_MATTER * np.hypot(shaded + real, imaginary)
    stored: NDArray[np.int16] = np.clip(np.rint(magnitude), 0, 1000).astype(np.int16)
    return stored


def _stored(phantom: Phantom, orientation: str) -> Phantom:
    """``phantom`` with its axes running to the letters of ``orientation``."""
    source = orientations.io_orientation(phantom.affine)
    turn = orientations.ornt_transform(source, orientations.axcodes2ornt(tuple(orientation)))
    return Phantom(
        np.ascontiguousarray(orientations.apply_orientation(phantom.volume, turn)),
        np.ascontiguousarray(orientations.apply_orientation(phantom.truth, turn)),
        phantom.affine @ orientations.inv_ornt_aff(turn, phantom.volume.shape),
        phantom.lesion_volumes_ml,
    )
