"""A mask's lesions measured one by one, each within its own box, and their total."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.atlas import brain_of, place_lesion
from ml.brain import box_centre, brain_sections, holds_scalp
from ml.diameters import find_diameters
from ml.geometry import ImageKind
from ml.intensity import BoolArray, FloatArray
from ml.measures.lesions import is_tiny, number_lesions
from ml.measures.rano import is_measurable
from ml.measures.records import Brain, Grid, LesionMeasure, Measurement
from ml.measures.shape import longest_3d, sphericity_of, surface_of
from ml.measures.spread import find_spread
from ml.place import Place, Side, place_in_picture, place_in_volume, place_without_affine

TEMPLATE = "the brain of the ICBM152 template laid on this scan, the mask included"
ROUGH = "rough outline of the brain on each slice of this scan, the mask included"
HEAD = "outline of the whole head, as the brain's was not found on this slice: shares are of it"
NO_BRAIN = Place(Side.UNKNOWN, None, "not known without the scan")


def measure(
    mask: BoolArray,
    *,
    image: NDArray[np.generic] | None,
    grid: Grid,
    probability: FloatArray | None = None,
    pieces: NDArray[np.uint8] | None = None,
    brain: Brain | None = None,
) -> Measurement:
    """The lesions of ``mask`` on ``image`` and what they measure; all arrays are (Z, H, W).

    ``pieces`` tells lesions apart that touch: 0 outside the mask, and within it values of which
    each 26-connected component is a lesion. Without it, each component of the mask is one.
    ``brain`` is where the brain is known to be; without it it is the template's where
    ``grid`` has a fit to be trusted, else a rough outline is drawn on ``image``,
    and without both there is neither a share of the brain nor a place. Raises ValueError where
    ``pieces`` marks anything else than ``mask``.
    """
    if pieces is not None and not np.array_equal(pieces > 0, mask):
        raise ValueError("the pieces are not those of the mask")
    brain = with_mask(brain or find_brain(image, grid, mask.shape), mask)
    labels = number_lesions(mask, pieces)
    boxes = ndimage.find_objects(labels)
    worker = _Lesions(labels, brain, grid, probability)
    lesions = tuple(worker.measure(number, box) for number, box in enumerate(boxes, start=1))
    counted = [lesion.number for lesion in lesions if not lesion.is_tiny]
    voxels = int(np.count_nonzero(mask))
    inside = None if brain is None else int(np.count_nonzero(brain.mask))
    areas = np.count_nonzero(mask, axis=(1, 2))
    key = int(areas.argmax()) if voxels else None
    products = [lesion.product_mm2 or 0.0 for lesion in lesions if lesion.is_measurable]
    return Measurement(
        lesions=lesions,
        labels=labels,
        voxels=voxels,
        volume_ml=_volume(voxels, grid),
        brain_percent=_percent(voxels, inside),
        brain_voxels=inside,
        brain_volume_ml=None if inside is None else _volume(inside, grid),
        brain_source="" if brain is None else brain.source,
        surface_mm2=_rounded(sum(lesion.surface_mm2 or 0.0 for lesion in lesions), grid),
        sum_of_products_mm2=_rounded(sum(products), grid),
        slices=int(np.count_nonzero(areas)),
        key_slice=None if key is None else key + 1,
        key_area_pixels=int(areas.max()) if voxels else 0,
        key_area_percent=None if key is None else _section_percent(areas[key], brain, key),
        mean_probability=_mean(probability, mask),
        spread=find_spread(labels, boxes, counted, grid),
    )


def find_brain(
    image: NDArray[np.generic] | None, grid: Grid, shape: tuple[int, ...]
) -> Brain | None:
    """The template's brain where the scan is laid on it, which is whole where an outline is not;
    else as ``image`` (Z, H, W) shows it, roughly; None without both.
    """
    if grid.fit is not None and grid.fit.trusted:
        return Brain(brain_of(grid.fit, grid.geometry, grid.to_file, shape), TEMPLATE)
    if image is None:
        return None
    sections = brain_sections(image)
    is_head = len(sections) == 1 and holds_scalp(sections[0], np.asarray(image[0]))
    return Brain(sections, HEAD if is_head else ROUGH)


def with_mask(brain: Brain | None, mask: BoolArray) -> Brain | None:
    """``brain`` and all of ``mask``, so that no lesion lies outside."""
    return None if brain is None else Brain(brain.mask | mask, brain.source)


class _Lesions:
    """What the lesions of one mask have in common, worked out once."""

    def __init__(
        self,
        labels: NDArray[np.int32],
        brain: Brain | None,
        grid: Grid,
        probability: FloatArray | None,
    ) -> None:
        self.labels, self.brain, self.grid, self.probability = labels, brain, grid, probability
        self.brain_voxels = None if brain is None else int(np.count_nonzero(brain.mask))
        self.centre = None if brain is None else box_centre(brain.mask)

    def measure(self, number: int, box: tuple[slice, ...]) -> LesionMeasure:
        own: BoolArray = self.labels[box] == number
        corner = np.array([axis.start for axis in box], dtype=np.float64)
        areas = np.count_nonzero(own, axis=(1, 2))
        key = int(areas.argmax())
        key_slice = key + box[0].start
        voxels = int(areas.sum())
        z, row, column = ndimage.center_of_mass(own) + corner
        diameters = find_diameters(own, self.grid.steps_mm)
        longest, across = (_rounded(length, self.grid) for length in diameters.lengths)
        slices = int(np.count_nonzero(areas))
        surface, sphericity = self._surface(own, voxels)
        return LesionMeasure(
            number=number,
            voxels=voxels,
            volume_ml=_volume(voxels, self.grid),
            brain_percent=_percent(voxels, self.brain_voxels),
            longest_diameter_mm=longest,
            perpendicular_diameter_mm=across,
            product_mm2=_rounded(float(np.prod(diameters.lengths)), self.grid),
            longest_3d_mm=self._longest_3d(own),
            surface_mm2=surface,
            sphericity=sphericity,
            is_measurable=self._is_measurable(longest, across, slices),
            is_tiny=is_tiny(voxels, self.grid.voxel_ml),
            diameter_lines=diameters.points(self.grid.to_file, corner),
            slices=slices,
            first_slice=box[0].start + 1,
            last_slice=box[0].stop,
            key_slice=key_slice + 1,
            key_area_pixels=int(areas[key]),
            key_area_percent=_section_percent(areas[key], self.brain, key_slice),
            centroid=(round(float(z), 2), round(float(row), 2), round(float(column), 2)),
            mean_probability=_mean(
                None if self.probability is None else self.probability[box], own
            ),
            place=self._place(own, corner),
        )

    def _longest_3d(self, own: BoolArray) -> float | None:
        steps = self.grid.steps_mm
        return None if steps is None else round(longest_3d(own, steps), 2)

    def _surface(self, own: BoolArray, voxels: int) -> tuple[float | None, float | None]:
        """Surface and sphericity; a tiny lesion is too coarse for the latter."""
        voxel_ml, steps = self.grid.voxel_ml, self.grid.steps_mm
        if voxel_ml is None or steps is None:
            return None, None
        surface = surface_of(own, steps)
        if is_tiny(voxels, voxel_ml):
            return round(surface, 2), None
        return round(surface, 2), round(sphericity_of(1000 * voxels * voxel_ml, surface), 4)

    def _is_measurable(
        self, longest: float | None, across: float | None, slices: int
    ) -> bool | None:
        steps = self.grid.steps_mm
        if longest is None or across is None or steps is None:
            return None
        return is_measurable(longest, across, slices, steps)

    def _place(self, own: BoolArray, corner: NDArray[np.float64]) -> Place:
        """On the brain template where the scan lies on it, else against the brain's middle."""
        fit, geometry = self.grid.fit, self.grid.geometry
        if fit is not None and fit.trusted:
            return place_lesion(own, corner, geometry, self.grid.to_file, fit)
        place = self._place_in_box(own, corner)
        return place if fit is None else replace(place, without_atlas=fit.reason)

    def _place_in_box(self, own: BoolArray, corner: NDArray[np.float64]) -> Place:
        """The box's indices taken against the brain's middle."""
        if self.centre is None:
            return NO_BRAIN
        middle = tuple(float(c - k) for c, k in zip(self.centre, corner, strict=True))
        if self.grid.geometry.kind is ImageKind.PICTURE:
            return place_in_picture(own[0], middle[1:], self.grid.convention)
        if self.grid.geometry.affine is None:
            return place_without_affine(own, middle)
        return place_in_volume(own, middle)


def _volume(voxels: int, grid: Grid) -> float | None:
    return None if grid.voxel_ml is None else round(voxels * grid.voxel_ml, 4)


def _percent(part: int, whole: int | None) -> float | None:
    return round(100.0 * part / whole, 4) if whole else None


def _section_percent(area: int, brain: Brain | None, z: int) -> float | None:
    whole = 0 if brain is None else int(np.count_nonzero(brain.mask[z]))
    return round(100.0 * int(area) / whole, 2) if whole else None


def _mean(probability: FloatArray | None, mask: BoolArray) -> float | None:
    if probability is None or not mask.any():
        return None
    return round(float(probability[mask].mean()), 4)


def _rounded(value: float, grid: Grid) -> float | None:
    """A length or an area, where the size of a voxel is known."""
    return None if grid.steps_mm is None else round(value, 2)
