"""A glioma's parts from all sequences of a visit, never more than these can show.

The numbers are BraTS's (Menze et al., IEEE TMI 2015). Enhancement is what contrast medium shows:
without a contrast-enhanced T1 nothing is said of it, nor of the core, which it bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.atlas import TemplateFit
from ml.errors import NoModelError
from ml.inference import Progress
from ml.intensity import BoolArray, FloatArray
from ml.measures import LabelledMeasurement, measure_label_map
from ml.models import Model
from ml.prediction import make_grid, read_regions
from ml.stacks import slices_to_volume, volume_to_slices
from ml.study import Study, gather_study
from ml.volumes import MedicalImage

CONTRAST = "T1ce"
CORE, OEDEMA, ENHANCING = 1, 2, 4
WHOLE = 1

WITH_CONTRAST = {
    CORE: "necrosis and non-enhancing tumour",
    OEDEMA: "oedema",
    ENHANCING: "enhancing tumour",
}
WITHOUT_CONTRAST = {WHOLE: "whole tumour"}


def labels_for(sequences: tuple[str, ...]) -> dict[int, str]:
    """What the values of a mask mean that was drawn from ``sequences``."""
    return WITH_CONTRAST if CONTRAST in sequences else WITHOUT_CONTRAST


def map_labels(regions: BoolArray, sequences: tuple[str, ...]) -> NDArray[np.uint8]:
    """One map (Z, H, W) from whole tumour, core and enhancing tumour (3, Z, H, W).

    Each region lies within the one before.
    """
    whole, core, enhancing = regions
    labels = np.zeros(whole.shape, dtype=np.uint8)
    if CONTRAST not in sequences:
        labels[whole] = WHOLE
        return labels
    labels[whole], labels[core], labels[enhancing] = OEDEMA, CORE, ENHANCING
    return labels


@dataclass(frozen=True)
class GliomaFinding:
    """What was found on the grid of the scan that was named.

    ``mask`` (X, Y, Z) holds ``labels``; ``slices`` is the same, ``image`` the scan (Z, H, W) and
    ``probability`` that of whole tumour, core and enhancing tumour (3, Z, H, W), in the reader's
    view.
    """

    mask: NDArray[np.uint8]
    labels: dict[int, str]
    study: Study
    image: NDArray[np.generic]
    slices: NDArray[np.uint8]
    probability: FloatArray
    measurement: LabelledMeasurement


def predict_glioma(
    model: Model,
    images: Mapping[str, MedicalImage],
    *,
    onto: str,
    spacing_is_reliable: bool = True,
    fit: TemplateFit | None = None,
    on_step: Callable[[], None] = lambda: None,
    progress: Progress | None = None,
) -> GliomaFinding:
    """Segments and measures the volumes of one visit, by sequence, on the grid of ``images[onto]``.

    ``fit`` is how that scan lies on the template, and ``spacing_is_reliable`` is said of it too.
    ``on_step`` is called while the volumes are laid on each other, ``progress`` while they are
    read.
    Raises NoModelError for a sequence that the model does not read, and what
    :func:`ml.study.gather_study` raises.
    """
    unknown = set(images) - set(model.card.preparation.channels)
    if unknown:
        raise NoModelError(f"{model.card.name} does not read {', '.join(sorted(unknown))}.")
    target = images[onto]
    study = gather_study(images, onto=onto, fit=fit, on_step=on_step)
    probability, regions = read_regions(model, study.stack, progress=progress)
    slices = map_labels(regions, study.sequences)
    labels = labels_for(study.sequences)
    grid = make_grid(target, spacing_is_reliable=spacing_is_reliable)
    image = volume_to_slices(target.values, target.affine)
    measurement = measure_label_map(
        slices, labels, image=image, grid=replace(grid, fit=fit), probability=probability[0]
    )
    mask = np.asarray(slices_to_volume(slices, target.affine), dtype=np.uint8)
    return GliomaFinding(mask, dict(labels), study, image, slices, probability, measurement)
