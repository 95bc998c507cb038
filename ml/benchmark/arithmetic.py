"""The least time that the network's sums can take here: operations over the matrix rate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from ml.benchmark.clock import seconds_of
from ml.engines.interface import Engine
from ml.engines.torch_engine import MIXED
from ml.intensity import FloatArray
from ml.networks.build import NetworkSpec

TRIALS = 5


class CountingEngine:
    """Reads as ``engine`` does and remembers how many images of which shape it was given."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name = engine.name
        self.dimensions = engine.dimensions
        self.images: Counter[tuple[int, ...]] = Counter()

    def read(self, images: FloatArray) -> FloatArray:
        self.images[images.shape[1:]] += len(images)
        return self.engine.read(images)


def count_operations(spec: NetworkSpec, images: Counter[tuple[int, ...]]) -> int:
    """Multiplications and additions of the matrix products for ``images``, by shape (C, ...).

    The network is run without numbers (torch's meta device), so that only shapes are worked out.
    """
    network = spec.build().eval().to("meta")
    operations = 0
    for shape, count in images.items():
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network(torch.empty(1, *shape, device="meta"))
        operations += count * counter.get_total_flops()
    return operations


PRECISIONS = {"f32": torch.float32, **MIXED}


@dataclass(frozen=True)
class MatrixRate:
    """Operations a second of the best of a few products of large square matrices."""

    float32: float
    own: float
    """At the precision in which the engine multiplies."""


def measure_matrix_rate(side: int, engine: str) -> MatrixRate:
    """On the device of the engine of that name, such as ``torch cuda f16``."""
    device = "cuda" if "cuda" in engine else "cpu"
    own = PRECISIONS[engine.rpartition(" ")[2]]
    float32 = _rate(side, torch.float32, device)
    return MatrixRate(float32, float32 if own is torch.float32 else _rate(side, own, device))


def _rate(side: int, dtype: torch.dtype, device: str) -> float:
    matrix = torch.randn(side, side).to(device, dtype)

    def multiply() -> None:
        product = matrix @ matrix
        product[0, 0].item()  # waits for a device that answers before it is done

    multiply()
    return float(2 * side**3 / min(seconds_of(multiply) for _ in range(TRIALS)))
