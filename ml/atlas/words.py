"""The words for a place in the template's brain."""

from __future__ import annotations

from ml.place import AtlasPlace, RegionShare, Side

LEAST_SPOKEN = 0.1
MOST_REGIONS = 3
# 160 characters are kept with a lesion.


def place_words(side: Side, place: AtlasPlace) -> str:
    """Such as "left frontal 71 %, insula 22 %"; the side is said again only where it changes.

    Regions with less than a tenth are left out, one region alone has no number.
    """
    spoken = [share for share in place.regions if share.share >= LEAST_SPOKEN][:MOST_REGIONS]
    spoken = spoken or list(place.regions[:1])
    if not spoken:
        return f"{_sided(side)}outside the named regions of the brain"
    if len(place.regions) == 1:
        return _named(spoken[0], spoken[0].side)
    said, words = "", []
    for share in spoken:
        words.append(f"{_named(share, '' if share.side == said else share.side)} {share.share:.0%}")
        said = share.side or said
    return ", ".join(words).replace("%", " %")


def detail_words(
    *,
    crosses_midline: bool | None,
    depth_mm: float | None,
    ventricle_mm: float | None,
    without_atlas: str,
) -> str:
    """Such as "crosses the midline, 12 mm deep, touches a ventricle"; or why there is none."""
    if without_atlas:
        return f"placed without the atlas: {without_atlas}"
    words = ["crosses the midline"] if crosses_midline else []
    if depth_mm is not None:
        words.append(f"{depth_mm:.0f} mm deep" if depth_mm else "reaches the surface")
    if ventricle_mm is not None:
        gap = f"{ventricle_mm:.0f} mm from a ventricle"
        words.append(gap if ventricle_mm else "touches a ventricle")
    return ", ".join(words)


def _named(share: RegionShare, side: str) -> str:
    return f"{side} {share.name}".strip()


def _sided(side: Side) -> str:
    return "" if side is Side.BOTH else f"{side}, "
