"""`make run`: services, database, demo data, web server, worker and beat, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from clinic.local.processes import Child, StartError, die_with_parent, start_child, stop_child
from clinic.local.secrets import kept_secret
from clinic.local.services import Addresses, local_services, mark_ending, start_service

ROOT = Path(__file__).resolve().parent.parent.parent
READY_PATIENCE = 90.0
QUICK_DEATHS = 5
QUICK = 10.0
# Together with those of the services, well under the half minute that a Ctrl-C may take.
PATIENCE = {"web": 5.0, "worker": 7.0, "beat": 4.0}
DEMO_USERS = ("admin", "clinician", "viewer")


@dataclass
class Supervisor:
    """Keeps three processes alive, and ends them together."""

    host: str
    port: int
    directory: Path
    stopping: threading.Event = field(default_factory=threading.Event)
    children: dict[str, Child] = field(default_factory=dict)
    deaths: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    # Under `make`, whose kill -9 does not reach us: its end is ours.
    parent: int | None = field(
        default_factory=lambda: os.getppid() if "MAKELEVEL" in os.environ else None
    )

    def run(self) -> int:
        """Runs until a signal asks it to stop. Raises StartError where it cannot start."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        with local_services(self.directory) as addresses:
            # Only now: a web server that an earlier run has left behind has been ended.
            self._check_port()
            environment = self._environment(addresses.environment())
            try:
                self._prepare(environment)
                # The web server first and alone: two cores load four processes slowly at once.
                self._start_all(environment, "web")
                self._wait_until_ready()
                self._start_all(environment, "worker", "beat")
                self._announce(environment)
                self._watch(environment, addresses)
            finally:
                mark_ending(self.directory)
                self._stop_all()
        print("Stopped.")
        return 0

    def _on_signal(self, *_: object) -> None:
        if self.stopping.is_set():
            for child in self.children.values():
                stop_child(child, first=signal.SIGKILL, patience=0.2)
            return
        self.stopping.set()
        print("\nStopping ...", flush=True)

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise StartError(
                    f"Port {self.port} is taken. Please end what uses it, "
                    "or choose another one: make run PORT=8001"
                ) from error

    def _environment(self, environment: dict[str, str]) -> dict[str, str]:
        environment.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings.local")
        environment["SULCUS_VAR"] = str(self.directory)
        environment["PYTHONUNBUFFERED"] = "1"
        if not environment.get("DEMO_PASSWORD"):
            environment["DEMO_PASSWORD"] = kept_secret(self.directory / "demo_password", length=9)
        return environment

    def _prepare(self, environment: dict[str, str]) -> None:
        for command in (
            ("migrate", "--verbosity", "0"),
            ("collectstatic", "--noinput", "--verbosity", "0"),
            ("demo",),
        ):
            if self._manage(command, environment) != 0 and not self._is_to_stop():
                raise StartError(f"`manage.py {command[0]}` failed; its message stands above.")

    def _manage(self, command: tuple[str, ...], environment: dict[str, str]) -> int:
        """Runs one command in a session of its own, so that a Ctrl-C reaches it through us."""
        if self._is_to_stop():
            return 1
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        while process.poll() is None:
            if self._is_to_stop():
                process.terminate()
            time.sleep(0.1)
        return process.returncode

    def _is_to_stop(self) -> bool:
        if self.parent is not None and os.getppid() != self.parent:
            self.stopping.set()
        return self.stopping.is_set()

    def _start_all(self, environment: dict[str, str], *names: str) -> None:
        for name in names:
            if not self._is_to_stop():
                self._start(name, environment)

    def _start(self, name: str, environment: dict[str, str]) -> None:
        if name == "beat":
            # A schedule file that a kill -9 has cut off would stop beat from starting.
            for leftover in self.directory.glob("celerybeat-schedule*"):
                leftover.unlink(missing_ok=True)
        self.children[name] = start_child(
            name,
            self._command(name),
            records=self.directory / "run",
            log=self.directory / "log" / f"{name}.log",
            environment=environment,
        )

    def _command(self, name: str) -> list[str]:
        python = sys.executable
        if name == "web":
            return [
                *(python, "-m", "gunicorn", "clinic.wsgi:application"),
                *("--bind", f"{self.host}:{self.port}", "--worker-class", "gthread"),
                *("--workers", "2", "--threads", "8", "--timeout", "120"),
                *("--graceful-timeout", "4", "--access-logfile", "-"),
                # Its place is one for all runs of a user, and we stop it by signals.
                "--no-control-socket",
            ]
        celery = [python, "-m", "celery", "-A", "clinic"]
        if name == "worker":
            return [*celery, "worker", "--concurrency", "1", "--loglevel", "INFO"]
        return [*celery, "beat", "--loglevel", "INFO", "--pidfile", ""]

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + READY_PATIENCE
        while time.monotonic() < until and not self._is_to_stop():
            if self.children["web"].has_ended:
                break
            try:
                with urllib.request.urlopen(f"{self._address()}/health/", timeout=2):  # noqa: S310
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        if not self.stopping.is_set():
            raise StartError(
                f"The web server did not start; {self.directory}/log/web.log says why."
            )

    def _address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def _announce(self, environment: dict[str, str]) -> None:
        if self.stopping.is_set():
            return
        print(f"\n  Sulcus is running at {self._address()}")
        print(f"  Sign in as {', '.join(DEMO_USERS)}; password: {environment['DEMO_PASSWORD']}")
        print(
            f"  Logs are in {os.path.relpath(self.directory / 'log')}/. Ctrl-C ends it.\n",
            flush=True,
        )

    def _watch(self, environment: dict[str, str], addresses: Addresses) -> None:
        while not self.stopping.wait(0.5) and not self._is_to_stop():
            for name in addresses.dead():
                self._note_death(name)
                start_service(name, addresses, self.directory)
            for name, child in list(self.children.items()):
                if child.has_ended and not self.stopping.is_set():
                    self._restart(name, environment)

    def _restart(self, name: str, environment: dict[str, str]) -> None:
        recent = self._note_death(name)
        stop_child(self.children[name], first=signal.SIGKILL, patience=0.2)
        if not self.stopping.wait(min(5.0, recent)):
            self._start(name, environment)

    def _note_death(self, name: str) -> int:
        """How many deaths of this process came just before. Raises StartError at too many."""
        now = time.monotonic()
        recent = [death for death in self.deaths[name] if now - death < QUICK * QUICK_DEATHS]
        self.deaths[name] = [*recent, now]
        if len(recent) >= QUICK_DEATHS:
            raise StartError(
                f"The {name} process keeps ending; {self.directory}/log/{name}.log says why."
            )
        print(f"The {name} process ended and is started again.", flush=True)
        return len(recent)

    def _stop_all(self) -> None:
        """All are asked first and then waited for, so that their patience runs side by side."""
        for child in self.children.values():
            if not child.has_ended:
                child.process.send_signal(signal.SIGTERM)
        for name, child in self.children.items():
            stop_child(child, first=signal.SIGCONT, patience=PATIENCE[name])
