"""Intervals: patients are drawn again, whole, and the same seed gives the same interval."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.bootstrap import (
    draw_patients,
    estimate,
    mean_statistic,
    quantile_statistic,
)


def each_their_own(count: int) -> np.ndarray:
    return np.arange(count)


def width(values: np.ndarray, owners: np.ndarray, patients: int) -> float:
    weights = draw_patients(patients, seed=1)
    _, interval = estimate(mean_statistic(values, owners, patients), weights)
    assert interval is not None
    return interval[1] - interval[0]


def test_every_resample_has_as_many_patients_as_there_are() -> None:
    weights = draw_patients(7, seed=0, resamples=500)
    assert weights.shape == (500, 7)
    assert set(weights.sum(axis=1)) == {7}
    assert len(np.unique(weights, axis=0)) > 100


def test_the_same_seed_draws_the_same_patients_and_another_does_not() -> None:
    np.testing.assert_array_equal(draw_patients(9, seed=3), draw_patients(9, seed=3))
    assert (draw_patients(9, seed=3) != draw_patients(9, seed=4)).any()


def test_the_interval_holds_the_mean_and_is_that_of_plain_resampling() -> None:
    values = np.random.default_rng(5).random(30)
    weights = draw_patients(30, seed=0)

    mean, interval = estimate(mean_statistic(values, each_their_own(30), 30), weights)

    assert interval is not None
    assert mean == pytest.approx(values.mean())
    assert interval[0] < mean < interval[1]
    rng = np.random.default_rng(8)
    plain = [rng.choice(values, size=30).mean() for _ in range(4000)]
    np.testing.assert_allclose(interval, np.percentile(plain, [2.5, 97.5]), atol=0.01)


def test_the_interval_shrinks_as_patients_are_added() -> None:
    rng = np.random.default_rng(2)
    widths = [width(rng.random(n), each_their_own(n), n) for n in (10, 40, 160)]
    assert widths[0] > 1.5 * widths[1] > 1.5 * 1.5 * widths[2]


def test_more_slices_of_the_same_patients_make_no_narrower_interval() -> None:
    """Slices drawn one by one would shrink it by ten here; patients drawn whole do not."""
    by_patient = np.random.default_rng(2).random(12)
    owners = np.repeat(each_their_own(12), 100)

    one_slice = width(by_patient, each_their_own(12), 12)
    hundred_slices = width(by_patient[owners], owners, 12)

    assert hundred_slices == pytest.approx(one_slice)


def test_a_patient_with_more_slices_weighs_more_when_drawn() -> None:
    values, owners = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0, 1, 1, 1])
    mean = mean_statistic(values, owners, 2)
    drawn = mean(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]]))
    assert drawn.tolist() == [0.75, 0, 1]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.95, 1.0])
def test_quantiles_are_those_of_the_resampled_values(share: float) -> None:
    rng = np.random.default_rng(4)
    values, owners = rng.random(40).round(1), rng.integers(0, 6, 40)
    weights = draw_patients(6, seed=2, resamples=50)

    found = quantile_statistic(values, owners, 6, share)(weights)

    for row, quantile in zip(weights.astype(int), found, strict=True):
        drawn = np.concatenate([np.tile(values[owners == p], n) for p, n in enumerate(row)])
        assert quantile == pytest.approx(np.quantile(drawn, share))


def test_a_value_that_occurs_often_counts_so_often() -> None:
    values, counts = np.array([1.0, 5.0]), np.array([3, 1])
    owners, once = np.array([0, 0]), np.ones((1, 1))
    assert mean_statistic(values, owners, 1, counts)(once) == 2
    assert quantile_statistic(values, owners, 1, 0.5, counts)(once) == 1


def test_one_patient_has_a_value_and_no_interval() -> None:
    weights = draw_patients(1, seed=0)
    assert estimate(mean_statistic(np.array([0.4]), np.array([0]), 1), weights) == (0.4, None)


def test_where_nothing_is_defined_there_is_neither_value_nor_interval() -> None:
    nothing, nobody = np.zeros(0), np.zeros(0, dtype=int)
    weights = draw_patients(3, seed=0)
    for statistic in (
        mean_statistic(nothing, nobody, 3),
        quantile_statistic(nothing, nobody, 3, 0.5),
    ):
        value, interval = estimate(statistic, weights)
        assert np.isnan(value)
        assert interval is None


def test_resamples_without_any_value_are_left_out_of_the_interval() -> None:
    """Only one patient of three has a value, so every resample that has one gives the same."""
    statistic = mean_statistic(np.array([0.7]), np.array([1]), 3)
    value, interval = estimate(statistic, draw_patients(3, seed=0))
    assert value == 0.7
    assert interval == pytest.approx((0.7, 0.7))
