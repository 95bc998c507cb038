"""Where a model is unsure, voxel by voxel: by reading the scan several times, a little changed.

Test-time augmentation (Wang et al., Neurocomputing 2019;338:34): what changes the answer although
it does not change the head is what the answer hangs on. Changes are a mirrored head and a darker
or brighter rendering; nothing is interpolated, so that edges are not unsure by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ml.inference import Progress, segment_regions, with_their_batches
from ml.intensity import BoolArray, FloatArray
from ml.models import Model
from ml.stacks import AxialStack, select_channels

GAMMAS = (0.8, 1.0, 1.25)
MIRRORED = (False, True)
Change = tuple[float, bool]
CHANGES: tuple[Change, ...] = tuple(product(GAMMAS, MIRRORED))
AS_IT_IS, ONLY_MIRRORED = (1.0, False), (1.0, True)
WORTH_ASKING = 0.02
"""A slice is read again where the first reading reaches this probability anywhere on it."""


@dataclass(frozen=True)
class Readings:
    """``mean`` is the probability (R, Z, H, W) over all readings, ``unsure`` its entropy.

    The entropy (R, Z, H, W) is in bits: 0 where all agree on a clear answer, 1 at even odds. Where
    no channel holds anything, as around a brain without its skull, there is nothing to be unsure
    of: 0.
    """

    mean: FloatArray
    unsure: FloatArray
    count: int


def read_changed(model: Model, stack: AxialStack, *, regions: int = 1) -> Readings:
    """The scan read mirrored or not and with three gammas: six readings, averaged."""
    mean = _add_up(model, stack, CHANGES, regions=regions) / np.float32(len(CHANGES))
    return Readings(mean, _unsure(mean, stack), len(CHANGES))


def read_unsure(
    model: Model, stack: AxialStack, probability: FloatArray, *, progress: Progress | None = None
) -> Readings:
    """As :func:`read_changed` of the first region, but bounded, for every run of a worker.

    ``probability`` (Z, H, W) is what the model said of that region, read as its card says; this
    reading is not made again. A 2D network reads only the slices on which it reaches
    ``WORTH_ASKING`` somewhere, and those that share a batch with one. All others keep that first
    probability and count as sure, which is a bound on the time and no finding: what only a
    changed image would show there is missed. A 3D network reads its whole box, or nothing where
    no slice is worth it. ``progress`` counts the slices of all readings.
    """
    asked: BoolArray = np.any(probability >= WORTH_ASKING, axis=(1, 2))
    unsure = np.zeros((1, *probability.shape), dtype=np.float32)
    if not asked.any():
        return Readings(probability[None].copy(), unsure, len(CHANGES))
    if model.engine.dimensions == 3:
        asked[:] = True
    else:
        asked = with_their_batches(asked, stack)
    # A card that mirrors has read both ways already and gives their mean.
    made = (AS_IT_IS, ONLY_MIRRORED) if model.card.mirror else (AS_IT_IS,)
    left = tuple(change for change in CHANGES if change not in made)
    mean = _add_up(model, stack, left, only=asked, progress=progress)
    mean += np.float32(len(made)) * probability
    mean /= np.float32(len(CHANGES))
    mean[:, ~asked] = probability[~asked]
    unsure[:, asked] = _unsure(mean, stack)[:, asked]
    return Readings(mean, unsure, len(CHANGES))


def _add_up(
    model: Model,
    stack: AxialStack,
    changes: Sequence[Change],
    *,
    regions: int = 1,
    only: BoolArray | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """The sum (R, Z, H, W) of the readings with each of ``changes``, brought back to their side."""
    stack = select_channels(stack, model.card.preparation.channels)
    total = np.zeros((regions, *stack.pixels.shape[1:]), dtype=np.float32)
    for n, (gamma, is_mirrored) in enumerate(changes):
        changed = with_gamma(stack, gamma)
        read = segment_regions(
            model.engine,
            mirrored(changed) if is_mirrored else changed,
            stride=model.card.network.stride,
            regions=regions,
            preparation=model.card.preparation,
            progress=_counting_on(progress, n, len(changes)),
            mirror=False,
            tight=model.card.tight,
            only=only,
        )
        total += read[..., ::-1] if is_mirrored else read
    return total


def _counting_on(progress: Progress | None, before: int, readings: int) -> Progress | None:
    """Reports one of ``readings``, ``before`` of which are done, as a part of all of them."""
    if progress is None:
        return None
    return lambda done, total: progress(before * total + done, readings * total)


def mirrored(stack: AxialStack) -> AxialStack:
    """The stack with left and right exchanged."""
    return stack.redrawn(stack.pixels[..., ::-1], head=stack.head[..., ::-1])


def with_gamma(stack: AxialStack, gamma: float) -> AxialStack:
    """Each channel's grey values to the power of ``gamma``, between zero and its brightest.

    The head stays the one that was found: what is tissue does not hang on how bright it is drawn.
    """
    if gamma == 1.0:
        return stack
    # Absent channels stay fresh zeros, which take no memory until they are touched.
    pixels = np.zeros(stack.pixels.shape, dtype=np.float32)
    for index, channel in enumerate(stack.pixels):
        if stack.present[index]:
            np.maximum(channel, 0.0, out=pixels[index], casting="unsafe")
            brightest = pixels[index].max() or np.float32(1.0)
            pixels[index] /= brightest
            pixels[index] **= np.float32(gamma)
            pixels[index] *= brightest
    return stack.redrawn(pixels, head=stack.head)


def _unsure(mean: FloatArray, stack: AxialStack) -> FloatArray:
    unsure = entropy_bits(mean)
    unsure[:, ~np.any(stack.pixels, axis=0)] = 0.0
    return unsure


def entropy_bits(probability: FloatArray) -> FloatArray:
    """The entropy of a yes or no, in bits, for ``probability`` (any shape)."""
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    bits = -(sure * np.log2(sure) + (1 - sure) * np.log2(1 - sure))
    return np.asarray(bits, dtype=np.float32)
