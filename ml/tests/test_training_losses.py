"""What a network is blamed for, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ml.training.losses import LOSSES, LossConfig, build_loss

# Two slices of four pixels; the second has no tumour.
MASKS = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]).reshape(2, 1, 2, 2)
PROBABILITIES = torch.tensor([[0.9, 0.4, 0.2, 0.1], [0.3, 0.1, 0.1, 0.1]]).reshape(2, 1, 2, 2)
LOGITS = torch.logit(PROBABILITIES)

# Over both slices together: 0.9 + 0.4 of 2 tumour pixels found, 0.9 marked outside.
FOUND, MISSED, FALSE = 1.3, 0.7, 0.9
DICE = 2 * FOUND / (2 * FOUND + MISSED + FALSE)
LOG_TUMOUR = -(math.log(0.9) + math.log(0.4))
LOG_AIR = -sum(math.log(1 - p) for p in (0.2, 0.1, 0.3, 0.1, 0.1, 0.1))
CROSS_ENTROPY = (LOG_TUMOUR + LOG_AIR) / 8


def loss_of(logits: Tensor, masks: Tensor = MASKS, **config: object) -> float:
    return float(build_loss(LossConfig(**config))(logits, masks))


def test_cross_entropy_is_the_mean_over_the_pixels() -> None:
    assert loss_of(LOGITS, name="bce") == pytest.approx(CROSS_ENTROPY, rel=1e-5)


def test_dice_is_taken_over_the_whole_batch() -> None:
    assert loss_of(LOGITS, name="dice") == pytest.approx(1 - DICE, rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_bce_dice_is_their_weighted_sum(weight: float) -> None:
    expected = CROSS_ENTROPY + weight * (1 - DICE)
    assert loss_of(LOGITS, name="bce_dice", dice_weight=weight) == pytest.approx(expected, rel=1e-4)


def test_dice_by_sample_counts_a_small_tumour_as_much_as_a_large_one() -> None:
    masks = torch.zeros(2, 1, 8, 8)
    masks[0, 0, :6, :6], masks[1, 0, 0, 0] = 1, 1
    missed = torch.where(masks > 0.5, 12.0, -12.0)
    missed[1] = -12.0
    whole = loss_of(missed, masks, name="bce_dice") - loss_of(missed, masks, name="bce")
    each = loss_of(missed, masks, name="bce_dice", per_sample=True)
    each -= loss_of(missed, masks, name="bce")
    assert whole == pytest.approx(1 - 72 / 73, abs=1e-3)
    assert each == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(ValueError, match="per_sample belongs to bce_dice"):
        LossConfig(name="dice", per_sample=True)


def test_dice_focal_blames_hard_pixels_by_the_power_of_their_error() -> None:
    tumour = sum((1 - p) ** 2 * -math.log(p) for p in (0.9, 0.4))
    air = sum(p**2 * -math.log(1 - p) for p in (0.2, 0.1, 0.3, 0.1, 0.1, 0.1))

    expected = 1 - DICE + (tumour + air) / 8

    assert loss_of(LOGITS, name="dice_focal", gamma=2.0) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("alpha", "beta", "focus"), [(0.3, 0.7, 0.75), (0.5, 0.5, 1.0)])
def test_focal_tversky_follows_its_formula(alpha: float, beta: float, focus: float) -> None:
    index = FOUND / (FOUND + alpha * FALSE + beta * MISSED)

    found = loss_of(LOGITS, name="focal_tversky", alpha=alpha, beta=beta, focus=focus)

    assert found == pytest.approx((1 - index) ** focus, rel=1e-4)


def test_focal_tversky_with_more_beta_blames_a_missed_pixel_more_than_a_false_one() -> None:
    missed, false = 8.0 * (2 * MASKS - 1), 8.0 * (2 * MASKS - 1)
    missed[0, 0, 0, 0] *= -1
    false[1, 0, 0, 0] *= -1

    assert loss_of(missed, name="focal_tversky") > 1.3 * loss_of(false, name="focal_tversky")


@pytest.mark.parametrize(("balance", "positive"), [(0.5, 0.5), (0.3, 0.8)])
def test_combo_follows_its_formula(balance: float, positive: float) -> None:
    weighted = (positive * LOG_TUMOUR + (1 - positive) * LOG_AIR) / 8

    found = loss_of(LOGITS, name="combo", balance=balance, positive=positive)

    assert found == pytest.approx(balance * weighted - (1 - balance) * (DICE - 1), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_least_where_the_logits_are_right(name: str) -> None:
    masks = torch.zeros(2, 1, 8, 8)
    masks[0, :, 2:5, 2:5] = 1

    right, unsure, wrong = (
        loss_of(scale * (2 * masks - 1), masks, name=name) for scale in (20.0, 0.0, -20.0)
    )

    assert right == pytest.approx(0, abs=1e-3)
    assert right < unsure < wrong


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [100.0, -100.0])
def test_the_gradient_is_finite_where_everything_is_right_and_where_everything_is_wrong(
    name: str, scale: float
) -> None:
    logits = (scale * (2 * MASKS - 1)).requires_grad_()

    build_loss(LossConfig(name=name))(logits, MASKS).backward()

    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_any_tumour_is_judged_and_perfect_when_nothing_is_marked(name: str) -> None:
    empty = torch.zeros(2, 1, 8, 8)

    assert loss_of(torch.full_like(empty, -30.0), empty, name=name) == pytest.approx(0, abs=1e-2)
    assert loss_of(torch.full_like(empty, 3.0), empty, name=name) > 0.4


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_takes_volumes(name: str) -> None:
    masks = torch.zeros(2, 1, 4, 6, 8)
    masks[1, :, 1:3, 2:4, 2:5] = 1
    logits = torch.zeros_like(masks).requires_grad_()

    build_loss(LossConfig(name=name))(logits, masks).backward()

    assert (logits.grad[masks > 0] < 0).all(), "a step against it marks more tumour"


def test_an_unknown_loss_is_refused_and_the_choice_is_told() -> None:
    with pytest.raises(ValueError, match="one of bce, dice, bce_dice, dice_focal, focal_tversky"):
        LossConfig(name="hinge")
