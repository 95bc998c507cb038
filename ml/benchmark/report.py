"""What one run of the benchmark has measured, as JSON and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STAGES = ("read", "prepare", "infer", "post-process", "write")
"""What it takes from the volume's file to the mask's file."""


@dataclass(frozen=True)
class Report:
    """Seconds throughout; ``stages``, ``plain_stages`` and ``apart`` by name.

    ``apart`` is not part of the total: loading the model, which a worker does once, and measuring
    lesions, which the mask does not wait for. ``runs`` are all totals, of which the median is
    told. ``operations`` are those of the images that were read and ``operations_per_second`` the
    machine's own at the engine's precision. ``dice`` compares the mask with that of torch in
    float32 on the very same images, ``dice_with_whole_slices`` with that of plain torch, whose
    images are not cut to the head.
    """

    model: str
    engine: str
    volume: str
    shape: tuple[int, ...]
    slices_read: int
    mirror: bool
    threads: int
    stages: dict[str, float]
    apart: dict[str, float]
    runs: tuple[float, ...]
    plain_stages: dict[str, float]
    plain_batch: int
    yardstick_seconds: float
    yardstick_batch: int
    operations: int
    operations_per_second: float
    float32_per_second: float
    peak_mb: float
    above_loaded_mb: float
    dice: float
    dice_with_whole_slices: float

    @property
    def total(self) -> float:
        return sum(self.stages.values())

    @property
    def plain_total(self) -> float:
        return sum(self.plain_stages.values())

    @property
    def floor(self) -> float:
        return self.operations / self.operations_per_second

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "total_seconds": self.total,
            "speedup_over_torch_float32": self.plain_total / self.total,
            "yardstick_ratio": self.yardstick_seconds / self.total,
            "stages": self.stages,
            "apart": self.apart,
            "runs": list(self.runs),
            "torch_float32": {
                "total_seconds": self.plain_total,
                "stages": self.plain_stages,
                "batch": self.plain_batch,
            },
            "yardstick": {"seconds": self.yardstick_seconds, "batch": self.yardstick_batch},
            "arithmetic": {
                "operations": self.operations,
                "operations_per_second": self.operations_per_second,
                "float32_per_second": self.float32_per_second,
                "floor_seconds": self.floor,
            },
            "memory": {"peak_mb": self.peak_mb, "above_loaded_mb": self.above_loaded_mb},
            "dice_with_torch_float32": self.dice,
            "dice_with_whole_slices": self.dice_with_whole_slices,
            **{
                name: getattr(self, name)
                for name in ("model", "engine", "volume", "slices_read", "mirror", "threads")
            },
            "shape": list(self.shape),
        }

    def as_table(self) -> str:
        """For reading; all seconds are of a warm process."""
        size = " x ".join(str(side) for side in self.shape)
        twice = ", each also mirrored" if self.mirror else ""
        lines = [
            f"{self.volume}, {size}: {self.slices_read} slices with tissue{twice}",
            f"{self.model} on {self.engine}, {self.threads} threads",
            "",
            f"{'seconds':14}{'ours':>9}{'plain torch':>14}",
        ]
        for stage in STAGES:
            lines.append(f"{stage:14}{self.stages[stage]:9.3f}{self.plain_stages[stage]:14.3f}")
        lines.append(f"{'total':14}{self.total:9.3f}{self.plain_total:14.3f}")
        lines += ["", *(f"{name:14}{seconds:9.3f}  apart" for name, seconds in self.apart.items())]
        return "\n".join([*lines, "", *self._ratios()])

    def _ratios(self) -> list[str]:
        runs = ", ".join(f"{run:.2f}" for run in self.runs)
        return [
            f"the median of {len(self.runs)} runs ({runs} s) after one that is not counted",
            f"{self.plain_total / self.total:.1f} times as fast as plain torch of the same network "
            f"(whole slices, contiguous float32, batches of {self.plain_batch})",
            f"Dice with torch in float32: {self.dice:.4f} on the same images, "
            f"{self.dice_with_whole_slices:.4f} on whole slices",
            f"{self.yardstick_seconds / self.total:.1f} times as fast as the yardstick "
            f"({self.yardstick_seconds:.2f} s, batches of {self.yardstick_batch})",
            f"arithmetic floor {self.floor:.3f} s: {self.operations / 1e12:.2f} T operations at "
            f"{self.operations_per_second / 1e12:.2f} T/s "
            f"(float32: {self.float32_per_second / 1e12:.2f} T/s)",
            f"peak memory {self.peak_mb:.0f} MB, {self.above_loaded_mb:.0f} MB above the loaded "
            "model",
        ]
