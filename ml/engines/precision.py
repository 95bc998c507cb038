"""In which numbers a network reads: the quickest that draw the same mask, unless told otherwise.

Over the 31 validation views float16 gave Dice 0.9992 with float32 and bfloat16 0.9913
(``docs/models.md``): bfloat16 keeps three bits less, and an edge of the mask moves with them. A
result must not hang on the kind of processor that a clinic happened to buy, so bfloat16 reads
only where somebody prefers its speed and says so.
"""

from __future__ import annotations

import os

from ml.hardware import bfloat16_is_fast, float16_is_fast

ENVIRONMENT_VARIABLE = "SULCUS_PRECISION"
"""``same-mask``, which is also what nothing means, or ``fastest``."""
WISHES = ("same-mask", "fastest")


def choose_precision(kernels: str) -> str:
    """``f16``, ``bf16`` or ``f32`` for ``openvino``, or for torch on ``cpu`` or ``cuda``.

    Raises ValueError for an unknown wish.
    """
    wish = os.environ.get(ENVIRONMENT_VARIABLE) or WISHES[0]
    if wish not in WISHES:
        raise ValueError(f"{ENVIRONMENT_VARIABLE} is one of {', '.join(WISHES)}, not {wish!r}")
    if kernels == "cuda" or (kernels == "openvino" and float16_is_fast()):
        return "f16"
    return "bf16" if wish == "fastest" and bfloat16_is_fast() else "f32"
