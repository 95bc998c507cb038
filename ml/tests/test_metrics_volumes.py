"""Volumes and their agreement, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ml.metrics.volumes import bland_altman, volume_errors


def test_the_error_is_the_models_volume_less_the_references() -> None:
    """TP 60, FP 10, FN 40 voxels of 2 mL: 140 mL drawn where there are 200."""
    errors = volume_errors(np.array([60, 10, 900, 40]), voxel=2.0)

    assert errors["volume_model"] == 140
    assert errors["volume_reference"] == 200
    assert errors["volume_error"] == -60
    assert errors["volume_error_absolute"] == 60
    assert errors["volume_error_relative"] == pytest.approx(-0.3)


def test_an_error_has_no_share_of_an_empty_reference() -> None:
    errors = volume_errors(np.array([[0, 10, 90, 0], [0, 0, 100, 0]]), voxel=1.0)
    assert np.isnan(errors["volume_error_relative"]).all()
    assert errors["volume_error"].tolist() == [10, 0]


def test_bias_and_limits_are_those_of_bland_and_altman() -> None:
    model, reference = np.array([12.0, 18.0, 33.0]), np.array([10.0, 20.0, 30.0])

    agreement = bland_altman(model, reference)

    deviation = np.std([2, -2, 3], ddof=1)
    assert agreement is not None
    assert agreement.bias == pytest.approx(1)
    assert agreement.lower == pytest.approx(1 - 1.96 * deviation)
    assert agreement.upper == pytest.approx(1 + 1.96 * deviation)


def test_one_pair_has_no_limits() -> None:
    assert bland_altman(np.array([1.0]), np.array([2.0])) is None
