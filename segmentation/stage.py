"""What the picture of a result needs beside its slices: side labels, marks, the lesions listed."""

from __future__ import annotations

from typing import Any

from ml.geometry import ImageKind
from patients.models import PictureConvention, Scan
from segmentation.models import Lesion, Segmentation
from segmentation.palette import LESION_COLOURS
from segmentation.selectors.lesion_names import LesionName, ResultNames
from segmentation.selectors.place import vasari_features
from segmentation.selectors.tumour_type import show_type
from segmentation.selectors.unsure import unsure_figures

LISTED = 12
# Of what was measured before tiny lesions were told apart; a long tail of specks hides the rest.
LEAST_LISTED_SHARE = 0.005

SideLabel = tuple[str, str, str]
RADIOLOGICAL: list[SideLabel] = [
    ("left", "R", "the patient's right"),
    ("right", "L", "the patient's left"),
]
NEUROLOGICAL: list[SideLabel] = [
    ("left", "L", "the patient's left"),
    ("right", "R", "the patient's right"),
]
FRONT_AND_BACK: list[SideLabel] = [("top", "A", "anterior"), ("bottom", "P", "posterior")]


def show_result(
    scan: Scan, result: Segmentation, names: ResultNames | None = None
) -> dict[str, Any]:
    """The context of the picture and the table; without ``names`` lesions have their numbers."""
    known = {} if names is None else names.lesions
    lesions = list(result.lesions.all())
    listed = listed_lesions(lesions)
    return {
        "side_labels": side_labels(scan),
        "slice_marks": slice_marks(lesions),
        "main_lesions": [(lesion, known.get(lesion.number)) for lesion in listed],
        "is_named": bool(known),
        "is_waiting": names is not None and names.is_waiting,
        "lesion_names": known,
        "colours": "-".join(str(n) for n in mask_colours(known)),
        "vasari": vasari_features(listed),
        "unsure": unsure_figures(result),
        "lesion_count": len(lesions),
        "hidden_lesions": len(lesions) - len(listed),
        "unlisted_lesions": [lesion for lesion in lesions if lesion not in listed],
        "tumour_type": show_type(scan, result),
        "middle_slice": (scan.slice_count + 1) // 2,
    }


def mask_colours(names: dict[int, LesionName]) -> list[int]:
    """The colour, from 1, that each of the mask picture's colours stands for."""
    indices = range(1, len(LESION_COLOURS) + 1)
    return [names[n].colour_index if n in names else n for n in indices]


def side_labels(scan: Scan) -> list[SideLabel]:
    """Letters for the picture's edges; none where the file or its uploader does not say.

    Volumes are always shown in the radiological convention, whatever their orientation.
    """
    if scan.kind == ImageKind.VOLUME:
        return RADIOLOGICAL + FRONT_AND_BACK if scan.affine is not None else []
    if scan.convention == PictureConvention.RADIOLOGICAL:
        return RADIOLOGICAL
    if scan.convention == PictureConvention.NEUROLOGICAL:
        return NEUROLOGICAL
    return []


def slice_marks(lesions: list[Lesion]) -> list[tuple[int, int]]:
    """Runs of slices with any lesion, as (from, how many), counted from 0 at the foot."""
    runs: list[tuple[int, int]] = []
    for first, last in sorted((lesion.first_slice, lesion.last_slice) for lesion in lesions):
        if runs and first - 1 <= runs[-1][0] + runs[-1][1]:
            start, length = runs[-1]
            runs[-1] = (start, max(length, last - start))
        else:
            runs.append((first - 1, last - first + 1))
    return runs


def listed_lesions(lesions: list[Lesion]) -> list[Lesion]:
    """The largest ones, without the tiny; where all are tiny, the largest of these."""
    whole = sum(lesion.voxels for lesion in lesions)
    large = [lesion for lesion in lesions if not _is_small(lesion, whole)]
    return (large or lesions[:1])[:LISTED]


def _is_small(lesion: Lesion, whole: int) -> bool:
    """Whether it is tiny; of an older result, which does not say so, whether it is a speck."""
    if lesion.is_tiny is None:
        return lesion.voxels < LEAST_LISTED_SHARE * whole
    return lesion.is_tiny
