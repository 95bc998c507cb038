"""The cases worth looking at: the few worst and best, each by its most telling slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.datasets.cases import LabelledCase
from ml.evaluation.selection import shown_sequences
from ml.intensity import BoolArray
from ml.stacks import AxialStack, head_box

SHOWN = 3


@dataclass(frozen=True, eq=False)
class KeySlice:
    """One slice of a case, cut to the head: ``image``, ``mask`` and ``reference`` are (H, W).

    ``number`` counts the case's slices from 1 at the foot. ``pixel_mm`` is the size of a pixel
    along (H, W) or None; ``sides_known`` says whether the file states which side is which.
    """

    case: str
    patient: str
    dice: float
    image: NDArray[np.generic]
    mask: BoolArray
    reference: BoolArray
    sequence: str
    number: int
    slices: int
    pixel_mm: tuple[float, float] | None

    @property
    def sides_known(self) -> bool:
        # Only files with an affine state the pixel size, and the affine also says which side is
        # the patient's right; a bare picture leaves both open.
        return self.pixel_mm is not None


def key_slice(case: LabelledCase, stack: AxialStack, mask: BoolArray, dice: float) -> KeySlice:
    """The slice of ``case`` with the most reference tumour, or most drawn where there is none.

    ``stack`` is what the model was shown and ``mask`` (Z, H, W) what it drew.
    """
    areas = (case.mask if case.mask.any() else mask).sum(axis=(1, 2))
    index = int(areas.argmax()) if areas.any() else len(areas) // 2
    rows, columns = head_box(stack.reference)
    own = (index, rows, columns)
    return KeySlice(
        case=case.case,
        patient=case.patient,
        dice=dice,
        image=stack.reference[own].copy(),
        mask=mask[own].copy(),
        reference=case.mask[own].copy(),
        sequence="FLAIR" if stack.has("FLAIR") else shown_sequences(stack)[0],
        number=index + 1,
        slices=len(areas),
        pixel_mm=case.stack.pixel_mm,
    )


class Gallery:
    """Keeps the worst and the best cases of those it is shown, and lets the others go."""

    def __init__(self, shown: int = SHOWN) -> None:
        self._shown = shown
        self._worst: list[KeySlice] = []
        self._best: list[KeySlice] = []

    def add(self, slice_: KeySlice) -> None:
        """Takes a case into consideration; every case belongs in here once."""
        self._worst = sorted([*self._worst, slice_], key=_by_dice)[: self._shown]
        self._best = sorted([*self._best, slice_], key=_by_dice)[-self._shown :]

    @property
    def worst(self) -> list[KeySlice]:
        """The cases of least Dice, the worst first."""
        return self._worst

    @property
    def best(self) -> list[KeySlice]:
        """The cases of greatest Dice, the best first, without those that are among the worst."""
        return [kept for kept in reversed(self._best) if kept not in self._worst]


def _by_dice(slice_: KeySlice) -> tuple[float, str]:
    return slice_.dice, slice_.case
