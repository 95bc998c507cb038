"""Where a lesion lies, in words that follow from the file and from nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from ml.intensity import BoolArray

# A lesion with at least this share of its voxels on either side counts as being on both.
CROSSING_SHARE = 0.1


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
    UNKNOWN = "unknown"


class Convention(StrEnum):
    """Which of the patient's sides is on the left edge of a picture."""

    RADIOLOGICAL = "radiological"
    NEUROLOGICAL = "neurological"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RegionShare:
    """One region's share, 0 to 1; ``side`` is the patient's, empty for what lies in the middle."""

    name: str
    side: str
    share: float


@dataclass(frozen=True)
class AtlasPlace:
    """A lesion in the brain of the template; lengths are millimetres in the scan.

    ``regions`` share out the voxels that have a region; ``unnamed_share`` of all have none (they
    lie in ventricles or outside). ``depth_mm`` is from the brain's surface to the nearest point of
    the lesion and ``ventricle_mm`` between lesion and ventricles, 0 where they touch; both None
    where it turned out that the scan's millimetres are not to be relied on.
    ``cortex_share`` is the part in cortex, ``eloquent`` that in each kind of eloquent cortex.
    """

    regions: tuple[RegionShare, ...]
    unnamed_share: float
    crosses_midline: bool
    depth_mm: float | None
    ventricle_mm: float | None
    cortex_share: float
    eloquent: dict[str, float]


@dataclass(frozen=True)
class Place:
    """``side`` is the patient's. ``words`` is the whole description.

    ``left_share`` is the share of the lesion's voxels left of the brain's middle, from 0 to 1,
    and None where the side is unknown. ``atlas`` is None where the scan was not placed on the
    template; ``without_atlas`` then says why, if that was asked for.
    """

    side: Side
    left_share: float | None
    words: str
    atlas: AtlasPlace | None = None
    without_atlas: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def place_in_volume(mask: BoolArray, centre: tuple[float, ...]) -> Place:
    """The place of ``mask`` (Z, H, W), rows to posterior and columns to the patient's left.

    ``centre`` is the middle of the brain's own box in the same indices.
    """
    z, rows, columns = np.nonzero(mask)
    left_share = _share_beyond(columns, centre[2])
    side = side_of(left_share)
    depth = "anterior" if rows.mean() < centre[1] else "posterior"
    height = "superior" if z.mean() > centre[0] else "inferior"
    return Place(side, left_share, f"{_side_words(side, left_share)}, {depth}, {height}")


def place_in_picture(mask: BoolArray, centre: tuple[float, ...], convention: Convention) -> Place:
    """The place of ``mask`` (H, W) in the picture; the patient's side only if it was stated."""
    rows, columns = np.nonzero(mask)
    vertical = "upper" if rows.mean() < centre[0] else "lower"
    edge = "left" if columns.mean() < centre[1] else "right"
    in_picture = f"{vertical} {edge} part of the picture"
    if convention is Convention.UNKNOWN:
        return Place(Side.UNKNOWN, None, f"{in_picture}; the patient's side is not known")
    towards_right_edge = _share_beyond(columns, centre[1])
    radiological = convention is Convention.RADIOLOGICAL
    left_share = towards_right_edge if radiological else 1 - towards_right_edge
    side = side_of(left_share)
    return Place(side, left_share, f"{_side_words(side, left_share)}; {in_picture}")


def place_without_affine(mask: BoolArray, centre: tuple[float, ...]) -> Place:
    """The place of ``mask`` (Z, H, W) in a volume whose file does not say which side is which."""
    z, _, _ = np.nonzero(mask)
    half = "second" if z.mean() > centre[0] else "first"
    return Place(
        Side.UNKNOWN, None, f"{half} half of the slices; the file does not state the patient's side"
    )


def _share_beyond(indices: np.ndarray[tuple[int], np.dtype[np.int64]], middle: float) -> float:
    """The share of ``indices`` above ``middle``; those on it count half."""
    beyond = (indices > middle).mean() + 0.5 * (indices == middle).mean()
    return round(float(beyond), 4)


def side_of(left_share: float) -> Side:
    """Which side a lesion is on, of whose voxels ``left_share`` are left of the middle."""
    if left_share >= 1 - CROSSING_SHARE:
        return Side.LEFT
    if left_share <= CROSSING_SHARE:
        return Side.RIGHT
    return Side.BOTH


def _side_words(side: Side, left_share: float) -> str:
    if side is not Side.BOTH:
        return str(side)
    return f"on both sides ({left_share:.0%} left, {1 - left_share:.0%} right)"
