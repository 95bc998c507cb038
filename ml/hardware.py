"""What this machine's processor does well."""

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


def autocast() -> torch.autocast:
    """Mixed precision for the forward pass where it pays, and nothing where it does not."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16_is_fast())
