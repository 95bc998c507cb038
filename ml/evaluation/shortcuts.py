"""Does the network know tumours, or the scanners that the pictures come from?

Tumour-free pictures were taken elsewhere than those with a tumour, so border, contrast or sharpness
may give them away. Each trial changes what should not matter, or shows tumour-free slices of the
scanners that took tumours, and counts what the pictures are then called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.datasets import lgg
from ml.datasets.figshare import CHANNEL, NO_TUMOUR, TypedSlice
from ml.intensity import FloatArray, head_mask
from ml.stacks import stack_of_channels
from ml.tumour_type import TypeModel

BORDER = 0.2
GAMMAS = (0.6, 1.6)
QUANTILES = np.linspace(0.0, 1.0, 101)
# Of a tumour-free volume the middle half is shown: there a slice looks like those with a tumour.
MIDDLE = (0.3, 0.7)

Change = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Trial:
    """What pictures of ``truth`` were called under one change: ``named`` counts by class."""

    change: str
    truth: str
    pictures: int
    named: dict[str, int]

    @property
    def right(self) -> float:
        return self.named.get(self.truth, 0) / self.pictures


def run_shortcuts(
    model: TypeModel, slices: Sequence[TypedSlice], *, tumour_free: Sequence[TypedSlice]
) -> list[Trial]:
    """Every trial, class by class; ``tumour_free`` are slices of scanners that took tumours."""
    trials = []
    for name, change in _changes(slices).items():
        changed = [_apply(one, change) for one in slices]
        trials += _count(model, name, changed)
    if tumour_free:
        trials += _count(model, "tumour-free slices of LGG patients", tumour_free)
    return trials


def tumour_free_slices(root: Path, patients: set[str]) -> Iterator[TypedSlice]:
    """Contrast-enhanced T1 slices without tumour from the middle of LGG volumes below ``root``.

    Some published composites hold FLAIR where T1ce is missing: those are left out.
    """
    for case in lgg.iterate_cases(root, patients):
        if not case.stack.has(CHANNEL):
            continue
        channel, flair = (
            case.stack.pixels[case.stack.channels.index(name)] for name in (CHANNEL, "FLAIR")
        )
        if np.array_equal(channel, flair):
            continue
        first, last = (round(share * len(channel)) for share in MIDDLE)
        for z in range(first, last):
            if not case.mask[z].any():
                stack = stack_of_channels({CHANNEL: channel[z : z + 1]}, order=(CHANNEL,))
                yield TypedSlice(f"{case.case}/{z}", NO_TUMOUR, case.patient, stack)


def _changes(slices: Sequence[TypedSlice]) -> dict[str, Change]:
    with_none = [s for s in slices if s.label == NO_TUMOUR]
    with_tumour = [s for s in slices if s.label != NO_TUMOUR]
    changes: dict[str, Change] = {
        "as they are": lambda picture: picture,
        "a wider black border": _widen,
        "no border": _crop,
        "darker": lambda picture: _gamma(picture, GAMMAS[1]),
        "brighter": lambda picture: _gamma(picture, GAMMAS[0]),
        "blurred": lambda picture: np.asarray(ndimage.gaussian_filter(picture, 1.2)),
    }
    if with_none and with_tumour:
        none, tumour = _style(with_none), _style(with_tumour)
        changes["grey values as of tumour-free pictures"] = lambda p: _restyle(p, none)
        changes["grey values as of pictures with a tumour"] = lambda p: _restyle(p, tumour)
    return changes


def _apply(one: TypedSlice, change: Change) -> TypedSlice:
    changed = change(np.asarray(one.stack.pixels[0, 0], dtype=np.float32))
    stack = stack_of_channels({CHANNEL: changed[None]}, order=(CHANNEL,))
    return replace(one, stack=stack)


def _count(model: TypeModel, change: str, slices: Iterable[TypedSlice]) -> list[Trial]:
    slices = list(slices)
    logits = model.read_logits([one.stack for one in slices])
    named = np.array(model.card.classes)[logits.argmax(axis=1)]
    labels = np.array([one.label for one in slices])
    trials = []
    for truth in dict.fromkeys(labels.tolist()):
        own = named[labels == truth]
        counts = {name: int((own == name).sum()) for name in model.card.classes}
        trials.append(Trial(change, truth, len(own), counts))
    return trials


def _widen(picture: FloatArray) -> FloatArray:
    margins = [(round(BORDER * side),) * 2 for side in picture.shape]
    return np.pad(picture, margins)


def _crop(picture: FloatArray) -> FloatArray:
    head = head_mask(picture)
    if not head.any():
        return picture
    rows, columns = (np.flatnonzero(head.any(axis=axis)) for axis in (1, 0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _gamma(picture: FloatArray, gamma: float) -> FloatArray:
    brightest = float(picture.max()) or 1.0
    return np.asarray(brightest * (np.maximum(picture, 0) / brightest) ** gamma)


def _quantiles(picture: FloatArray) -> NDArray[np.float64]:
    head = head_mask(picture)
    tissue = picture[head] if head.any() else picture.ravel()
    return np.asarray(np.quantile(tissue, QUANTILES), dtype=np.float64)


def _style(slices: Sequence[TypedSlice]) -> NDArray[np.float64]:
    """The mean quantiles of the heads' grey values, each picture relative to its brightest."""
    each = [_quantiles(np.asarray(s.stack.pixels[0, 0], dtype=np.float32)) for s in slices]
    return np.asarray(np.mean([one / max(one[-1], 1e-6) for one in each], axis=0))


def _restyle(picture: FloatArray, style: NDArray[np.float64]) -> FloatArray:
    """The picture with the grey values of its head moved to those quantiles; air stays dark."""
    head = head_mask(picture)
    own = _quantiles(picture)
    changed = np.array(picture, dtype=np.float32)
    changed[head] = np.interp(picture[head], own, 255 * style)
    return changed


def as_table(trials: Sequence[Trial]) -> str:
    """Markdown: one line for each change and class."""
    classes = list(trials[0].named)
    header = ["shown", "truth", "pictures", *(f"called {c.replace('_', ' ')}" for c in classes)]
    lines = [f"| {' | '.join(header)} |", f"| --- | --- |{' ---: |' * (1 + len(classes))}"]
    for one in trials:
        shares = [f"{100 * one.named[name] / one.pictures:.0f} %" for name in classes]
        truth = one.truth.replace("_", " ")
        lines.append(f"| {one.change} | {truth} | {one.pictures} | {' | '.join(shares)} |")
    return "\n".join(lines)
