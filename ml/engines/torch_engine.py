"""A network run by torch, on the CPU or a CUDA device."""

from __future__ import annotations

import torch
from torch import nn

from ml.engines.precision import choose_precision
from ml.hardware import best_memory_format
from ml.intensity import FloatArray

MIXED = {"f16": torch.float16, "bf16": torch.bfloat16}


class TorchEngine:
    """Runs ``network`` as it stands, in ``precision``: that of :func:`choose_precision` if None."""

    def __init__(
        self,
        network: nn.Module,
        *,
        dimensions: int = 2,
        device: str | torch.device = "cpu",
        precision: str | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.layout = best_memory_format(dimensions + 2)
        self.network = network.to(self.device).to(memory_format=self.layout).eval()  # type: ignore[call-overload]
        self.dimensions = dimensions
        self.precision = precision or choose_precision(self.device.type)
        self.name = f"torch {self.device.type} {self.precision}"

    def read(self, images: FloatArray) -> FloatArray:
        """Tumour probabilities (B, 1, ...) for prepared ``images`` (B, C, ...)."""
        self.network.eval()
        batch = torch.from_numpy(images).to(self.device, memory_format=self.layout)
        mixed = torch.autocast(
            self.device.type, dtype=MIXED.get(self.precision), enabled=self.precision in MIXED
        )
        with torch.inference_mode(), mixed:
            logits = self.network(batch)
        found: FloatArray = torch.sigmoid(logits.float()).cpu().numpy()
        return found
