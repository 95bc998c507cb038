"""Place in template space: the labels' words, the judge's refusals, known lesions found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.atlas import TemplateFit, brain_of, fit_scan
from ml.atlas.judge import NO_AFFINE, NO_SPACING, doubt
from ml.atlas.placing import place_on_template
from ml.atlas.regions import Region, load_anatomy, region_of
from ml.atlas.template import load_labels, load_names, load_template
from ml.atlas.template_fit import FitQuality
from ml.atlas.trial import SETTINGS, as_image, run_trials
from ml.phantom import FLAIR, WHOLE_BRAIN_MM, grow_phantom
from ml.stacks import stack_to_file
from ml.tests.factories import medical_image, reorient

GOOD = FitQuality(0.1, 2.0, 0.95, 0.95, 0.85, 0.95, 12.0)
IDENTITY = TemplateFit(tuple(tuple(row) for row in np.eye(4)), trusted=True, quality=GOOD)


def ball_at(x: float, y: float, z: float, radius: float = 6.0) -> np.ndarray:
    """A ball (X, Y, Z) on the template's grid, its centre in MNI millimetres."""
    template = load_template()
    index = np.indices(template.t1.shape).astype(np.float32)
    centre = np.array([x, y, z]) - template.affine[:3, 3]
    squares = sum((index[axis] - centre[axis]) ** 2 for axis in range(3))
    return np.asarray(squares <= radius**2)


def test_every_label_of_the_atlas_has_a_region() -> None:
    names = load_names()
    assert {int(label) for label in np.unique(load_labels()) if label} <= set(names)
    assert all(region_of(name) is not Region.NONE for name in names.values())
    with pytest.raises(KeyError):
        region_of("Somewhere_L")


def test_nearly_all_of_the_brain_has_a_region_on_both_sides_alike() -> None:
    anatomy = load_anatomy()
    assert (anatomy.regions[anatomy.brain] == Region.NONE).mean() < 0.01
    half = anatomy.regions.shape[0] // 2
    for region in set(Region) - {Region.NONE}:
        left = int((anatomy.regions[:half] == region).sum())
        right = int((anatomy.regions[half + 1 :] == region).sum())
        assert left > 0
        assert 0.6 < left / right < 1.7, region


@pytest.mark.parametrize(
    ("centre", "words"),
    [
        ((-38, 36, 24), "left frontal"),
        ((48, -44, 46), "right parietal"),
        ((-52, -18, -18), "left temporal"),
        ((20, -92, 4), "right occipital"),
        ((11, -18, 8), "right thalamus"),
        ((-28, -62, -36), "left cerebellum"),
        ((0, -26, -34), "brainstem"),
    ],
)
def test_well_known_places_have_their_names(centre: tuple[int, int, int], words: str) -> None:
    place = place_on_template(ball_at(*centre), load_template().affine, IDENTITY)
    assert place.words.startswith(words)


def test_depth_ventricles_and_midline_are_measured_in_the_scans_millimetres() -> None:
    affine = load_template().affine
    deep = place_on_template(ball_at(-28, -10, 32), affine, IDENTITY).atlas
    assert deep is not None
    assert deep.depth_mm > 8
    assert deep.ventricle_mm > 2
    assert not deep.crosses_midline
    doubled = np.diag([2.0, 2.0, 2.0, 1.0])
    larger = TemplateFit(tuple(map(tuple, np.linalg.inv(doubled))), trusted=True)
    twice = place_on_template(ball_at(-28, -10, 32), doubled @ affine, larger).atlas
    assert twice is not None
    assert twice.regions == deep.regions
    assert twice.depth_mm == pytest.approx(2 * deep.depth_mm, abs=0.2)
    across = place_on_template(ball_at(0, 18, 20, 12.0), affine, IDENTITY)
    assert across.atlas is not None
    assert across.atlas.crosses_midline
    assert across.atlas.ventricle_mm == 0
    assert "corpus callosum" in {region.name for region in across.atlas.regions}


def test_scans_without_reliable_millimetres_are_not_fitted() -> None:
    image = medical_image(np.ones((20, 20, 20)), np.eye(4))
    assert fit_scan(image, spacing_is_reliable=False).reason == NO_SPACING
    assert fit_scan(medical_image(np.ones((20, 20, 20)), None)).reason == NO_AFFINE


def test_an_empty_scan_is_refused_in_words() -> None:
    fit = fit_scan(medical_image(np.zeros((60, 60, 60)), np.diag([3.0, 3.0, 3.0, 1.0])))
    assert not fit.trusted
    assert fit.reason


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        ({"seen": 0.2}, "too little"),
        ({"most_size": 1.4}, "size"),
        ({"degrees": 55.0}, "turned"),
        ({"information": 0.01}, "agree"),
        ({"overlap": 0.85, "peak": 1.1}, "agree"),
        ({"overlap": 0.6}, "outlines"),
    ],
)
def test_each_bad_figure_is_a_reason_of_its_own(worse: dict[str, float], said: str) -> None:
    assert doubt(GOOD) == ""
    assert said in doubt(replace(GOOD, **worse))


def test_a_fit_survives_json() -> None:
    assert TemplateFit.from_dict(IDENTITY.as_dict()) == IDENTITY


def test_the_templates_brain_is_carried_onto_the_stack() -> None:
    template = load_template()
    geometry = as_image(template.t1.astype(np.float32), template.affine).geometry
    to_file = stack_to_file(template.affine, template.t1.shape)
    x, y, z = template.t1.shape
    carried = brain_of(IDENTITY, geometry, to_file, (z, y, x))
    assert int(carried.sum()) == int(template.brain.sum())


def test_planted_lesions_come_back_on_their_side_and_in_their_lobe() -> None:
    kinds = [kind for kind in SETTINGS if kind.slice_mm > 1 and not kind.with_scalp][:1]
    for outcome in run_trials(kinds, count=1):
        assert outcome.trusted
        assert outcome.right_side
        assert outcome.error_mm < 8


def test_copies_that_differ_in_the_order_of_voxels_have_the_same_fit_and_the_same_words() -> None:
    head = grow_phantom(
        lesions=(), seed=1, spacing_mm=(2.0, 2.0, 5.0), orientation="RAS",
        rotation_degrees=8.0, with_scalp=True, contrast=FLAIR, box_mm=WHOLE_BRAIN_MM,
    )  # fmt: skip
    volume = head.volume.astype(np.float32)
    mask = np.zeros(volume.shape, dtype=np.uint8)
    x, y, z = (n // 2 for n in volume.shape)
    mask[x - 22 : x - 12, y + 8 : y + 20, z : z + 4] = 1
    found = {}
    for codes in ("RAS", "LAS", "PIR"):
        values, affine = reorient(volume, head.affine, codes)
        own, _ = reorient(mask, head.affine, codes)
        fit = fit_scan(as_image(values, affine))
        assert fit.trusted, fit.reason
        place = place_on_template(own.astype(bool), affine, fit)
        found[codes] = (fit.matrix, place)
    assert found["LAS"] == found["RAS"] == found["PIR"]
    assert found["RAS"][1].side == "left"
