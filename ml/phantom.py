"""Synthetic FLAIR heads with simulated lesions of known volume, for demo records and tests.

They are grown from the ICBM 2009a symmetric T1 template (Fonov et al., NeuroImage 54, 2011) that
nilearn ships in its package, so nothing is downloaded. A curve turns the template's grey values
into those of another contrast; a lesion is an ellipsoid with an uneven, soft border; the scanner
adds shading and Rician noise (Gudbjartsson and Patz, MRM 1995). No patient is in them.
They are no measure of a model's accuracy.

Positions are millimetres in the template's world (MNI, RAS+). A small pose turns the head, with
its lesions, in the scanner's world.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel import orientations
from nilearn.datasets import load_mni152_template
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ml.intensity import BoolArray, FloatArray
from ml.stacks import volume_to_slices

Point = tuple[float, float, float]

FIELD_OF_VIEW_MM = ((-94.0, 94.0), (-126.0, 92.0), (-60.0, 84.0))
"""The scanned box along R, A and S, in the scanner's world; it ends just above the brain."""
GREY_MATTER = 400.0
"""The stored value of a signal of one, which is that of grey matter in FLAIR."""
# Grey values of the template, which has white matter at 0.87, grey at 0.65 and CSF at 0.25.
BRAIN_LEVEL, CSF_LEVEL, TISSUE_LEVEL = 0.15, 0.36, 0.5
LARGE_LESION_MM = 14.0
# A lesion's share of the signal falls with the radius, and readers draw the border (a radius of
# one) where it can only just be seen: there it is a quarter.
EDGE_MIDDLE, EDGE_WIDTH = 0.93, 0.065


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


@dataclass(frozen=True)
class _Grid:
    """Voxel centres along R, A and S in the scanner's world, and where they lie in the head.

    ``points`` (3, X, Y, Z) are MNI millimetres; ``anatomy`` is the same with the patient's own
    shape undone, for looking into the template. ``turn`` (3 x 3) takes head to scanner.
    """

    axes: tuple[FloatArray, ...]
    affine: NDArray[np.float64]
    turn: NDArray[np.float64]
    points: FloatArray
    anatomy: FloatArray


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
) -> Phantom:
    """A head with ``lesions``, the same for the same arguments.

    ``seed`` is the patient (anatomy, borders of lesions) and ``visit`` the day (shading, noise,
    pose: ``rotation_degrees`` about some axis). ``spacing_mm`` is along the stored axes, which
    run to the letters of ``orientation``. ``noise`` is the deviation in each receiver channel as
    a share of grey matter. Without scalp, all that is not brain is zero. Raises ValueError for a
    spacing outside 0.4 to 12 mm and for letters that name no orientation.
    """
    grid = _make_grid(spacing_mm, orientation, _pose(seed, visit, rotation_degrees), seed)
    brain = _sample_brain(grid)
    signal = np.interp(brain, LEVELS, contrast.signal).astype(np.float32)
    signal *= 1 + 0.025 * _smooth_field(grid.axes, 6.0, 140.0, _rng(seed, "texture"))
    signal, truths = _grow_lesions(signal, brain, grid, lesions, contrast, seed)
    if with_scalp:
        signal = _add_scalp(signal, brain, grid, contrast.scalp, seed)
    scanned = _scan(signal, grid, noise, _rng(seed, contrast.name, visit))
    if not with_scalp:
        scanned[brain < BRAIN_LEVEL] = 0
    voxel_ml = math.prod(spacing_mm) / 1000
    volumes = tuple(float(truth.sum()) * voxel_ml for truth in truths)
    truth = np.any([np.zeros(brain.shape, dtype=np.bool_), *truths], axis=0)
    return _stored(Phantom(scanned, truth, grid.affine, volumes), orientation)


def _rng(seed: int, purpose: str, number: int = 0) -> np.random.Generator:
    """A stream of its own for each purpose, so that one more lesion leaves the rest as it was."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), number])


def _pose(seed: int, visit: int, degrees: float) -> NDArray[np.float64]:
    """The rotation (3 x 3) about the world's origin by which the head lies in the scanner."""
    axis = _rng(seed, "pose", visit).normal(size=3)
    vector = axis / np.linalg.norm(axis) * math.radians(degrees)
    return np.asarray(Rotation.from_rotvec(vector).as_matrix(), dtype=np.float64)


def _make_grid(spacing_mm: Point, orientation: str, turn: NDArray[np.float64], seed: int) -> _Grid:
    """A RAS grid over the field of view, whatever the orientation it is stored in later."""
    if not 0.4 <= min(spacing_mm) <= max(spacing_mm) <= 12:
        raise ValueError(f"spacing must be from 0.4 to 12 mm, not {spacing_mm}")
    order = ["RL AP SI".find(letter) // 3 for letter in orientation]
    if sorted(order) != [0, 1, 2]:
        raise ValueError(f"no such orientation: {orientation!r}")
    spacing = [spacing_mm[order.index(axis)] for axis in range(3)]
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [low for low, _ in FIELD_OF_VIEW_MM]
    axes = tuple(
        (low + step * np.arange(round((high - low) / step))).astype(np.float32)
        for (low, high), step in zip(FIELD_OF_VIEW_MM, spacing, strict=True)
    )
    x, y, z = np.ix_(*axes)
    points = np.stack([r * x + a * y + s * z for r, a, s in turn.T.astype(np.float32)])
    rng = _rng(seed, "shape")
    anatomy = points + np.stack([2.2 * _smooth_field(axes, 45.0, 140.0, rng) for _ in axes])
    return _Grid(axes, affine, turn, points, anatomy)


def _smooth_field(
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


def _sample_brain(grid: _Grid) -> FloatArray:
    """The template's grey values (X, Y, Z) in this head, averaged over each thick slice."""
    values, corner = _template()
    for axis in range(3):
        thickness = round(float(grid.affine[axis, axis]))
        if thickness > 1:
            values = ndimage.uniform_filter1d(values, thickness, axis=axis)
    return _sample(values, grid.anatomy, corner, 1.0)


def _grow_lesions(
    signal: FloatArray,
    brain: FloatArray,
    grid: _Grid,
    lesions: Sequence[PhantomLesion],
    contrast: Contrast,
    seed: int,
) -> tuple[FloatArray, list[BoolArray]]:
    """``signal`` with all lesions, and each one's own voxels (X, Y, Z), none claimed twice."""
    truths: list[BoolArray] = []
    free = brain > TISSUE_LEVEL
    for number, lesion in enumerate(lesions):
        radius, texture = _lesion_radius(grid, brain, lesion, _rng(seed, "lesion", number))
        level = lesion.intensity if contrast.lesion is None else contrast.lesion
        core = 0.2 if math.prod(lesion.radii_mm) > LARGE_LESION_MM**3 else 0.05
        inside = level * (1 - core * np.exp(-((radius / 0.5) ** 2)) + 0.09 * texture)
        inside += contrast.rim * np.exp(-(((radius - 0.55) / 0.12) ** 2)) * (texture > -0.3)
        signal = _infiltrate(signal, brain, radius, inside)
        truths.append(free & (radius < 1))
        free = free & (radius >= 1)
    return signal, truths


def _lesion_radius(
    grid: _Grid, brain: FloatArray, lesion: PhantomLesion, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """How far out each voxel (X, Y, Z) lies, 1 on the border, and a texture of unit variance.

    The ellipsoid's radius is uneven, and white matter is reached further out than grey matter.
    """
    middle = grid.turn @ np.array(lesion.centre_mm)
    local = [(a - m) / r for a, m, r in zip(grid.axes, middle, lesion.radii_mm, strict=True)]
    offsets = zip(grid.points, lesion.centre_mm, lesion.radii_mm, strict=True)
    squares = np.stack([((points - c) / r) ** 2 for points, c, r in offsets])
    coarse, fine, texture = (_smooth_field(local, scale, 2.1, rng) for scale in (0.7, 0.3, 0.35))
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


def _add_scalp(
    signal: FloatArray, brain: FloatArray, grid: _Grid, scalp: float, seed: int
) -> FloatArray:
    """``signal`` within dura, bone and scalp; the skull base and the face are left vague."""
    distances, corner = _dura()
    rng = _rng(seed, "scalp")
    uneven, fine = (_smooth_field(grid.axes, scale, 140.0, rng) for scale in (45.0, 9.0))
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


def _scan(
    signal: FloatArray, grid: _Grid, noise: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """The magnitude image of ``signal``: coil shading, then Rician noise."""
    shaded = signal * np.exp(0.07 * _smooth_field(grid.axes, 90.0, 140.0, rng))
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


def write_phantom(phantom: Phantom, path: Path) -> None:
    """Stores the volume as .nii.gz with both transforms coded; equal phantoms give equal bytes."""
    image = nib.nifti1.Nifti1Image(phantom.volume, phantom.affine)
    image.set_sform(phantom.affine, code=1)
    image.set_qform(phantom.affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"Synthetic phantom, no patient"
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))


def axial_picture(phantom: Phantom, z: int) -> NDArray[np.uint8]:
    """Slice ``z``, counted from the feet, as 8-bit grey (H, W) in the reader's view."""
    slices = volume_to_slices(phantom.volume, phantom.affine).astype(np.float32)
    white = float(np.percentile(slices[slices > 0], 99.5))
    picture: NDArray[np.uint8] = np.clip(slices[z] / white * 255, 0, 255).astype(np.uint8)
    return picture
