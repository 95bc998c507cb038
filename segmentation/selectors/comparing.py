"""What the compare page shows: for its viewer a manifest, for its table the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from clinic.models import Membership
from segmentation.comparable import have_one_grid
from segmentation.models import Comparison, Segmentation, State
from segmentation.selectors.comparisons import FILES, Pair, Side
from segmentation.selectors.lesion_names import (
    ResultNames,
    current_results,
    name_patient_lesions,
)
from segmentation.selectors.reading import reading_manifest

MOST_LESIONS = 12


@dataclass(frozen=True)
class ComparedValues:
    """One measure on both days; ``change`` in its unit and ``percent`` of the earlier value."""

    earlier: float | None
    later: float | None

    @property
    def change(self) -> float | None:
        if self.earlier is None or self.later is None:
            return None
        return self.later - self.earlier

    @property
    def percent(self) -> float | None:
        if self.change is None or not self.earlier:
            return None
        return 100.0 * self.change / self.earlier


@dataclass(frozen=True)
class ComparedLesion:
    """One lesion by its lasting name; without a value on a date that does not show it."""

    name: int
    volume: ComparedValues
    is_new: bool


@dataclass(frozen=True)
class Part:
    """One kind of change: its class, its name and how much there is of it."""

    name: str
    words: str
    voxels: int | None
    volume_ml: float | None


def compared_values(*, pair: Pair, comparison: Comparison | None) -> dict[str, Any]:
    """Totals of both results and the parts of their difference; mL only where both have a size."""
    physical = pair.earlier.scan.has_physical_size and pair.later.scan.has_physical_size
    return {
        "physical": physical,
        "volume": ComparedValues(pair.earlier.volume_ml, pair.later.volume_ml)
        if physical
        else None,
        "voxels": ComparedValues(pair.earlier.voxels, pair.later.voxels),
        "same_voxels": have_one_grid(pair.earlier.scan, pair.later.scan),
        "parts": _parts(comparison),
        "lesions": _lesions(pair),
    }


def _lesions(pair: Pair) -> list[ComparedLesion]:
    """By name; empty unless both results count, since only those are matched."""
    names = name_patient_lesions(current_results(pair.earlier.scan.study.patient_id))
    sides = [_volumes(result, names.of(result)) for result in (pair.earlier, pair.later)]
    first, second = sides
    if first is None or second is None:
        return []
    new = names.results[pair.later.pk].new or ()
    return [
        ComparedLesion(name, ComparedValues(first.get(name), second.get(name)), name in new)
        for name in sorted({*first, *second})
    ][:MOST_LESIONS]


def _volumes(result: Segmentation, names: ResultNames | None) -> dict[int, float | None] | None:
    if names is None:
        return None
    volumes: dict[int, float | None] = {}
    for lesion in result.lesions.all():
        name = names.lesions[lesion.number].name
        if lesion.volume_ml is None:
            volumes.setdefault(name, None)
        else:
            volumes[name] = (volumes.get(name) or 0.0) + lesion.volume_ml
    return volumes


def _parts(comparison: Comparison | None) -> list[Part]:
    if comparison is None or comparison.state != State.SUCCEEDED:
        return []
    words = {
        "stable": "tumour on both",
        "grown": "only on the later one",
        "gone": "only on the earlier one",
    }
    return [
        Part(
            name,
            said,
            getattr(comparison, f"{name}_voxels"),
            getattr(comparison, f"{name}_ml"),
        )
        for name, said in words.items()
    ]


def compare_manifest(*, member: Membership, earlier: Side, later: Side) -> dict[str, Any]:
    """What the viewer of the compare page loads: for each side what the reading room would."""
    return {
        "earlier": reading_manifest(member=member, scan=earlier.scan, version=earlier.name),
        "later": reading_manifest(member=member, scan=later.scan, version=later.name),
        "same_grid": have_one_grid(earlier.scan, later.scan),
    }


def comparison_layers(comparison: Comparison | None) -> dict[str, Any] | None:
    """The addresses of a finished comparison's files, and the matrix between the two scans."""
    if comparison is None or comparison.state != State.SUCCEEDED:
        return None
    urls = {
        name.replace("-", "_") + "_url": reverse(
            "segmentation:comparison_layer", args=[comparison.pk, name]
        )
        for name in FILES
    }
    return {"id": str(comparison.pk), "matrix": comparison.matrix, **urls}
