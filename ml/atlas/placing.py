"""Where a lesion lies in the template's brain: regions, midline, depth, ventricles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from ml.atlas.regions import ELOQUENT, UNPAIRED, Anatomy, Region, load_anatomy
from ml.atlas.template import Matrix, load_template
from ml.atlas.template_fit import TemplateFit, brain_in_scan
from ml.atlas.words import place_words
from ml.intensity import BoolArray
from ml.place import AtlasPlace, Place, RegionShare, Side, side_of

# So far beyond the mid-sagittal plane, on both sides, a lesion crosses it: a fit is not better.
CROSSING_MM = 3.0
# The least share of a lesion for a region, or of eloquent cortex, to be spoken of in the record.
LEAST_SHARE = 0.01
MOST_POINTS = 20_000


def place_on_template(mask: BoolArray, to_ras: Matrix, fit: TemplateFit) -> Place:
    """The place of ``mask`` (any grid), whose indices ``to_ras`` (4 x 4) takes to RAS+ mm.

    ``mask`` holds something, and ``fit`` has a matrix; shares are of the lesion's voxels.
    """
    anatomy = load_anatomy()
    to_template = fit.to_template
    scan_mm = to_ras[:3, :3] @ np.argwhere(mask).T + to_ras[:3, 3:]
    template_mm = to_template[:3, :3] @ scan_mm + to_template[:3, 3:]
    left_share = round(float((template_mm[0] < 0).mean() + (template_mm[0] == 0).mean() / 2), 4)
    index = _indices(template_mm, anatomy)
    named = anatomy.regions[index]
    border_mm = _border(mask, to_ras)
    record = AtlasPlace(
        regions=_shares(named, template_mm[0] < 0),
        unnamed_share=round(float(np.isin(named, (Region.NONE, Region.VENTRICLE)).mean()), 4),
        crosses_midline=_crosses(template_mm[0], to_template),
        depth_mm=_depth(border_mm, to_template, anatomy),
        ventricle_mm=_gap(border_mm, anatomy.ventricle_mm, to_template, to_ras),
        cortex_share=round(float(anatomy.cortex[index].mean()), 4),
        eloquent=_eloquent(anatomy.eloquent[index]),
    )
    side = side_of(left_share)
    return Place(side, left_share, place_words(side, record), record)


def brain_on_grid(to_ras: Matrix, shape: tuple[int, ...], fit: TemplateFit) -> BoolArray:
    """The template's brain carried into a grid of ``shape`` whose indices ``to_ras`` places."""
    template = load_template()
    return brain_in_scan(template.brain, template.affine, fit.to_template @ to_ras, shape)


def _indices(template_mm: NDArray[np.float64], anatomy: Anatomy) -> tuple[NDArray[np.int64], ...]:
    """The voxels of the template that the places lie in; its edge's, where they lie outside."""
    index = np.rint(template_mm - anatomy.affine[:3, 3:]).astype(np.int64)
    last = np.array(anatomy.regions.shape).reshape(3, 1) - 1
    return tuple(np.clip(index, 0, last))


def _shares(named: NDArray[np.uint8], is_left: BoolArray) -> tuple[RegionShare, ...]:
    """The named regions by share of what lies in any of them, the largest first."""
    known = ~np.isin(named, (Region.NONE, Region.VENTRICLE))
    total = int(known.sum())
    shares = []
    for number in np.unique(named[known]).tolist():
        region, here = Region(number), named == number
        if region in UNPAIRED:
            shares.append(RegionShare(region.words, "", int(here.sum()) / total))
            continue
        for side, there in ((Side.LEFT, is_left), (Side.RIGHT, ~is_left)):
            shares.append(RegionShare(region.words, str(side), int((here & there).sum()) / total))
    kept = [
        RegionShare(s.name, s.side, round(s.share, 4)) for s in shares if s.share >= LEAST_SHARE
    ]
    return tuple(sorted(kept, key=lambda s: (-s.share, s.name, s.side)))


def _crosses(across: NDArray[np.float64], to_template: Matrix) -> bool:
    """Whether ``across`` (template millimetres to the right) reaches over the plane both ways."""
    step = float(np.linalg.norm(to_template[0, :3]))
    return bool(min(across.max(), -across.min()) > CROSSING_MM * step)


def _border(mask: BoolArray, to_ras: Matrix) -> NDArray[np.float64]:
    """The lesion's outermost voxels in RAS+ mm (3, N), at most about ``MOST_POINTS`` of them."""
    padded = np.pad(mask, 1)
    indices = np.argwhere(padded & ~ndimage.binary_erosion(padded)) - 1
    indices = indices[:: 1 + len(indices) // MOST_POINTS]
    border: NDArray[np.float64] = to_ras[:3, :3] @ indices.T + to_ras[:3, 3:]
    return border


def _depth(border_mm: NDArray[np.float64], to_template: Matrix, anatomy: Anatomy) -> float:
    """Millimetres from the brain's surface to the nearest point of the lesion, in the scan."""
    index = _indices(to_template[:3, :3] @ border_mm + to_template[:3, 3:], anatomy)
    if not anatomy.brain[index].all():
        return 0.0
    surface = _carried(anatomy.surface_mm, to_template)
    distances, _ = KDTree(surface).query(border_mm.T)
    return round(float(np.min(distances)), 1)


def _gap(
    border_mm: NDArray[np.float64],
    ventricle_mm: NDArray[np.float64],
    to_template: Matrix,
    to_ras: Matrix,
) -> float:
    """Millimetres between lesion and ventricles; 0 where they are next to each other."""
    distances, _ = KDTree(_carried(ventricle_mm, to_template)).query(border_mm.T)
    touching = float(np.linalg.norm(to_ras[:3, :3], axis=0).min())
    nearest = float(np.min(distances))
    return 0.0 if nearest <= max(touching, 1.0) else round(nearest, 1)


def _carried(template_mm: NDArray[np.float64], to_template: Matrix) -> NDArray[np.float64]:
    """The template's places (3, N) in the scan's millimetres (N, 3)."""
    to_scan = np.linalg.inv(to_template)
    carried: NDArray[np.float64] = (to_scan[:3, :3] @ template_mm + to_scan[:3, 3:]).T
    return carried


def _eloquent(bits: NDArray[np.uint8]) -> dict[str, float]:
    shares = {name: float((bits >> bit & 1).mean()) for bit, name in enumerate(ELOQUENT)}
    return {name: round(share, 4) for name, share in shares.items() if share >= LEAST_SHARE}
