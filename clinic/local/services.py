"""PostgreSQL and Redis for as long as a block lasts."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from clinic.local.postgres import forget_data, start_postgres, tidy_up
from clinic.local.processes import Child, StartError, end_orphans, stop_child
from clinic.local.redis import start_redis

ENDING = "ending"
# A run whose `make` was killed notices within half a second and then ends by itself.
NOTICING_PATIENCE = 2.0
ENDING_PATIENCE = 30.0


@dataclass
class Addresses:
    """Where the services are, in the form that the settings read, and those we have started."""

    database_url: str = ""
    redis_url: str = ""
    started: dict[str, Child] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Our own environment with these addresses in it."""
        return {**os.environ, "DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def dead(self) -> list[str]:
        """The names of services that we have started and that have ended."""
        return [name for name, child in self.started.items() if child.has_ended]


@contextmanager
def local_services(directory: Path, *, throwaway: bool = False) -> Iterator[Addresses]:
    """Starts what the environment does not name and stops it at the end.

    ``DATABASE_URL`` and ``REDIS_URL`` are used as they are where they are set. ``throwaway``
    starts with an empty database. Raises StartError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    addresses = Addresses(os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", ""))
    with _only_one(directory):
        end_orphans(directory / "run")
        if throwaway:
            forget_data(directory)
            shutil.rmtree(directory / "log", ignore_errors=True)
        try:
            if not addresses.database_url:
                start_service("postgres", addresses, directory, throwaway=throwaway)
            if not addresses.redis_url:
                start_service("redis", addresses, directory)
            yield addresses
        finally:
            _stop(addresses, directory)
            if throwaway:
                forget_data(directory)


def start_service(
    name: str, addresses: Addresses, directory: Path, *, throwaway: bool = False
) -> None:
    """Starts a service, or one that has died again where it was. Raises StartError."""
    former = addresses.started.pop(name, None)
    if former is not None:
        stop_child(former, first=signal.SIGKILL, patience=0.2)
    if name == "postgres":
        child, addresses.database_url = start_postgres(directory, throwaway=throwaway)
    else:
        child, addresses.redis_url = start_redis(directory, url=addresses.redis_url)
    addresses.started[name] = child


def _stop(addresses: Addresses, directory: Path) -> None:
    for name, child in reversed(addresses.started.items()):
        polite = signal.SIGINT if name == "postgres" else signal.SIGTERM
        stop_child(child, first=polite, patience=8)
        if name == "postgres":
            tidy_up(directory)


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """A lock that the kernel drops with its process, so a kill -9 leaves none behind."""
    with (directory / "lock").open("a+") as lock:
        _take(lock, directory)
        _write(lock, str(os.getpid()))
        try:
            yield
        finally:
            _write(lock, ENDING)


def mark_ending(directory: Path) -> None:
    """Tells whoever starts next that this run, which holds the lock, is about to let it go."""
    (directory / "lock").write_text(ENDING, encoding="utf-8")


def _take(lock: IO[str], directory: Path) -> None:
    begun = time.monotonic()
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip()
            patience = ENDING_PATIENCE if holder == ENDING else NOTICING_PATIENCE
            if time.monotonic() - begun > patience:
                raise StartError(
                    f"Sulcus is running from {directory} already (process {holder or 'unknown'}). "
                    "Please end that one first."
                ) from error
        time.sleep(0.2)


def _write(lock: IO[str], text: str) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(text)
    lock.flush()
