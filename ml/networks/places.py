"""Where in a picture a tumour is, for a network that names it.

A few hundred patients are not enough to learn from whole pictures what belongs to a tumour and
what to the head round it. So each cell of the grid is taught by the tumour's mask what it shows,
and the verdict also follows from the features of those cells alone that show a tumour.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.efficientnet_lite import SamePadConv2d

WIDTH = 128
STRIDE = 16


class Places(nn.Module):
    """Maps the last features (B, coarse, H / 32, W / 32) and those at twice their grid (B, finer,
    H / 16, W / 16) to the cells' logits (B, classes, H / 16, W / 16) and the mean features of the
    tumour (B, width)."""

    width = WIDTH

    def __init__(self, coarse: int, finer: int, classes: int, *, background: int) -> None:
        super().__init__()
        self.background = background
        self.narrow = SamePadConv2d(coarse, WIDTH, 1)
        self.lateral = SamePadConv2d(finer, WIDTH, 1)
        self.mix = nn.Sequential(
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            SamePadConv2d(WIDTH, WIDTH, 3),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
        )
        self.name = nn.Conv2d(WIDTH, classes, 1)

    def forward(self, coarse: Tensor, finer: Tensor) -> tuple[Tensor, Tensor]:
        above = functional.interpolate(self.narrow(coarse), size=finer.shape[-2:], mode="bilinear")
        features = self.mix(above + self.lateral(finer))
        cells: Tensor = self.name(features)
        shares = 1 - torch.softmax(cells.float(), dim=1)[:, self.background : self.background + 1]
        total = shares.sum(dim=(2, 3)) + 1e-3
        return cells, (features * shares).sum(dim=(2, 3)) / total
