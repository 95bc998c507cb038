"""Our words for AAL3's labels, and the region of every voxel of the template's brain.

AAL3 names the cortex and the grey nuclei. White matter and the fluid of the sulci take the region
of the nearest named voxel: any of the four lobes up to ``LOBE_REACH_MM`` away, the insula, the
cingulate gyrus and the nuclei only up to ``NUCLEUS_REACH_MM``, so that the deep white matter of a
lobe is the lobe's. Corpus callosum, brainstem and ventricles are found in the template itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.atlas.template import Matrix, Template, load_labels, load_names, load_template
from ml.intensity import BoolArray

LOBE_REACH_MM = 25.0
NUCLEUS_REACH_MM = 4.0
TISSUE = 128
WHITE = 200


class Region(IntEnum):
    NONE = 0
    FRONTAL = 1
    PARIETAL = 2
    TEMPORAL = 3
    OCCIPITAL = 4
    INSULA = 5
    CINGULATE = 6
    BASAL_GANGLIA = 7
    THALAMUS = 8
    CEREBELLUM = 9
    BRAINSTEM = 10
    CORPUS_CALLOSUM = 11
    VENTRICLE = 12

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")


LOBES = (Region.FRONTAL, Region.PARIETAL, Region.TEMPORAL, Region.OCCIPITAL)
CORTEX = (*LOBES, Region.INSULA, Region.CINGULATE)
FAR_REACHING = (*LOBES, Region.CEREBELLUM)
UNPAIRED = (Region.BRAINSTEM, Region.CORPUS_CALLOSUM)

# The beginning of AAL3's names, the first that fits.
BEGINNINGS: tuple[tuple[str, Region], ...] = (
    ("Precentral", Region.FRONTAL),
    ("Frontal", Region.FRONTAL),
    ("Rolandic", Region.FRONTAL),
    ("Supp_Motor", Region.FRONTAL),
    ("Olfactory", Region.FRONTAL),
    ("Rectus", Region.FRONTAL),
    ("OFC", Region.FRONTAL),
    ("Paracentral", Region.FRONTAL),
    ("Postcentral", Region.PARIETAL),
    ("Parietal", Region.PARIETAL),
    ("SupraMarginal", Region.PARIETAL),
    ("Angular", Region.PARIETAL),
    ("Precuneus", Region.PARIETAL),
    ("Hippocampus", Region.TEMPORAL),
    ("ParaHippocampal", Region.TEMPORAL),
    ("Amygdala", Region.TEMPORAL),
    ("Fusiform", Region.TEMPORAL),
    ("Heschl", Region.TEMPORAL),
    ("Temporal", Region.TEMPORAL),
    ("Calcarine", Region.OCCIPITAL),
    ("Cuneus", Region.OCCIPITAL),
    ("Lingual", Region.OCCIPITAL),
    ("Occipital", Region.OCCIPITAL),
    ("Insula", Region.INSULA),
    ("Cingulate", Region.CINGULATE),
    ("ACC", Region.CINGULATE),
    ("Caudate", Region.BASAL_GANGLIA),
    ("Putamen", Region.BASAL_GANGLIA),
    ("Pallidum", Region.BASAL_GANGLIA),
    ("N_Acc", Region.BASAL_GANGLIA),
    ("Thal", Region.THALAMUS),
    ("Cerebellum", Region.CEREBELLUM),
    ("Vermis", Region.CEREBELLUM),
    ("VTA", Region.BRAINSTEM),
    ("SN", Region.BRAINSTEM),
    ("Red_N", Region.BRAINSTEM),
    ("LC", Region.BRAINSTEM),
    ("Raphe", Region.BRAINSTEM),
)

# Cortex that is called eloquent (VASARI F3); the speech areas on the left, where most have them.
ELOQUENT: dict[str, tuple[str, ...]] = {
    "speech motor": ("Frontal_Inf_Oper_L", "Frontal_Inf_Tri_L"),
    "speech receptive": ("SupraMarginal_L", "Angular_L", "Heschl_L", "Temporal_Sup_L"),
    "motor": ("Precentral_L", "Precentral_R", "Paracentral_Lobule_L", "Paracentral_Lobule_R"),
    "vision": ("Calcarine_L", "Calcarine_R"),
}
# Of the superior temporal gyrus only what lies behind this counts for receptive speech.
WERNICKE_BEHIND_MM = -22.0

# The brainstem's axis in MNI millimetres and how thick it is, from the midbrain to the medulla.
STEM = ((0.0, -22.0, -10.0), (0.0, -26.0, -34.0), (0.0, -42.0, -62.0))
STEM_RADIUS_MM = 17.0
STEM_TOP_MM = -7.0


@dataclass(frozen=True)
class Anatomy:
    """The template's brain voxel by voxel (X, Y, Z), on the grid of ``affine``.

    ``regions`` holds numbers of :class:`Region`; ``eloquent`` a bit for each entry of ELOQUENT;
    ``cortex`` is grey matter of lobes, insula and cingulate gyrus.
    ``surface_mm`` (3, N) are the brain's outermost voxels in MNI millimetres, ``ventricle_mm``
    the ventricles' ones.
    """

    regions: NDArray[np.uint8]
    eloquent: NDArray[np.uint8]
    cortex: BoolArray
    brain: BoolArray
    surface_mm: NDArray[np.float64]
    ventricle_mm: NDArray[np.float64]
    affine: Matrix


def region_of(name: str) -> Region:
    """The region of one of AAL3's names; raises KeyError for one that we do not know."""
    for beginning, region in BEGINNINGS:
        if name.startswith(beginning):
            return region
    raise KeyError(name)


@lru_cache(maxsize=1)
def load_anatomy() -> Anatomy:
    """The regions of the template, made once in some seconds and kept."""
    template = load_template()
    regions = _named(template)
    return Anatomy(
        regions=regions,
        eloquent=_eloquent(template),
        cortex=np.isin(regions, CORTEX) & (template.grey > template.white),
        brain=template.brain,
        surface_mm=_border(template.brain, template.affine),
        ventricle_mm=_border(regions == Region.VENTRICLE, template.affine),
        affine=template.affine,
    )


def _border(mask: BoolArray, affine: Matrix) -> NDArray[np.float64]:
    """The outermost voxels of ``mask`` in millimetres (3, N)."""
    indices = np.argwhere(mask & ~ndimage.binary_erosion(mask)).T
    border: NDArray[np.float64] = affine[:3, :3] @ indices + affine[:3, 3:]
    return border


def _named(template: Template) -> NDArray[np.uint8]:
    table = np.zeros(256, dtype=np.uint8)
    for number, name in load_names().items():
        table[number] = region_of(name)
    known = table[load_labels()] * template.brain
    tissue = template.brain & (template.grey.astype(np.int16) + template.white >= TISSUE)
    stem, callosum = _stem(template) & tissue, _callosum(template)
    known[stem & (known == 0)] = Region.BRAINSTEM
    known[callosum & (known == 0)] = Region.CORPUS_CALLOSUM
    box = ndimage.find_objects(template.brain.astype(np.uint8))[0]
    named = np.zeros_like(known)
    named[box] = _grown(known[box]) * template.brain[box]
    named[_ventricles(template, tissue)] = Region.VENTRICLE
    return np.asarray(named, dtype=np.uint8)


def _grown(known: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``known`` with each unnamed voxel given the nearest region that reaches it."""
    near, nearest = ndimage.distance_transform_edt(known == 0, return_indices=True)
    grown = np.where(near <= NUCLEUS_REACH_MM, known[tuple(nearest)], 0)
    lobes = np.where(np.isin(known, FAR_REACHING), known, 0)
    far, farthest = ndimage.distance_transform_edt(lobes == 0, return_indices=True)
    reached = (grown == 0) & (far <= LOBE_REACH_MM)
    grown[reached] = lobes[tuple(farthest)][reached]
    return np.asarray(grown, dtype=np.uint8)


def millimetres(template: Template) -> tuple[NDArray[np.float32], ...]:
    """The coordinates along R, A and S of the template's voxels, each ready to broadcast."""
    return tuple(
        (template.affine[axis, 3] + np.arange(n))
        .astype(np.float32)
        .reshape(np.roll((-1, 1, 1), axis))
        for axis, n in enumerate(template.t1.shape)
    )


def _stem(template: Template) -> BoolArray:
    x, y, z = millimetres(template)
    heights, along = ([point[axis] for point in reversed(STEM)] for axis in (2, 1))
    middle = np.interp(z, heights, along)
    stem: BoolArray = (x**2 + (y - middle) ** 2 <= STEM_RADIUS_MM**2) & (z <= STEM_TOP_MM)
    return stem


def _callosum(template: Template) -> BoolArray:
    """White matter within 12 mm of the mid-sagittal plane, above the thalami, in one piece."""
    x, y, z = millimetres(template)
    white = (template.white >= WHITE) & (np.abs(x) <= 12) & (z > -6) & (z < 29)
    white &= (y > -48) & (y < 40)
    labels, _ = ndimage.label(white)
    middle = labels[np.flatnonzero(x.ravel() == 0)[0]]
    largest = int(np.bincount(middle[middle > 0]).argmax())
    callosum: BoolArray = labels == largest
    return callosum


def _ventricles(template: Template, tissue: BoolArray) -> BoolArray:
    """Fluid deep inside the brain: lateral and third ventricle in one piece, and the fourth."""
    x, y, z = millimetres(template)
    fluid = template.brain & ~tissue
    middle = (np.abs(x) < 36) & (y > -58) & (y < 36) & (z > -12) & (z < 32)
    labels, _ = ndimage.label(ndimage.binary_erosion(fluid & middle))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    lateral = ndimage.binary_dilation(labels == int(sizes.argmax())) & fluid
    fourth = fluid & (np.abs(x) <= 9) & (y > -50) & (y < -33) & (z > -46) & (z < -18)
    ventricles: BoolArray = lateral | fourth
    return ventricles


def _eloquent(template: Template) -> NDArray[np.uint8]:
    labels = load_labels()
    _, y, _ = millimetres(template)
    numbers = {name: number for number, name in load_names().items()}
    bits = np.zeros(labels.shape, dtype=np.uint8)
    for bit, names in enumerate(ELOQUENT.values()):
        for name in names:
            here = labels == numbers[name]
            if name.startswith("Temporal_Sup"):
                here &= y < WERNICKE_BEHIND_MM
            bits[here] |= 1 << bit
    return bits
