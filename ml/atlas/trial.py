"""Planted lesions whose place is known, carried through random affine maps.

``python -m ml.atlas.trial --count 8`` prints the table of docs/measures.md.

Heads are grown by ml.phantom in the template's space, in curves of grey values unlike the
template's own, with a patient's own shape and a lesion, and then scanned: turned, scaled,
sheared, cut into slices of any orientation. The truth is the lesion's place in the template.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ml.atlas.judge import fit_scan
from ml.atlas.placing import place_on_template
from ml.atlas.regions import LOBES, load_anatomy
from ml.atlas.template import Matrix
from ml.atlas.template_fit import TemplateFit
from ml.geometry import Geometry, ImageKind
from ml.intensity import BoolArray, FloatArray
from ml.phantom import FLAIR, WHOLE_BRAIN_MM, Contrast, grow_phantom
from ml.place import Place
from ml.volumes import MedicalImage

# Signals at ml.phantom's LEVELS, from air over fluid and grey matter to white matter.
T2 = Contrast("T2", (0.0, 1.6, 1.5, 1.15, 1.0, 0.85, 0.68, 0.65), scalp=1.2)
T1 = Contrast("T1", (0.0, 0.25, 0.4, 0.62, 0.72, 0.85, 1.0, 1.05), scalp=1.6)
CONTRASTS = (FLAIR, T1, T2)
LESION_SIGNAL = {"FLAIR": 1.6, "T1": 0.5, "T2": 1.5}
ORIENTATIONS = ("LPS", "RAS", "LAS", "PIR", "ASL")
HEADS = 3
DEGREES, SCALE, SHEAR = 20.0, 0.15, 0.04
MARGIN_MM = 12.0
# A lesion with so large a share in one lobe is one whose lobe can be got wrong.
CLEAR_SHARE = 0.6


@dataclass(frozen=True)
class Setting:
    """One cell of the table: what kind of scan a lesion is carried into."""

    contrast: Contrast
    with_scalp: bool
    slice_mm: float

    @property
    def words(self) -> str:
        skull = "with skull" if self.with_scalp else "stripped"
        return f"{self.contrast.name}, {skull}, {self.slice_mm:g} mm"


SETTINGS = tuple(
    Setting(contrast, scalp, slice_mm)
    for contrast in CONTRASTS
    for scalp in (True, False)
    for slice_mm in (1.0, 5.0)
)


@dataclass(frozen=True)
class Outcome:
    """What came of one lesion; ``error_mm`` is how far the fit moves the brain's voxels off."""

    setting: Setting
    trusted: bool
    truth: Place
    found: Place | None
    error_mm: float
    seconds: float

    @property
    def right_side(self) -> bool:
        return self.found is not None and self.found.side is self.truth.side

    @property
    def right_lobe(self) -> bool:
        return self.found is not None and _first(self.found) == _first(self.truth)


@lru_cache(maxsize=3)
def _head(contrast: Contrast, with_scalp: bool, seed: int) -> tuple[FloatArray, Matrix]:
    phantom = grow_phantom(
        lesions=(), seed=seed, spacing_mm=(1.0, 1.0, 1.0), orientation="RAS",
        rotation_degrees=0.0, with_scalp=with_scalp, contrast=contrast, box_mm=WHOLE_BRAIN_MM,
    )  # fmt: skip
    return phantom.volume.astype(np.float32), phantom.affine


def run_trials(settings: Sequence[Setting], count: int, seed: int = 5) -> Iterator[Outcome]:
    """``count`` lesions for each of ``settings``, the same for the same arguments."""
    for number, setting in enumerate(settings):
        for turn in range(count):
            yield run_trial(setting, np.random.default_rng([seed, number, turn]), turn % HEADS)


def run_trial(setting: Setting, rng: np.random.Generator, head: int) -> Outcome:
    """One head with one lesion, scanned at random and placed."""
    values, affine = _head(setting.contrast, setting.with_scalp, head)
    centre, radii = draw_lesion(rng)
    to_scan = draw_map(rng)
    orientation = str(rng.choice(ORIENTATIONS))
    level = LESION_SIGNAL[setting.contrast.name] * 400.0
    volume, mask, grid = scan_head(
        values, affine, to_scan, setting.slice_mm, orientation, (centre, radii, level)
    )
    started = time.process_time()
    fit = fit_scan(as_image(volume, grid))
    seconds = time.process_time() - started
    true_fit = TemplateFit(as_rows(np.linalg.inv(to_scan)), trusted=True)
    truth = place_on_template(mask, grid, true_fit)
    found = place_on_template(mask, grid, fit) if fit.trusted else None
    return Outcome(setting, fit.trusted, truth, found, fit_error(fit, to_scan), seconds)


def draw_lesion(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre (mm, in tissue on one side) and radii (mm) of a lesion clearly in one lobe."""
    anatomy = load_anatomy()
    while True:
        lobe = rng.choice([int(region) for region in LOBES])
        places = np.flatnonzero(anatomy.regions.ravel() == lobe)
        index = np.unravel_index(rng.choice(places), anatomy.regions.shape)
        centre = anatomy.affine[:3, :3] @ index + anatomy.affine[:3, 3]
        radii = rng.uniform(5.0, 15.0, size=3)
        if abs(centre[0]) > radii[0] + 4:
            return centre, radii


def draw_map(rng: np.random.Generator) -> Matrix:
    """A random affine map (4 x 4) from the template's millimetres to a scan's."""
    turn = Rotation.from_euler("xyz", rng.uniform(-DEGREES, DEGREES, 3), degrees=True).as_matrix()
    shear = np.eye(3) + np.triu(rng.uniform(-SHEAR, SHEAR, (3, 3)), 1)
    whole = np.eye(4)
    whole[:3, :3] = turn @ shear @ np.diag(rng.uniform(1 - SCALE, 1 + SCALE, 3))
    whole[:3, 3] = rng.uniform(-30, 30, 3)
    return whole


def scan_head(
    values: FloatArray,
    affine: Matrix,
    to_scan: Matrix,
    slice_mm: float,
    orientation: str,
    lesion: tuple[NDArray[np.float64], NDArray[np.float64], float],
) -> tuple[FloatArray, BoolArray, Matrix]:
    """The head (X, Y, Z) with its lesion as a scanner would store it: values, mask, affine."""
    grid, shape = _scan_grid(values.shape, affine, to_scan, slice_mm)
    thickness = np.arange(-(slice_mm - 1) / 2, slice_mm / 2, 1.0) if slice_mm > 1 else np.zeros(1)
    index = np.indices(shape).reshape(3, -1).astype(np.float32)
    volume = np.zeros(index.shape[1], dtype=np.float32)
    covered = np.zeros(index.shape[1], dtype=np.float32)
    to_head = np.linalg.inv(to_scan) @ grid
    for above in thickness:
        moved = index + np.array([[0], [0], [above / slice_mm]], dtype=np.float32)
        places = to_head[:3, :3].astype(np.float32) @ moved + to_head[:3, 3:].astype(np.float32)
        inside = _in_ellipsoid(places, lesion[0], lesion[1])
        at = places - affine[:3, 3:].astype(np.float32)
        plain = ndimage.map_coordinates(values, at, order=1)
        painted = np.where(inside & (plain > 60), lesion[2], plain)
        volume += painted / len(thickness)
        covered += inside.astype(np.float32) / len(thickness)
    return _stored(volume.reshape(shape), covered.reshape(shape) > 0.5, grid, orientation)


def _scan_grid(
    head_shape: tuple[int, ...], affine: Matrix, to_scan: Matrix, slice_mm: float
) -> tuple[Matrix, tuple[int, int, int]]:
    """A RAS grid round the head where it lies, cut close."""
    corners = np.array(np.meshgrid(*((0, n - 1) for n in head_shape))).reshape(3, -1)
    placed = (to_scan @ affine)[:3] @ np.vstack([corners, np.ones(8)])
    low, high = placed.min(axis=1) + MARGIN_MM, placed.max(axis=1) - MARGIN_MM
    steps = np.array([1.0, 1.0, slice_mm])
    grid = np.diag([*steps, 1.0])
    grid[:3, 3] = low
    x, y, z = (int(n) for n in np.ceil((high - low) / steps))
    return grid, (x, y, z)


def _in_ellipsoid(
    places: FloatArray, centre: NDArray[np.float64], radii: NDArray[np.float64]
) -> BoolArray:
    squares = (
        (places - centre[:, None].astype(np.float32)) / radii[:, None].astype(np.float32)
    ) ** 2
    inside: BoolArray = squares.sum(axis=0) <= 1
    return inside


def _stored(
    volume: FloatArray, mask: BoolArray, grid: Matrix, orientation: str
) -> tuple[FloatArray, BoolArray, Matrix]:
    turn = axcodes2ornt(tuple(orientation))
    # From RAS to the letters: nibabel gives the way back, so it is inverted by trying both.
    order = np.argsort(turn[:, 0])
    there = np.column_stack([order, turn[order, 1]])
    placed = grid @ inv_ornt_aff(there, volume.shape)
    return apply_orientation(volume, there), apply_orientation(mask, there), placed


def as_image(volume: FloatArray, affine: Matrix) -> MedicalImage:
    """A volume (X, Y, Z) as if it had been read from a file."""
    spacing = tuple(float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
    geometry = Geometry(
        ImageKind.VOLUME,
        "NIfTI",
        volume.shape,
        volume.shape,
        1,
        "float32",
        spacing,
        as_rows(affine),
    )
    return MedicalImage(geometry, volume, affine)


def as_rows(matrix: NDArray[np.floating[Any]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in matrix)


def fit_error(fit: TemplateFit, to_scan: Matrix) -> float:
    """The median distance in template mm between where brain voxels lie and where the fit says."""
    if fit.matrix is None:
        return float("inf")
    anatomy = load_anatomy()
    indices = np.argwhere(anatomy.brain)[::997].T
    places = anatomy.affine @ np.vstack([indices, np.ones(indices.shape[1])])
    off = fit.to_template @ to_scan @ places - places
    return float(np.median(np.linalg.norm(off[:3], axis=0)))


def _first(place: Place) -> str:
    return place.atlas.regions[0].name if place.atlas and place.atlas.regions else ""


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as lines of a Markdown table, one for each setting and one for all."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.setting.words].append(outcome)
    groups["all"] = list(outcomes)
    lines = [
        "| scan | lesions | fit trusted | right side | right lobe "
        "| right lobe where clear | median error | CPU |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join(lines + [_line(name, group) for name, group in groups.items()])


def _line(name: str, group: Sequence[Outcome]) -> str:
    placed = [one for one in group if one.trusted]
    clear = [
        one for one in placed if one.truth.atlas and one.truth.atlas.regions[0].share >= CLEAR_SHARE
    ]
    error = np.median([one.error_mm for one in placed]) if placed else float("nan")
    seconds = np.mean([one.seconds for one in group])
    return (
        f"| {name} | {len(group)} | {len(placed)} | {_share(placed, 'right_side')} | "
        f"{_share(placed, 'right_lobe')} | {_share(clear, 'right_lobe')} | "
        f"{error:.1f} mm | {seconds:.1f} s |"
    )


def _share(group: Sequence[Outcome], what: str) -> str:
    good = sum(bool(getattr(one, what)) for one in group)
    return f"{good}/{len(group)} ({good / max(len(group), 1):.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="lesions for each kind of scan")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="print each that was not right")
    options = parser.parse_args()
    outcomes = []
    for one in run_trials(SETTINGS, options.count, options.seed):
        outcomes.append(one)
        if options.all and not (one.trusted and one.right_side and one.right_lobe):
            found = "not trusted" if one.found is None else one.found.words
            print(
                f"{one.setting.words}: {one.truth.words} -> {found}; {one.error_mm:.1f} mm",
                flush=True,
            )
    print(table(outcomes))


if __name__ == "__main__":
    main()
