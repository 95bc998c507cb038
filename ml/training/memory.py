"""How a training process takes memory from the system."""

from __future__ import annotations

import ctypes
import platform

# mallopt(3), the names of malloc.h
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4
M_ARENA_MAX = -8

TOP_PAD_BYTES = 256 * 1024**2


def keep_freed_memory() -> bool:
    """Has the C library keep what tensors give back, for the next ones, until the process ends.

    By default glibc maps each large block anew and the kernel clears it page by page. A training
    step frees and takes the same gigabytes again and again; half of a step's processor time was
    seen to go that way. Call it before the first thread is started: all threads share one arena
    then, as only the first one can grow without mapping. Only for a process that trains and ends;
    a worker that lives on would keep the memory of its largest scan.

    Returns whether the C library took it; others than glibc are left as they are.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = {
        M_ARENA_MAX: 1,
        M_MMAP_MAX: 0,
        M_TRIM_THRESHOLD: -1,
        M_TOP_PAD: TOP_PAD_BYTES,
    }
    return all(mallopt(name, value) == 1 for name, value in settings.items())
