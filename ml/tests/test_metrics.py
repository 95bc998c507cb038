"""Overlap measures against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics import compute_dice

from ml.metrics import METRICS, measure_agreement
from ml.metrics.overlap import count_slices, overlap_ratios


def masks(drawn: str, true: str) -> tuple[np.ndarray, np.ndarray]:
    """Masks from strings such as "1100"."""
    return np.array([c == "1" for c in drawn]), np.array([c == "1" for c in true])


def test_the_measures_are_those_counted_by_hand() -> None:
    """TP 3, FP 1, FN 2, TN 4."""
    agreement = measure_agreement(*masks("1111000000", "1110110000"))

    assert agreement.dice == pytest.approx(6 / 9)
    assert agreement.iou == pytest.approx(3 / 6)
    assert agreement.precision == pytest.approx(3 / 4)
    assert agreement.recall == pytest.approx(3 / 5)
    assert agreement.specificity == pytest.approx(4 / 5)
    assert agreement.accuracy == pytest.approx(7 / 10)


def test_equal_masks_agree_wholly() -> None:
    assert set(measure_agreement(*masks("0110", "0110")).as_dict().values()) == {1.0}


def test_opposite_masks_do_not_agree_at_all() -> None:
    assert set(measure_agreement(*masks("0110", "1001")).as_dict().values()) == {0.0}


def test_two_empty_masks_agree_wholly() -> None:
    assert set(measure_agreement(*masks("0000", "0000")).as_dict().values()) == {1.0}


def test_two_full_masks_agree_wholly() -> None:
    assert set(measure_agreement(*masks("1111", "1111")).as_dict().values()) == {1.0}


def test_drawing_where_nothing_is_scores_nothing() -> None:
    agreement = measure_agreement(*masks("0100", "0000"))

    assert (agreement.dice, agreement.iou, agreement.precision, agreement.recall) == (0, 0, 0, 0)
    assert agreement.specificity == 0.75


def test_missing_all_there_is_scores_nothing() -> None:
    agreement = measure_agreement(*masks("0000", "0100"))

    assert (agreement.dice, agreement.iou, agreement.precision, agreement.recall) == (0, 0, 0, 0)
    assert agreement.specificity == 1


def test_all_voxels_of_a_volume_count_once() -> None:
    rng = np.random.default_rng(0)
    drawn, true = rng.random((2, 5, 6, 7)) > 0.5

    agreement = measure_agreement(drawn, true)

    assert agreement.dice == pytest.approx(2 * (drawn & true).sum() / (drawn.sum() + true.sum()))
    assert agreement.accuracy == pytest.approx((drawn == true).mean())


def test_the_masks_are_left_as_they_were() -> None:
    drawn, true = masks("0110", "0100")
    measure_agreement(drawn, true)
    assert (drawn.sum(), true.sum()) == (2, 1)


def test_masks_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different shape: \(4,\) and \(2,\)"):
        measure_agreement(*masks("0000", "00"))


def test_f1_is_dice_under_its_other_name() -> None:
    agreement = measure_agreement(*masks("1111000000", "1110110000"))
    assert agreement.f1 == agreement.dice


def test_slices_are_counted_one_by_one() -> None:
    drawn = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]]], dtype=bool)
    true = np.array([[[1, 0], [1, 0]], [[0, 0], [0, 1]]], dtype=bool)
    assert count_slices(drawn, true).tolist() == [[1, 1, 1, 1], [0, 0, 3, 1]]


def test_slices_empty_in_both_masks_agree_as_with_monais_ignore_empty_false() -> None:
    rng = np.random.default_rng(0)
    drawn, true = rng.random((2, 6, 9, 9)) > 0.6
    drawn[:2], true[1:3] = False, False
    batches = [torch.from_numpy(each[:, None]) for each in (drawn, true)]

    dice = overlap_ratios(count_slices(drawn, true))["dice"]

    expected = compute_dice(*batches, ignore_empty=False)[:, 0].numpy()
    np.testing.assert_allclose(dice, expected, rtol=1e-6)
    assert dice[1] == 1


def test_a_volume_of_more_voxels_than_a_single_float_counts_is_counted_exactly() -> None:
    mask = np.zeros((2, 3000, 3000), dtype=bool)
    mask[0, 0, 0] = True
    assert count_slices(mask, mask).sum(axis=0).tolist() == [1, 0, 17_999_999, 0]


def test_the_metrics_have_their_usual_names() -> None:
    assert METRICS == ("dice", "iou", "precision", "recall", "specificity", "accuracy", "f1")
