"""A stored lesion's place as :mod:`ml.atlas` gave it, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable

from ml.atlas.vasari import Feature, location_features
from ml.place import AtlasPlace, Place, RegionShare, Side
from segmentation.models import Lesion


def place_of(lesion: Lesion) -> Place:
    """The place, without the template where the lesion was not placed on it."""
    atlas = None
    if lesion.regions is not None:
        atlas = AtlasPlace(
            regions=tuple(RegionShare(**share) for share in lesion.regions),
            unnamed_share=lesion.unnamed_share or 0.0,
            crosses_midline=bool(lesion.crosses_midline),
            depth_mm=lesion.depth_mm,
            ventricle_mm=lesion.ventricle_mm,
            cortex_share=lesion.cortex_share or 0.0,
            eloquent=lesion.eloquent or {},
        )
    return Place(Side(lesion.side), lesion.left_share, lesion.place, atlas, lesion.without_atlas)


def vasari_features(lesions: Iterable[Lesion]) -> tuple[Feature, ...]:
    """F1 to F3 of a mask taken as a whole, by its ``lesions``, the largest first."""
    return location_features([place_of(lesion) for lesion in lesions])
