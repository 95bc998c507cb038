"""The location features of VASARI that follow from masks and the template.

VASARI is the feature set for gliomas of The Cancer Imaging Archive; Gutman et al., Radiology
2013;267:560 defines its use. Left out is what a mask on an average brain cannot say: pial and
ependymal invasion (F18, F19: the template's ventricles and surface are not the patient's) and
cortical involvement (F20: cortex is thinner than a fit is exact; its share is given instead).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ml.place import AtlasPlace, Place, Side

SOURCE = "VASARI, The Cancer Imaging Archive; Gutman et al., Radiology 2013;267:560"
SIDES = {Side.LEFT: "left", Side.RIGHT: "right", Side.BOTH: "centre or both"}
# Of F21's three, AAL3 and the template name no internal capsule, so that "no" cannot be said.
DEEP_WHITE_MATTER = ("corpus callosum", "brainstem")


@dataclass(frozen=True)
class Feature:
    """One feature: ``code`` such as F1, VASARI's name for it, and what it is here."""

    code: str
    name: str
    value: str


def location_features(places: Sequence[Place]) -> tuple[Feature, ...]:
    """F1, F2 and F3 of a tumour whose lesions lie at ``places``, the largest first.

    Location and side are the largest lesion's, eloquent cortex is any lesion's. Empty where the
    scan is not laid on the template. Cingulate gyrus, basal ganglia and thalamus, which VASARI
    has no number for, are named as they are.
    """
    placed = [place.atlas for place in places if place.atlas is not None]
    if not placed or not placed[0].regions:
        return ()
    touched = [kind for atlas in placed for kind in atlas.eloquent]
    return (
        Feature("F1", "tumour location", _main_region(placed[0])),
        Feature("F2", "side of the tumour", SIDES.get(places[0].side, "not known")),
        Feature("F3", "eloquent cortex", ", ".join(dict.fromkeys(touched)) or "none"),
    )


def deep_features(places: Iterable[Place]) -> tuple[Feature, ...]:
    """F21 of the tumour without its oedema: said where it is so, and never denied."""
    reached = {share.name for place in places if place.atlas for share in place.atlas.regions}
    found = [name for name in DEEP_WHITE_MATTER if name in reached]
    return (Feature("F21", "deep white matter", ", ".join(found)),) if found else ()


def midline_features(by_label: Mapping[str, Sequence[Place]]) -> tuple[Feature, ...]:
    """F15, F22 and F23: which components cross the midline, for labels that are named so."""
    found = []
    for name, places in by_label.items():
        kind = _component(name)
        placed = [place.atlas for place in places if place.atlas is not None]
        if kind is not None and placed:
            crosses = any(atlas.crosses_midline for atlas in placed)
            found.append(Feature(*kind, "yes" if crosses else "no"))
    return tuple(sorted(found, key=lambda feature: feature.code))


def is_oedema(name: str) -> bool:
    return name.lower().startswith(("oedema", "edema"))


def _component(name: str) -> tuple[str, str] | None:
    """Code and name of the feature that says whether this label crosses the midline."""
    if is_oedema(name):
        return "F15", "oedema crosses the midline"
    if name.lower().startswith(("non-enhanc", "nonenhanc", "ncet")):
        return "F22", "non-enhancing tumour crosses the midline"
    if name.lower().startswith("enhanc"):
        return "F23", "enhancing tumour crosses the midline"
    return None


def _main_region(atlas: AtlasPlace) -> str:
    """The region with the largest share, both sides together."""
    shares: dict[str, float] = defaultdict(float)
    for share in atlas.regions:
        shares[share.name] += share.share
    return max(shares, key=lambda name: shares[name])
