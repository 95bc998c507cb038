"""What a network is blamed for. Every loss takes logits and masks (B, 1, ...)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from monai.losses import DiceFocalLoss, DiceLoss, TverskyLoss
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class LossConfig:
    """``name`` is a key of ``LOSSES``; each loss uses only the numbers that belong to it.

    ``dice_weight`` is the share of Dice beside cross-entropy, which has the weight 1; with
    ``per_sample`` it is that Dice's mean over the samples, not that of the whole batch, so that a
    small tumour counts as much as a large one (for data where every sample has one);
    ``alpha`` and ``beta`` weigh false positives and false negatives in Tversky, ``focus`` is its
    exponent; ``balance`` and ``positive`` are Combo's two weights; ``gamma`` is focal loss's.
    """

    name: str = "bce_dice"
    dice_weight: float = 1.0
    per_sample: bool = False
    gamma: float = 2.0
    alpha: float = 0.3
    beta: float = 0.7
    focus: float = 0.75
    balance: float = 0.5
    positive: float = 0.5

    def __post_init__(self) -> None:
        if self.name not in LOSSES:
            raise ValueError(f"[loss] name is one of {', '.join(LOSSES)}, not {self.name!r}")
        if self.per_sample and self.name != "bce_dice":
            raise ValueError("[loss] per_sample belongs to bce_dice")


class CrossEntropyDice(nn.Module):
    """Binary cross-entropy plus soft Dice.

    Usually Dice over the whole batch rather than over each sample, since a slice without tumour
    has none.
    """

    def __init__(self, dice_weight: float = 1.0, *, per_sample: bool = False) -> None:
        super().__init__()
        self.cross_entropy = nn.BCEWithLogitsLoss()
        self.dice = DiceLoss(sigmoid=True, batch=not per_sample)
        self.dice_weight = dice_weight

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        total: Tensor = self.cross_entropy(logits, masks)
        total = total + self.dice_weight * self.dice(logits, masks)
        return total


class FocalTversky(nn.Module):
    """``(1 - Tversky index) ** focus`` (Abraham and Khan, ISBI 2019: focus 0.75)."""

    def __init__(self, *, alpha: float, beta: float, focus: float) -> None:
        super().__init__()
        self.tversky = TverskyLoss(sigmoid=True, batch=True, alpha=alpha, beta=beta)
        self.focus = focus

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        # The power's slope is endless at zero, which a perfect batch would reach.
        missed: Tensor = self.tversky(logits, masks).clamp(min=1e-6)
        return missed**self.focus


class Combo(nn.Module):
    """``balance`` x weighted cross-entropy - (1 - ``balance``) x Dice, plus 1 - ``balance``.

    Taghanaki et al., Computerized Medical Imaging and Graphics 2019; the constant only keeps the
    loss above zero. ``positive`` above 0.5 blames a missed voxel more than a false one.
    """

    def __init__(self, *, balance: float, positive: float) -> None:
        super().__init__()
        self.dice = DiceLoss(sigmoid=True, batch=True)
        self.balance, self.positive = balance, positive

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        weights = torch.where(masks > 0.5, self.positive, 1 - self.positive)
        cross_entropy = functional.binary_cross_entropy_with_logits(logits, masks, weight=weights)
        total: Tensor = self.balance * cross_entropy
        total = total + (1 - self.balance) * self.dice(logits, masks)
        return total


LOSSES: dict[str, Callable[[LossConfig], nn.Module]] = {
    "bce": lambda _: nn.BCEWithLogitsLoss(),
    "dice": lambda _: DiceLoss(sigmoid=True, batch=True),
    "bce_dice": lambda c: CrossEntropyDice(c.dice_weight, per_sample=c.per_sample),
    "dice_focal": lambda c: DiceFocalLoss(sigmoid=True, batch=True, gamma=c.gamma),
    "focal_tversky": lambda c: FocalTversky(alpha=c.alpha, beta=c.beta, focus=c.focus),
    "combo": lambda c: Combo(balance=c.balance, positive=c.positive),
}


def build_loss(config: LossConfig) -> nn.Module:
    """The loss that ``config`` names: logits and masks (B, 1, ...) to one number."""
    return LOSSES[config.name](config)
