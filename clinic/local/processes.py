"""Starting processes so that they can always be ended: also by the next start, after a kill -9.

Each child leads a process group of its own, so a Ctrl-C reaches only the supervisor, and it is
written down with the moment of its start, so a later run can tell its own orphans from a
stranger that has been given the same number.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
STARTTIME_FIELD = 19  # of /proc/<pid>/stat, counted after the command's closing bracket


class StartError(RuntimeError):
    """Something could not be started; the message says what and what to do."""


@dataclass
class Child:
    """A running process with its name and the file that remembers it."""

    name: str
    process: subprocess.Popen[bytes]
    record: Path

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None


def start_child(
    name: str,
    command: Sequence[str],
    *,
    records: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
    group: int | None = None,
    inherited: tuple[int, ...] = (),
    stdin: bytes | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Starts ``command`` with its output in ``log``; ``stdin`` is written to it and closed."""
    records.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            pass_fds=inherited,
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),
        )
    if stdin is not None and process.stdin is not None:
        process.stdin.write(stdin)
        process.stdin.close()
    record = records / f"{name}.pid"
    record.write_text(f"{process.pid} {_start_time(process.pid) or 0}\n", encoding="utf-8")
    return Child(name, process, record)


def die_with_parent(signal_number: signal.Signals) -> Callable[[], None] | None:
    """On Linux the kernel ends the child when its parent dies, however that happens."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signal_number))

    return prepare


def stop_child(child: Child, *, first: signal.Signals, patience: float) -> None:
    """Asks politely, waits, then ends the whole group."""
    if not child.has_ended:
        with suppress(ProcessLookupError):
            os.kill(child.process.pid, first)
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(timeout=patience)
    _end_group(child.process.pid, patience=0.0)
    with suppress(subprocess.TimeoutExpired):
        child.process.wait(timeout=2)
    child.record.unlink(missing_ok=True)


def end_orphans(records: Path) -> list[str]:
    """Ends what an earlier run has left behind, by its records; the names of what was ended."""
    ended = []
    for record in sorted(records.glob("*.pid")) if records.exists() else []:
        words = record.read_text(encoding="utf-8").split()
        if len(words) == 2 and words[0].isdigit():
            pid = int(words[0])
            if _start_time(pid) == words[1] != "0":
                ended.append(record.stem)
                _end_group(pid, patience=8.0)
        record.unlink(missing_ok=True)
    return ended


def _end_group(pid: int, *, patience: float) -> None:
    """SIGTERM (PostgreSQL: SIGINT too, its fast way) to the group, then SIGKILL."""
    if patience > 0:
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal_number)
        until = time.monotonic() + patience
        while time.monotonic() < until and _start_time(pid) is not None:
            time.sleep(0.1)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _start_time(pid: int) -> str | None:
    """When the process started, as text to compare; None where there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # A zombie has ended; only its parent has not looked yet.
        return None if fields[0] == "Z" else fields[STARTTIME_FIELD]
    told = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return told.stdout.strip().replace(" ", "_") or None
