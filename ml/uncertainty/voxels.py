"""Where a model is unsure, voxel by voxel: by reading the scan several times, a little changed.

Test-time augmentation (Wang et al., Neurocomputing 2019;338:34): what changes the answer although
it does not change the head is what the answer hangs on. Changes are a mirrored head and a darker
or brighter rendering; nothing is interpolated, so that edges are not unsure by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ml.inference import segment_regions
from ml.intensity import FloatArray
from ml.models import Model
from ml.stacks import AxialStack

GAMMAS = (0.8, 1.0, 1.25)
MIRRORED = (False, True)


@dataclass(frozen=True)
class Readings:
    """``mean`` is the probability (R, Z, H, W) over all readings, ``unsure`` its entropy.

    The entropy (R, Z, H, W) is in bits: 0 where all agree on a clear answer, 1 at even odds.
    """

    mean: FloatArray
    unsure: FloatArray
    count: int


def read_changed(model: Model, stack: AxialStack, *, regions: int = 1) -> Readings:
    """The scan read mirrored or not and with three gammas: six readings, averaged."""
    total = np.zeros((regions, *stack.pixels.shape[1:]), dtype=np.float32)
    changes = list(product(GAMMAS, MIRRORED))
    for gamma, mirrored in changes:
        changed = with_gamma(stack, gamma)
        if mirrored:
            changed = replace(changed, pixels=np.ascontiguousarray(changed.pixels[..., ::-1]))
        read = segment_regions(
            model.engine,
            changed,
            stride=model.card.network.stride,
            regions=regions,
            preparation=model.card.preparation,
            mirror=False,
            tight=model.card.tight,
        )
        total += read[..., ::-1] if mirrored else read
    mean = (total / len(changes)).astype(np.float32)
    return Readings(mean, entropy_bits(mean), len(changes))


def with_gamma(stack: AxialStack, gamma: float) -> AxialStack:
    """Each channel's grey values to the power of ``gamma``, between zero and its brightest."""
    if gamma == 1.0:
        return stack
    pixels = np.maximum(np.asarray(stack.pixels, dtype=np.float32), 0.0)
    brightest = pixels.reshape(len(pixels), -1).max(axis=1).reshape(-1, 1, 1, 1)
    brightest[brightest == 0] = 1.0
    return replace(stack, pixels=brightest * (pixels / brightest) ** gamma)


def entropy_bits(probability: FloatArray) -> FloatArray:
    """The entropy of a yes or no, in bits, for ``probability`` (any shape)."""
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    bits = -(sure * np.log2(sure) + (1 - sure) * np.log2(1 - sure))
    return np.asarray(bits, dtype=np.float32)
