"""One patient's labelled images, whatever data set they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.stacks import AxialStack, select_channels


class DatasetError(ValueError):
    """A folder does not hold what its data set promises; the message says what and where."""


@dataclass(frozen=True)
class LabelledCase:
    """A stack with its reference mask.

    ``mask`` is (Z, H, W) and true where the readers drew tumour. ``patient`` is what splits go
    by; ``case`` is one examination of that patient. ``labels`` is (Z, H, W) with the readers' own
    numbers where they drew more than one kind of tissue.
    """

    case: str
    patient: str
    stack: AxialStack
    mask: NDArray[np.bool_]
    labels: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        grid = self.stack.pixels.shape[1:]
        for drawn in (self.mask, self.labels):
            if drawn is not None and drawn.shape != grid:
                raise DatasetError(
                    f"{self.case} has slices of {times(grid)} and a mask of {times(drawn.shape)}"
                )


def times(shape: tuple[int, ...]) -> str:
    """``256 x 256`` for people."""
    return " x ".join(str(side) for side in shape)


def with_channels(stack: AxialStack, channels: tuple[str, ...] | None, where: str) -> AxialStack:
    """The stack with exactly ``channels`` in that order, or as it is for None.

    Raises DatasetError where it has none of them; ``where`` names the case.
    """
    if channels is None:
        return stack
    try:
        return select_channels(stack, channels)
    except ValueError as error:
        raise DatasetError(f"{where} has none of the sequences {', '.join(channels)}") from error
