"""One run of the benchmark: ours, then plain torch, the yardstick and the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from ml.benchmark.arithmetic import CountingEngine, count_operations, measure_matrix_rate
from ml.benchmark.clock import seconds_of
from ml.benchmark.memory import forget_peak, peak_mb, resident_mb
from ml.benchmark.plain import PlainReading, read_plainly
from ml.benchmark.report import STAGES, Report
from ml.benchmark.yardstick import YardstickSize, time_yardstick
from ml.engines.torch_engine import TorchEngine
from ml.intensity import BoolArray, FloatArray
from ml.measures import measure
from ml.models import Card, Model, load_model, load_network, shipped_weights
from ml.prediction import make_grid, make_stack, mask_on_grid, read_stack
from ml.stacks import AxialStack
from ml.stages import Stages
from ml.volumes import MedicalImage, load_image, mask_suffix, write_mask


@dataclass(frozen=True)
class Effort:
    """How much is timed; the defaults are what a benchmark means."""

    repetitions: int = 3
    batches: tuple[int, ...] = (1, 4, 8)
    yardstick: YardstickSize = field(default_factory=YardstickSize)
    matrix_side: int = 4096


@dataclass(frozen=True)
class _Run:
    """One way from file to file; ``mask`` is (Z, H, W)."""

    image: MedicalImage
    stack: AxialStack
    probability: FloatArray
    mask: BoolArray
    stages: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.stages.values())


def run_benchmark(
    path: Path,
    *,
    name: str,
    sequence: str,
    weights: Path | None = None,
    engine: str = "auto",
    effort: Effort = Effort(),
) -> Report:
    """Times the file at ``path``, declared to be ``sequence``, with the model ``name``.

    ``weights`` and ``engine`` are as for :func:`ml.models.load_model`; so is what is raised.
    """
    loaded: list[Model] = []
    loading = seconds_of(lambda: loaded.append(load_model(name, weights=weights, engine=engine)))
    model = loaded[0]
    counting = CountingEngine(model.engine)
    forget_peak()
    held = resident_mb()
    _run_once(path, replace(model, engine=counting), sequence)  # to warm up, and to count
    runs = [_run_once(path, model, sequence) for _ in range(effort.repetitions)]
    # The run with the median total, so that its stages add up to it.
    ours = sorted(runs, key=lambda run: run.total)[(len(runs) - 1) // 2]
    peak = peak_mb()
    network = load_network(model.card.network, weights or shipped_weights(name))
    precise = replace(model, engine=_float32_engine(network, model.card))
    same = read_stack(precise, ours.stack)[1]
    plain = read_plainly(network, model.card, ours.stack, batches=effort.batches)
    yardstick = time_yardstick(effort.yardstick, effort.batches)
    rate = measure_matrix_rate(effort.matrix_side, model.engine.name)
    return Report(
        model=f"{model.card.name} {model.card.version}",
        engine=model.engine.name,
        volume=path.name,
        shape=ours.image.geometry.shape,
        slices_read=int(ours.stack.head.any(axis=(1, 2)).sum()),
        mirror=model.card.mirror,
        threads=torch.get_num_threads(),
        stages=ours.stages,
        apart={"load model": loading, "measure": seconds_of(lambda: _measure(ours))},
        runs=tuple(run.total for run in runs),
        plain_stages=_plain_stages(plain, ours.stages),
        plain_batch=plain.batch,
        yardstick_seconds=yardstick.seconds,
        yardstick_batch=yardstick.batch,
        operations=count_operations(model.card.network, counting.images),
        operations_per_second=rate.own,
        float32_per_second=rate.float32,
        peak_mb=peak,
        above_loaded_mb=peak - held,
        dice=dice(ours.mask, same),
        dice_with_whole_slices=dice(ours.mask, plain.mask),
    )


def _float32_engine(network: nn.Module, card: Card) -> TorchEngine:
    return TorchEngine(network, dimensions=card.network.dimensions, precision="f32")


def _run_once(path: Path, model: Model, sequence: str) -> _Run:
    """As the worker and ``python -m ml segment`` do it, but for measuring the lesions."""
    stages = Stages()
    with TemporaryDirectory() as folder:
        with stages.timed("read"):
            image = load_image(path)
        with stages.timed("prepare"):
            stack = make_stack(image, sequence=sequence)
        probability, mask = read_stack(model, stack, stages=stages)
        with stages.timed("post-process"):
            on_grid = mask_on_grid(mask, image)
        with stages.timed("write"):
            out = Path(folder) / f"mask{mask_suffix(image.geometry)}"
            write_mask(out, on_grid, like=path, geometry=image.geometry)
    in_order = {stage: stages.seconds.get(stage, 0.0) for stage in STAGES}
    return _Run(image, stack, probability, mask, in_order)


def _measure(run: _Run) -> None:
    measure(
        run.mask,
        image=run.stack.reference,
        grid=make_grid(run.image),
        probability=run.probability,
    )


def _plain_stages(plain: PlainReading, ours: dict[str, float]) -> dict[str, float]:
    """Plain torch reads and writes the same files as ours, so those stages are ours."""
    return {stage: plain.stages.seconds.get(stage, ours[stage]) for stage in STAGES}


def dice(one: BoolArray, other: BoolArray) -> float:
    """The overlap of two masks of the same shape; two empty ones are the same."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int(np.logical_and(one, other).sum()) / total if total else 1.0
