"""VASARI's location features follow from the place, and are not said where they do not."""

from __future__ import annotations

from dataclasses import replace

from ml.atlas.vasari import deep_features, location_features, midline_features
from ml.place import AtlasPlace, Place, RegionShare, Side

ATLAS = AtlasPlace(
    regions=(
        RegionShare("temporal", "left", 0.4),
        RegionShare("frontal", "left", 0.35),
        RegionShare("frontal", "right", 0.25),
    ),
    unnamed_share=0.0,
    crosses_midline=True,
    depth_mm=0.0,
    ventricle_mm=3.0,
    cortex_share=0.5,
    eloquent={"motor": 0.1},
)
MAIN = Place(Side.BOTH, 0.7, "words", ATLAS)
CALM = replace(ATLAS, crosses_midline=False, eloquent={}, regions=ATLAS.regions[:1])


def test_location_and_side_are_the_largest_lesions_and_eloquent_cortex_is_any_ones() -> None:
    other = Place(Side.RIGHT, 0.0, "words", replace(CALM, eloquent={"vision": 0.2, "motor": 0.1}))
    found = {one.code: one.value for one in location_features([MAIN, other])}
    assert found == {"F1": "frontal", "F2": "centre or both", "F3": "motor, vision"}


def test_no_eloquent_cortex_is_said_to_be_none() -> None:
    (*_, eloquent) = location_features([Place(Side.LEFT, 1.0, "words", CALM)])
    assert (eloquent.code, eloquent.value) == ("F3", "none")


def test_nothing_is_said_of_a_scan_that_is_not_laid_on_the_template() -> None:
    without = Place(Side.LEFT, 1.0, "left", without_atlas="no position was found")
    assert location_features([]) == location_features([without]) == ()
    assert midline_features({"enhancing": [without]}) == deep_features([without]) == ()


def test_each_component_crosses_the_midline_or_not_by_itself() -> None:
    calm = Place(Side.LEFT, 1.0, "words", CALM)
    found = midline_features({"necrosis": [MAIN], "Oedema": [MAIN], "enhancing": [calm]})
    assert [(one.code, one.value) for one in found] == [("F15", "yes"), ("F23", "no")]
    (ncet,) = midline_features({"non-enhancing": [calm, MAIN]})
    assert (ncet.code, ncet.value) == ("F22", "yes")


def test_deep_white_matter_is_said_where_it_is_reached_and_never_denied() -> None:
    deep = replace(ATLAS, regions=(*ATLAS.regions, RegionShare("corpus callosum", "", 0.02)))
    (found,) = deep_features([MAIN, Place(Side.BOTH, 0.5, "words", deep)])
    assert (found.code, found.value) == ("F21", "corpus callosum")
    assert deep_features([MAIN]) == ()
