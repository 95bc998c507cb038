"""The embedded PostgreSQL and Redis: real ones, also after a kill -9 and below a closed folder."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
import redis

from clinic.local.postgres import _copied_install, _packaged_install, tidy_up
from clinic.local.processes import StartError, end_orphans, start_child, stop_child
from clinic.local.secrets import kept_secret
from clinic.local.services import local_services, start_service
from clinic.local.supervisor import Supervisor

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _by_ourselves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("DATABASE_URL", "REDIS_URL", "MAKELEVEL"):
        monkeypatch.delenv(name, raising=False)
    yield
    tidy_up(tmp_path)


def ask(url: str, question: str) -> object:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "this took too long"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def outer(directory: Path) -> subprocess.Popen[str]:
    """A run of the services in a process of its own that can be killed."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "clinic.local", "exec", "--directory", str(directory)),
            *("--", "sh", "-c", "echo $DATABASE_URL; exec sleep 60"),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgres://")
    return process


def recorded(directory: Path) -> dict[str, int]:
    return {p.stem: int(p.read_text().split()[0]) for p in (directory / "run").glob("*.pid")}


def test_what_the_database_holds_is_there_at_the_next_start(tmp_path: Path) -> None:
    with local_services(tmp_path) as addresses:
        ask(addresses.database_url, "CREATE TABLE kept AS SELECT 'héllo'::text AS word")
        assert redis.from_url(addresses.redis_url).ping()
        pids = recorded(tmp_path)
    assert set(pids) == {"postgres", "redis"}
    assert not any(is_alive(pid) for pid in pids.values())
    with local_services(tmp_path) as addresses:
        assert ask(addresses.database_url, "SELECT upper(word) FROM kept") == "HÉLLO"


def test_a_kill_of_the_top_leaves_nothing_that_stops_the_next_start(tmp_path: Path) -> None:
    process = outer(tmp_path)
    pids = recorded(tmp_path)
    process.kill()
    process.wait()
    with local_services(tmp_path) as addresses:
        assert ask(addresses.database_url, "SELECT 1") == 1
        assert not any(is_alive(pid) for pid in pids.values())


def test_a_kill_of_everything_leaves_nothing_that_stops_the_next_start(tmp_path: Path) -> None:
    process = outer(tmp_path)
    for pid in (process.pid, *recorded(tmp_path).values()):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    with local_services(tmp_path) as addresses:
        assert ask(addresses.database_url, "SELECT 1") == 1


def test_a_first_start_that_was_cut_off_is_made_good(tmp_path: Path) -> None:
    half = tmp_path / "postgres.half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with local_services(tmp_path) as addresses:
        assert ask(addresses.database_url, "SELECT 1") == 1


def test_a_service_that_died_comes_back_at_the_same_address(tmp_path: Path) -> None:
    with local_services(tmp_path) as addresses:
        before = addresses.environment()
        for name in ("postgres", "redis"):
            os.kill(addresses.started[name].process.pid, signal.SIGKILL)
        wait_for(lambda: len(addresses.dead()) == 2)
        for name in addresses.dead():
            start_service(name, addresses, tmp_path)
        assert addresses.environment() == before
        assert ask(addresses.database_url, "SELECT 1") == 1
        assert redis.from_url(addresses.redis_url).ping()


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    with (
        local_services(tmp_path),
        pytest.raises(StartError, match=f"process {os.getpid()}"),
        local_services(tmp_path),
    ):
        pytest.fail("a second server on the same data")


def test_servers_named_in_the_environment_are_used_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me@db.example/sulcus")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example/1")
    with local_services(tmp_path) as addresses:
        assert addresses.database_url == "postgres://me@db.example/sulcus"
        assert addresses.redis_url == "redis://cache.example/1"
        assert not recorded(tmp_path)


def test_a_terminated_exec_ends_its_command_and_its_services(tmp_path: Path) -> None:
    process = outer(tmp_path)
    pids = recorded(tmp_path)
    process.terminate()
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert not any(is_alive(pid) for pid in pids.values())


def test_strangers_are_kept_out(tmp_path: Path) -> None:
    with local_services(tmp_path) as addresses:
        folder = Path(addresses.database_url.rpartition("host=")[2])
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert ask(addresses.database_url, "SHOW listen_addresses") == ""
        port = addresses.redis_url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(redis.AuthenticationError):
            redis.from_url(f"redis://127.0.0.1:{port}/0").ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that postgres cannot pass")
def test_root_runs_below_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    directory = tmp_path / "var"
    with local_services(directory) as addresses:
        ask(addresses.database_url, "CREATE TABLE kept AS SELECT 1")
        ask(addresses.database_url, "SELECT pg_reload_conf()")
    assert (directory / "postgres" / "PG_VERSION").exists()
    with local_services(directory, throwaway=False) as addresses:
        assert ask(addresses.database_url, "SELECT * FROM kept") == 1
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that postgres cannot pass")
def test_the_binaries_are_copied_out_of_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    package = _packaged_install()
    places = [_copied_install(package, tmp_path) for _ in range(2)]
    assert places[0] == places[1]
    initdb = [str(places[0] / "bin" / "initdb"), "--version"]
    told = subprocess.run(initdb, user=65534, group=65534, capture_output=True, text=True)
    assert told.stdout.startswith("initdb (PostgreSQL)"), told.stderr


def test_a_stranger_with_an_orphans_number_is_left_alone(tmp_path: Path) -> None:
    child = start_child("web", ["sleep", "60"], records=tmp_path, log=tmp_path / "web.log")
    written = child.record.read_text()
    child.record.write_text(f"{child.process.pid} 1\n")
    assert end_orphans(tmp_path) == []
    assert not child.has_ended
    child.record.write_text(written)
    assert end_orphans(tmp_path) == ["web"]
    assert child.process.wait(timeout=5) == -signal.SIGTERM
    stop_child(child, first=signal.SIGTERM, patience=0)


def test_a_taken_port_is_told_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} is taken"):
            Supervisor("127.0.0.1", port, tmp_path)._check_port()


def test_a_process_that_keeps_dying_is_given_up_in_words(tmp_path: Path) -> None:
    supervisor = Supervisor("127.0.0.1", 1, tmp_path)
    assert [supervisor._note_death("web") for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(StartError, match=r"web process keeps ending; .*web\.log says why"):
        supervisor._note_death("web")


def test_a_secret_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: kept_secret(path), range(32)))
    assert len(secrets) == 1
    assert len(secrets.pop()) >= 48
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
