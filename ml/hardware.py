"""What this machine does well."""

from __future__ import annotations

from functools import cache

import torch


@cache
def bfloat16_is_fast() -> bool:
    """Whether the CPU multiplies bfloat16 matrices in hardware (AMX or AVX-512 BF16).

    Elsewhere bfloat16 works too, but slower than float32, so it is not used there.
    """
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


@cache
def float16_is_fast() -> bool:
    """Whether the CPU multiplies float16 in hardware (AMX or AVX-512 FP16)."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_fp16") or capabilities.get("avx512_fp16"))


def training_precision(device: str = "cpu") -> str:
    """``bf16`` where mixed precision pays, as on CUDA and on CPUs with bfloat16; else ``f32``."""
    return "bf16" if device == "cuda" or bfloat16_is_fast() else "f32"


def autocast(device: str = "cpu", *, axes: int = 2) -> torch.autocast:
    """Mixed precision for the forward pass where it pays and its gradients are right.

    A CPU trains networks of three ``axes`` in float32: the weight gradient in bfloat16 of a
    3 x 3 x 3 convolution over a grid two deep reads memory that nobody wrote (oneDNN under
    torch 2.13, on AVX-512 BF16; other depths, and convolutions of two axes, were right).
    """
    pays = training_precision(device) == "bf16" and (device == "cuda" or axes == 2)
    return torch.autocast(device, dtype=torch.bfloat16, enabled=pays)


def choose_device(wish: str = "auto") -> torch.device:
    """The device of that name; for ``auto`` a CUDA device where there is one, else the CPU.

    Raises ValueError where the device is not there.
    """
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wish == "cuda" and not torch.cuda.is_available():
        raise ValueError("This machine has no CUDA device; leave --device out or say cpu.")
    return torch.device(wish)


def best_memory_format(dimensions: int) -> torch.memory_format:
    """Channels last, which the CPU's and GPU's kernels prefer, for a tensor of so many axes."""
    return torch.channels_last_3d if dimensions == 5 else torch.channels_last
