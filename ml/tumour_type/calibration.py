"""Probabilities that mean what they say, and the limit below which they are not acted on.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

FloatMatrix = NDArray[np.float64]
Numbers = NDArray[np.int64]

BINS = 10
# Of what is called certain, this share is to be right on the calibration pictures.
WANTED_ACCURACY = 0.98
TEMPERATURES = (0.2, 10.0)


@dataclass(frozen=True)
class Calibration:
    """``temperature`` divides the logits; an answer below ``certain_from`` is "uncertain".

    ``pictures`` is how many pictures they were found on, which the network had not seen, and
    ``fold`` which ones.
    """

    temperature: float = 1.0
    certain_from: float = 0.0
    pictures: int = 0
    fold: str = ""

    def apply(self, logits: FloatMatrix) -> FloatMatrix:
        """Probabilities (N, classes)."""
        return as_probabilities(logits / self.temperature)


def as_probabilities(logits: FloatMatrix) -> FloatMatrix:
    found: FloatMatrix = softmax(np.asarray(logits, dtype=np.float64), axis=1)
    return found


def calibrate(logits: FloatMatrix, truth: Numbers, *, fold: str = "") -> Calibration:
    """The temperature under which ``truth`` is likeliest, and the limit of certainty.

    ``logits`` are (N, classes) of pictures that the network has not seen. The limit is the lowest
    probability from which the answers above are right in ``WANTED_ACCURACY`` of them.
    """

    def cost(temperature: float) -> float:
        likely = log_softmax(logits / temperature, axis=1)
        return -float(likely[np.arange(len(truth)), truth].mean())

    found = minimize_scalar(cost, bounds=TEMPERATURES, method="bounded")
    temperature = round(float(found.x), 3)
    probabilities = as_probabilities(logits / temperature)
    return Calibration(
        temperature=temperature,
        certain_from=round(_limit(probabilities, truth), 3),
        pictures=len(truth),
        fold=fold,
    )


def _limit(probabilities: FloatMatrix, truth: Numbers) -> float:
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    order = np.argsort(-sure, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(accuracy >= WANTED_ACCURACY)
    return float(sure[order][enough[-1]]) if len(enough) else 1.0


@dataclass(frozen=True)
class Bin:
    """Answers of about one probability: how sure they were and how often right."""

    sure: float
    right: float
    pictures: int


def reliability(probabilities: FloatMatrix, truth: Numbers) -> list[Bin]:
    """The answers by how sure they were, in ten bins of equal width; empty ones left out."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [
        Bin(float(sure[chosen].mean()), float(right[chosen].mean()), int(chosen.sum()))
        for n in range(BINS)
        if (chosen := bins == n).any()
    ]


def expected_error(bins: list[Bin]) -> float:
    """The expected calibration error (Naeini et al., AAAI 2015)."""
    total = sum(one.pictures for one in bins)
    return sum(one.pictures * abs(one.sure - one.right) for one in bins) / total
