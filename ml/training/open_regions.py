"""What a data set leaves open: its readers drew one region of a tumour and not the others.

Regions lie within one another (``ml.datasets.regions``), so one drawing tells more than itself.
What is drawn belongs to every region that holds it, and what is not drawn to none that it holds.
The rest nobody knows: it is marked ``OPEN``, and no network is blamed for it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

OPEN = -1.0
CERTAIN = 20.0
"""A logit whose cross-entropy with the right answer is nothing in float32."""


def open_target(drawn: Tensor, *, taught: int, regions: int) -> Tensor:
    """The target (R, ...) of a sample whose ``drawn`` (1, ...) is the region number ``taught``.

    1 inside, 0 outside, ``OPEN`` where the drawing does not tell. Regions are numbered from the
    outermost.
    """
    inside = drawn > 0.5
    known, unknown = torch.ones_like(drawn), torch.full_like(drawn, OPEN)
    holding = torch.where(inside, known, unknown)
    within = torch.where(inside, unknown, torch.zeros_like(drawn))
    inner = regions - taught - 1
    return torch.cat([*[holding] * taught, inside.to(drawn.dtype), *[within] * inner])


class KnownOnly(nn.Module):
    """``loss`` over logits and targets (B, R, ...) in which ``OPEN`` voxels count as well answered.

    They cost nothing and no gradient comes from them.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        is_open = targets < 0
        answered = logits.masked_fill(is_open, -CERTAIN)
        blame: Tensor = self.loss(answered, targets.masked_fill(is_open, 0.0))
        return blame
