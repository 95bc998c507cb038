"""PostgreSQL and Redis for as long as a block lasts."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clinic.local.postgres import forget_data, start_postgres
from clinic.local.processes import Child, StartError, end_orphans, stop_child
from clinic.local.redis import start_redis


@dataclass(frozen=True)
class Addresses:
    """Where the services are, in the form that the settings read."""

    database_url: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        """Our own environment with these addresses in it."""
        return {**os.environ, "DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextmanager
def local_services(directory: Path, *, throwaway: bool = False) -> Iterator[Addresses]:
    """Starts what the environment does not name and stops it at the end.

    ``DATABASE_URL`` and ``REDIS_URL`` are used as they are where they are set. ``throwaway``
    starts with an empty database. Raises StartError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    children: list[Child] = []
    with _only_one(directory):
        end_orphans(directory / "run")
        if throwaway:
            forget_data(directory)
            shutil.rmtree(directory / "log", ignore_errors=True)
        try:
            database_url = os.environ.get("DATABASE_URL", "")
            if not database_url:
                child, database_url = start_postgres(directory, throwaway=throwaway)
                children.append(child)
            redis_url = os.environ.get("REDIS_URL", "")
            if not redis_url:
                child, redis_url = start_redis(directory)
                children.append(child)
            yield Addresses(database_url, redis_url)
        finally:
            for child in reversed(children):
                polite = signal.SIGINT if child.name == "postgres" else signal.SIGTERM
                stop_child(child, first=polite, patience=8)
            if throwaway:
                forget_data(directory)


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """A lock that the kernel drops with its process, so a kill -9 leaves none behind."""
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"Sulcus is running from {directory} already. Please end that one first."
            ) from error
        yield
