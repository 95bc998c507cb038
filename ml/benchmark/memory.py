"""How much memory the process holds, and has held at most."""

from __future__ import annotations

import resource
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"
"""What the kernel takes as the order to count the peak anew (man 5 proc)."""


def forget_peak() -> None:
    """Counts the peak from here on, where the kernel can; elsewhere it is the process's own."""
    try:
        CLEAR.write_text(FORGET_PEAK, encoding="ascii")
    except OSError:
        return


def resident_mb() -> float:
    """What is held now; the peak where the system does not say."""
    return _status_mb("VmRSS") or peak_mb()


def peak_mb() -> float:
    """The most that was held at any one time."""
    return _status_mb("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _status_mb(field: str) -> float | None:
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(values[0]) / 1024 if values else None
