"""Overlap measures against counts by hand, and patients counted once."""

from __future__ import annotations

import numpy as np
import pytest

from ml.metrics import METRICS, measure_agreement


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


def test_the_metrics_have_their_usual_names() -> None:
    assert METRICS == ("dice", "iou", "precision", "recall", "specificity", "accuracy")
