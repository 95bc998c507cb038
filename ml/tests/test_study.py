"""One visit's sequences on one grid: laid over each other, without the skull, or left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ml.atlas import TemplateFit
from ml.errors import InvalidVolumeError
from ml.phantom import FLAIR, Contrast
from ml.stacks import volume_to_slices
from ml.study import AS_STORED, REGISTERED, SkullRemainsError, gather_study
from ml.tests.factories import ellipsoid, medical_image, picture_image
from ml.tests.test_registration import T1, scan
from ml.volumes import MedicalImage


def stripped(contrast: Contrast) -> MedicalImage:
    """A head as tools that take the skull off leave it: exact zeros round the brain."""
    volume, affine = scan(0, contrast=contrast, with_scalp=False)
    outside = ndimage.gaussian_filter(volume, 1.0) < 0.12 * np.percentile(volume, 99)
    return medical_image(np.where(outside, 0, volume), affine)


def flair() -> MedicalImage:
    return stripped(FLAIR)


def t1() -> MedicalImage:
    return stripped(T1)


def test_sequences_on_one_grid_are_read_as_they_are() -> None:
    study = gather_study({"FLAIR": flair(), "T1": t1()}, onto="FLAIR")
    assert study.sequences == ("FLAIR", "T1")
    assert study.placed == {"FLAIR": AS_STORED, "T1": AS_STORED}
    assert study.brain == "the file holds the brain alone"
    expected = volume_to_slices(flair().values, flair().affine)
    assert np.array_equal(study.stack.pixels[0], expected)
    assert not study.stack.has("T2")


def test_a_file_without_a_skull_is_left_as_it_is() -> None:
    brain = ellipsoid((60, 72, 56), (30, 36, 28), (26, 32, 25))
    draw = np.random.default_rng(3)
    texture = 100 + 30 * ndimage.gaussian_filter(draw.normal(size=brain.shape), 2.0)
    image = medical_image(np.where(brain, texture, 0), np.diag([3.0, 3.0, 3.0, 1.0]))
    study = gather_study({"T2": image}, onto="T2")
    assert study.brain == "the file holds the brain alone"
    assert (study.stack.pixels[3] > 0).sum() == brain.sum()


def test_a_skull_beside_a_stripped_scan_is_taken_off_too() -> None:
    with_skull = medical_image(*scan(0, contrast=T1))
    study = gather_study({"FLAIR": flair(), "T1": with_skull}, onto="FLAIR")
    brain = volume_to_slices(flair().values, flair().affine) > 0
    found = study.stack.pixels[1] > 0
    assert (found & brain).sum() > 0.9 * brain.sum()
    far = ndimage.distance_transform_edt(~brain, sampling=(3.0, 3.0, 3.0)) > 20.0
    assert (volume_to_slices(with_skull.values, with_skull.affine)[far] > 0).any()
    assert not found[far].any()


def test_a_sequence_that_lies_otherwise_is_registered_onto_the_named_one() -> None:
    volume, affine = scan(0, "LAS", (2.0, 2.0, 4.0), T1, False)
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_rotvec(np.radians((4.0, -3.0, 6.0))).as_matrix()
    moved[:3, 3] = (6.0, -4.0, 5.0)
    steps: list[None] = []
    study = gather_study(
        {"FLAIR": flair(), "T1": medical_image(volume, moved @ affine)},
        onto="FLAIR",
        on_step=lambda: steps.append(None),
    )
    assert study.placed["T1"] == REGISTERED
    # Signs of life from within the registration too, which takes the longest.
    assert len(steps) > 3
    plain = gather_study({"FLAIR": flair(), "T1": t1()}, onto="FLAIR").stack.pixels[1]
    found = study.stack.pixels[1]
    head = plain > 0.1 * plain.max()
    assert np.corrcoef(plain[head], found[head])[0, 1] > 0.8


def test_a_sequence_of_another_head_is_left_out_with_the_reason() -> None:
    noise = np.random.default_rng(0).random((60, 60, 40)).astype(np.float32)
    images = {"FLAIR": flair(), "T2": medical_image(noise, np.diag([2.0, 2.0, 3.0, 1.0]))}
    study = gather_study(images, onto="FLAIR")
    assert study.sequences == ("FLAIR",)
    assert study.left_out["T2"]


def test_a_picture_is_no_place_to_lay_sequences_on() -> None:
    picture = picture_image(np.ones((1, 64, 64), dtype=np.float32))
    with pytest.raises(InvalidVolumeError, match="choose another scan"):
        gather_study({"T1": picture, "FLAIR": flair()}, onto="T1")
    study = gather_study({"T1": picture, "FLAIR": flair()}, onto="FLAIR")
    assert "no volume" in study.left_out["T1"]


def test_the_skull_is_taken_off() -> None:
    with_skull = medical_image(*scan(0))
    brain = volume_to_slices(flair().values, flair().affine) > 0
    try:
        study = gather_study({"FLAIR": with_skull}, onto="FLAIR")
    except SkullRemainsError:
        pytest.skip("the phantom's skull is not told from its brain without a fit")
    kept = study.stack.pixels[0] > 0
    assert (kept & brain).sum() > 0.9 * brain.sum()
    assert (kept & ~brain).sum() < 0.25 * brain.sum()


def test_a_trusted_fit_gives_the_templates_brain_with_a_margin() -> None:
    with_skull = medical_image(*scan(0))
    # The phantom grows in the template's own space, so its world is the template's.
    fit = TemplateFit(tuple(tuple(row) for row in np.eye(4).tolist()), trusted=True)
    study = gather_study({"FLAIR": with_skull}, onto="FLAIR", fit=fit)
    assert study.brain == "the brain of the template that the scan was laid on"
    brain = volume_to_slices(flair().values, flair().affine) > 0
    kept = study.stack.pixels[0] > 0
    assert (kept & brain).sum() > 0.9 * brain.sum()
    whole = volume_to_slices(with_skull.values, with_skull.affine) > 0.1 * with_skull.values.max()
    assert kept.sum() < 0.9 * whole.sum()
