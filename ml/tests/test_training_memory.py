"""Memory of a training process. It is set for good, so each test asks a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Page faults while blocks of 64 MB are taken and given back in a thread, as autograd does it. The
# first rounds are not counted: small blocks may lie down where a large one was.
PROGRAM = """
import resource, sys, threading
from ml.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
import torch
def work(found):
    for _ in range(20):
        torch.ones(16 * 1024**2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        torch.ones(16 * 1024**2)
    found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
found = []
thread = threading.Thread(target=work, args=(found,))
thread.start()
thread.join()
print(*found)
"""


def page_faults(how: str) -> int:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_freed_memory_is_taken_again_without_asking_the_system():
    assert page_faults("kept") < page_faults("default") / 10
