"""From a file to a mask on its own grid: whole, in any orientation, by the card's threshold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import ml
from ml.errors import InvalidVolumeError, NoModelError
from ml.place import Convention
from ml.prediction import Prediction, draw_mask, make_stack, predict_mask
from ml.tests.factories import (
    ORIENTATIONS,
    ellipsoid,
    grey_slice,
    head,
    head_with_blob,
    medical_image,
    picture_image,
    ras_affine,
    reorient,
    save_nifti,
    threshold_model,
    tilt,
)
from ml.volumes import load_image, write_mask

AFFINE = ras_affine((1.0, 1.0, 4.0), (44, 52, 20))


def dice(one: np.ndarray, two: np.ndarray) -> float:
    return float(2 * (one.astype(bool) & two).sum() / (one.sum() + two.sum()))


def predict(
    volume: np.ndarray, affine: np.ndarray | None = AFFINE, **options: object
) -> Prediction:
    return predict_mask(
        threshold_model(), medical_image(volume, affine), sequence="FLAIR", **options
    )


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("is_oblique", [False, True])
def test_every_orientation_gets_the_same_mask_in_the_same_world_places(
    codes: str, is_oblique: bool
) -> None:
    volume, blob = head_with_blob()
    expected = predict(volume)
    turned, affine = reorient(volume, AFFINE, codes)

    prediction = predict(turned, tilt(affine) if is_oblique else affine)

    assert dice(expected.mask, blob) > 0.85
    np.testing.assert_array_equal(prediction.mask, reorient(expected.mask, AFFINE, codes)[0])
    np.testing.assert_array_equal(prediction.slices, expected.slices)
    np.testing.assert_array_equal(prediction.image, expected.image)
    assert without_lines(prediction) == without_lines(expected)


def without_lines(prediction: Prediction) -> dict[str, Any]:
    """The measures but for the points of their lines, which are in the file's own indices."""
    measures = prediction.measurement.as_dict()
    for lesion in measures["lesions"]:
        assert set(lesion.pop("diameter_lines")) == {"longest", "perpendicular"}
    return measures


def test_a_mask_has_the_shape_of_the_scan_and_its_view_that_of_the_reader() -> None:
    prediction = predict(head_with_blob()[0])

    assert prediction.mask.shape == (44, 52, 20)
    assert prediction.mask.dtype == np.uint8
    for view in (prediction.slices, prediction.image, prediction.probability):
        assert view.shape == (20, 52, 44)


def test_tumour_in_the_first_and_the_last_slice_is_found() -> None:
    volume = head()
    ends = ellipsoid((44, 52), (14, 30), (5, 5)) & (volume[:, :, 0] > 0)
    volume[ends, 0] = volume[ends, -1] = 300

    prediction = predict(volume)

    found = np.flatnonzero(prediction.mask.any(axis=(0, 1)))
    assert found.tolist() == [0, 19]
    assert {lesion.key_slice for lesion in prediction.measurement.lesions} == {1, 20}


def test_the_lesion_is_measured_where_it_is() -> None:
    volume, blob = head_with_blob()

    lesion = predict(volume).measurement.lesions[0]

    assert lesion.volume_ml == pytest.approx(blob.sum() * 4 / 1000, rel=0.2)
    assert lesion.place.side == "left"
    assert lesion.mean_probability > 0.5


def test_a_head_without_tumour_gets_an_empty_mask() -> None:
    prediction = predict_mask(
        threshold_model(level=20), medical_image(head(), AFFINE), sequence="FLAIR"
    )

    assert not prediction.mask.any()
    assert prediction.measurement.lesions == ()


def test_unreliable_spacing_gives_no_millimetres_and_the_network_no_pixel_size() -> None:
    volume, _ = head_with_blob()
    image = medical_image(volume, AFFINE)

    measurement = predict(volume, spacing_is_reliable=False).measurement

    assert make_stack(image, sequence="FLAIR", spacing_is_reliable=False).pixel_mm is None
    assert make_stack(image, sequence="FLAIR").pixel_mm == (1.0, 1.0)
    assert measurement.volume_ml is None
    assert measurement.lesions[0].longest_diameter_mm is None
    assert measurement.lesions[0].place.side == "left"


def test_a_volume_without_an_affine_is_segmented_without_sides_and_millimetres() -> None:
    volume, blob = head_with_blob()

    prediction = predict(volume, None)

    assert prediction.mask.shape == volume.shape
    assert prediction.mask[blob].mean() > 0.7
    assert prediction.measurement.volume_ml is None
    assert prediction.measurement.lesions[0].place.side == "unknown"


def picture_of_a_head() -> tuple[np.ndarray, np.ndarray]:
    pixels = grey_slice(192).astype(np.float32)
    blob = ellipsoid((192, 192), (80, 70), (14, 14))
    pixels[blob] = 250
    return pixels, blob


def test_a_picture_gets_a_mask_of_its_own_size() -> None:
    pixels, blob = picture_of_a_head()

    prediction = predict_mask(threshold_model(), picture_image(pixels[None]), sequence="FLAIR")

    assert prediction.mask.shape == (192, 192)
    assert prediction.slices.shape == prediction.image.shape == (1, 192, 192)
    assert dice(prediction.mask, blob) > 0.9
    assert prediction.measurement.volume_ml is None


def test_the_stated_convention_reaches_the_place_in_a_picture() -> None:
    pixels, _ = picture_of_a_head()
    image = picture_image(pixels[None])
    sides = [
        predict_mask(threshold_model(), image, sequence="FLAIR", convention=convention)
        .measurement.lesions[0]
        .place.side
        for convention in (Convention.RADIOLOGICAL, Convention.NEUROLOGICAL, Convention.UNKNOWN)
    ]
    assert sides == ["right", "left", "unknown"]


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_composite_brings_t1_flair_and_t1ce_in_this_order(channel: int) -> None:
    pixels, blob = picture_of_a_head()
    values = np.stack([grey_slice(192).astype(np.float32)] * 3)
    values[channel] = pixels
    image = picture_image(values)

    for read in range(3):
        model = threshold_model(channel=read, level=2.5)
        prediction = predict_mask(model, image, sequence="COMPOSITE")
        assert prediction.mask[blob].mean() > 0.9 if read == channel else True
        assert prediction.mask[blob].mean() < 0.1 if read != channel else True
        np.testing.assert_array_equal(prediction.image[0], values[1])


def test_a_model_is_not_used_on_a_sequence_that_it_does_not_read() -> None:
    with pytest.raises(NoModelError, match=r"^The model stub does not read T2\.$"):
        predict_mask(threshold_model(), medical_image(head(), AFFINE), sequence="T2")


def test_a_volume_is_no_composite() -> None:
    with pytest.raises(InvalidVolumeError, match="this is a volume"):
        predict_mask(threshold_model(), medical_image(head(), AFFINE), sequence="COMPOSITE")


def test_a_grey_picture_is_no_composite() -> None:
    with pytest.raises(InvalidVolumeError, match="this picture is grey"):
        predict_mask(threshold_model(), picture_image(grey_slice()[None]), sequence="COMPOSITE")


def test_progress_is_told_up_to_the_last_slice() -> None:
    calls: list[tuple[int, int]] = []
    predict(head_with_blob()[0], progress=lambda *step: calls.append(step))
    assert calls == [(8, 20), (16, 20), (20, 20)]


def test_the_threshold_is_the_cards_and_not_one_found_in_the_probabilities() -> None:
    """Otsu's method would split this map at about 0.25 and call the dim half tumour."""
    probability = np.array([[[0.05, 0.1, 0.45, 0.499]]], dtype=np.float32)

    assert not draw_mask(probability, threshold=0.5, least_voxels=1).any()
    assert draw_mask(probability, threshold=0.45, least_voxels=1).sum() == 2
    assert draw_mask(probability, threshold=0.1, least_voxels=1).sum() == 3


def test_another_threshold_on_the_card_draws_another_mask() -> None:
    volume = head() * np.linspace(1, 3, 44, dtype=np.float32)[:, None, None]
    image = medical_image(volume, AFFINE)
    sizes = []
    for threshold in (0.01, 0.5, 0.99):
        prediction = predict_mask(threshold_model(threshold=threshold), image, sequence="FLAIR")
        np.testing.assert_array_equal(prediction.slices, prediction.probability >= threshold)
        sizes.append(prediction.slices.sum())
    assert sizes[0] > sizes[1] > sizes[2] > 0


def test_specks_below_the_cards_least_size_are_left_out_and_nothing_else() -> None:
    probability = np.zeros((4, 20, 20), dtype=np.float32)
    probability[0, 0, :4] = 0.9
    probability[0, 10, :5] = 0.9
    probability[2, 0, :3] = probability[3, 1, 3] = 0.9

    sizes = [draw_mask(probability, threshold=0.5, least_voxels=n).sum() for n in (0, 1, 4, 5, 6)]

    assert sizes == [13, 13, 13, 5, 0]


def test_a_speck_that_touches_at_a_corner_belongs_to_its_lesion() -> None:
    probability = np.zeros((2, 5, 5), dtype=np.float32)
    probability[0, 1, 1] = probability[1, 2, 2] = 0.9
    assert draw_mask(probability, threshold=0.5, least_voxels=2).sum() == 2


def test_specks_of_the_scan_are_dropped_by_the_cards_rule() -> None:
    volume, _ = head_with_blob()
    volume[34, 20, 10] = 300
    image = medical_image(volume, AFFINE)

    with_speck = predict_mask(threshold_model(), image, sequence="FLAIR")
    without = predict_mask(threshold_model(least_voxels=30), image, sequence="FLAIR")

    assert with_speck.mask[34, 20, 10] == 1
    assert without.mask[34, 20, 10] == 0
    assert len(without.measurement.lesions) == 1


@pytest.mark.parametrize("codes", ["RAS", "LAS", "PIR"])
def test_a_file_goes_all_the_way_to_a_mask_file_at_the_same_world_places(
    tmp_path: Path, codes: str
) -> None:
    volume, blob = head_with_blob()
    turned, affine = reorient(volume, AFFINE, codes)
    scan = save_nifti(tmp_path / "scan.nii.gz", turned, tilt(affine))

    image = load_image(scan)
    prediction = predict_mask(threshold_model(), image, sequence="FLAIR")
    write_mask(tmp_path / "mask.nii.gz", prediction.mask, like=scan, geometry=image.geometry)

    stored = nib.load(tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(stored.affine, nib.load(scan).affine)
    found = nib.affines.apply_affine(stored.affine, np.argwhere(np.asarray(stored.dataobj)))
    true = nib.affines.apply_affine(tilt(AFFINE), np.argwhere(blob))
    np.testing.assert_allclose(found.mean(axis=0), true.mean(axis=0), atol=0.5)


def test_the_package_offers_the_three_steps_of_a_script() -> None:
    assert {"load_image", "load_model", "predict_mask"} == set(ml.__all__)
