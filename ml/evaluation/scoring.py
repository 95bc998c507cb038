"""One case against its reference: what is counted once, so that every level can be summed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import LabelledCase
from ml.evaluation.scale import Scale, Units, scale_of
from ml.intensity import BoolArray
from ml.metrics.lesions import (
    LEAST_PIXELS,
    LEAST_VOXELS,
    LESION_METRICS,
    count_lesions,
    lesion_ratios,
)
from ml.metrics.overlap import METRICS, Counts, Values, count_slices, overlap_ratios
from ml.metrics.surface import Spread, SurfaceDistances, measure_surface, merge_spreads
from ml.metrics.volumes import VOLUME_METRICS, volume_errors

SURFACE_METRICS = ("hd95", "average_surface_distance")
ALL_METRICS = (*METRICS, *SURFACE_METRICS, *VOLUME_METRICS, *LESION_METRICS)
IN_VOLUME_UNITS = tuple(name for name in VOLUME_METRICS if name != "volume_error_relative")


@dataclass(frozen=True)
class CaseSurface:
    """The surface distances of one case; NaN where they are undefined.

    ``outward`` and ``inward`` are the distances themselves, for pooling. In two dimensions the
    figures are means over the slices on which both masks have a surface; ``excluded_slices`` are
    those on which only one has.
    """

    hd95: float
    average: float
    outward: Spread
    inward: Spread
    excluded_slices: int = 0


@dataclass(frozen=True)
class CaseScore:
    """What was counted on one case.

    ``counts`` and ``slice_lesions`` are (S, 4) and ``slice_surfaces`` (S, 2), HD95 and average
    distance, for each scored slice; ``lesions`` (4,) are those of the volume.
    """

    case: str
    patient: str
    scale: Scale
    counts: Counts
    lesions: Counts
    slice_lesions: Counts
    slice_surfaces: NDArray[np.float64]
    surface: CaseSurface

    @property
    def both_empty(self) -> bool:
        """Whether there is no tumour in the reference and none was drawn."""
        return bool(empty_units(self.counts.sum(axis=0)))

    @property
    def tumour_slices(self) -> BoolArray:
        """Which of the scored slices (S,) have tumour in the reference."""
        return np.greater(self.counts[:, 0] + self.counts[:, 3], 0)

    @property
    def dice(self) -> float:
        return float(overlap_ratios(self.counts.sum(axis=0))["dice"])


def empty_units(counts: Counts) -> BoolArray:
    """Where both masks are empty (...), for counts (..., 4)."""
    return np.asarray(counts[..., 0] + counts[..., 1] + counts[..., 3] == 0)


def score_case(
    case: LabelledCase, mask: BoolArray, *, tumour_slices_only: bool = False
) -> CaseScore | None:
    """What is counted on ``mask`` (Z, H, W) against the reference of ``case``.

    With ``tumour_slices_only``, what was drawn on other slices is disregarded, as some published
    systems report; None where the reference then leaves no slice to score.
    """
    scored: BoolArray = np.ones(len(mask), dtype=np.bool_)
    if tumour_slices_only:
        scored = np.asarray(case.mask.any(axis=(1, 2)))
        mask = mask & scored[:, None, None]
    if not scored.any():
        return None
    scale = scale_of(case)
    drawn, true = mask[scored], case.mask[scored]
    planes = [
        measure_surface(one, other, spacing=scale.spacing[1:])
        for one, other in zip(drawn, true, strict=True)
    ]
    lesions = [
        count_lesions(one, other, least=LEAST_PIXELS)
        for one, other in zip(drawn, true, strict=True)
    ]
    if scale.units.dimensions == 3:
        surface = _surface_in_space(mask, case.mask, scale)
    else:
        surface = _surface_in_plane(drawn, true, planes)
    return CaseScore(
        case=case.case,
        patient=case.patient,
        scale=scale,
        counts=count_slices(drawn, true),
        lesions=count_lesions(mask, case.mask, least=LEAST_VOXELS),
        slice_lesions=np.array(lesions),
        slice_surfaces=np.array([_pair(plane) for plane in planes]),
        surface=surface,
    )


def _pair(distances: SurfaceDistances | None) -> tuple[float, float]:
    return (np.nan, np.nan) if distances is None else (distances.hd95, distances.average)


def _surface_in_space(mask: BoolArray, reference: BoolArray, scale: Scale) -> CaseSurface:
    distances = measure_surface(mask, reference, spacing=scale.spacing)
    if distances is None:
        return CaseSurface(np.nan, np.nan, merge_spreads([]), merge_spreads([]))
    return CaseSurface(distances.hd95, distances.average, distances.outward, distances.inward)


def _surface_in_plane(
    mask: BoolArray, reference: BoolArray, planes: list[SurfaceDistances | None]
) -> CaseSurface:
    """Means over the slices that have both surfaces."""
    measured = [plane for plane in planes if plane is not None]
    one_empty = mask.any(axis=(1, 2)) ^ reference.any(axis=(1, 2))
    return CaseSurface(
        hd95=float(np.mean([plane.hd95 for plane in measured])) if measured else np.nan,
        average=float(np.mean([plane.average for plane in measured])) if measured else np.nan,
        outward=merge_spreads(plane.outward for plane in measured),
        inward=merge_spreads(plane.inward for plane in measured),
        excluded_slices=int(one_empty.sum()),
    )


def case_values(score: CaseScore, units: Units) -> dict[str, float]:
    """All metrics of one case over all its voxels; NaN where one is undefined.

    A case that is measured in other units than ``units`` has no distance and no volume in them.
    """
    counts = score.counts.sum(axis=0)
    surface = (score.surface.hd95, score.surface.average)
    values: dict[str, Any] = {
        **overlap_ratios(counts),
        **dict(zip(SURFACE_METRICS, surface, strict=True)),
        **volume_errors(counts, voxel=score.scale.voxel),
        **lesion_ratios(score.lesions),
    }
    if score.scale.units != units:
        values.update(dict.fromkeys((*SURFACE_METRICS, *IN_VOLUME_UNITS), np.nan))
    return {name: float(value) for name, value in values.items()}


def slice_values(score: CaseScore, units: Units) -> dict[str, Values]:
    """All metrics of one case slice by slice, each (S,); NaN where one is undefined."""
    values = {
        **overlap_ratios(score.counts),
        **dict(zip(SURFACE_METRICS, score.slice_surfaces.T, strict=True)),
        **volume_errors(score.counts, voxel=score.scale.voxel),
        **lesion_ratios(score.slice_lesions),
    }
    if score.scale.units != units:
        nothing = np.full(len(score.counts), np.nan)
        values.update(dict.fromkeys((*SURFACE_METRICS, *IN_VOLUME_UNITS), nothing))
    return values
