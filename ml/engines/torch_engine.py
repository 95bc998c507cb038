"""A network run by torch, on the CPU or a CUDA device."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import nn

from ml.hardware import autocast, best_memory_format, bfloat16_is_fast
from ml.intensity import FloatArray


class TorchEngine:
    """Runs ``network`` as it stands, in mixed precision where the device is good at it.

    ``precise`` keeps it in float32 also there.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        dimensions: int = 2,
        device: str | torch.device = "cpu",
        precise: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.layout = best_memory_format(dimensions + 2)
        self.network = network.to(self.device).to(memory_format=self.layout).eval()  # type: ignore[call-overload]
        self.dimensions = dimensions
        self.is_mixed = not precise and (self.device.type == "cuda" or bfloat16_is_fast())
        self.name = f"torch {self.device.type} {'bf16' if self.is_mixed else 'f32'}"

    def read(self, images: FloatArray) -> FloatArray:
        """Tumour probabilities (B, 1, ...) for prepared ``images`` (B, C, ...)."""
        self.network.eval()
        batch = torch.from_numpy(images).to(self.device, memory_format=self.layout)
        with torch.inference_mode(), autocast(self.device.type) if self.is_mixed else nullcontext():
            logits = self.network(batch)
        found: FloatArray = torch.sigmoid(logits.float()).cpu().numpy()
        return found
