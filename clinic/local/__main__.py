"""``python -m clinic.local run`` and ``python -m clinic.local exec -- COMMAND``."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from clinic.local.processes import StartError, die_with_parent
from clinic.local.services import local_services
from clinic.local.supervisor import ROOT, Supervisor


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m clinic.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="everything, until Ctrl-C")
    run.add_argument("--host", default="127.0.0.1")
    run.add_argument("--port", type=int, default=8000)
    inside = commands.add_parser("exec", help="one command with PostgreSQL and Redis beside it")
    inside.add_argument("--directory", type=Path, default=ROOT / "var" / "exec")
    inside.add_argument("--throwaway", action="store_true", help="with an empty database")
    inside.add_argument("argv", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    try:
        if options.command == "run":
            directory = Path(os.environ.get("SULCUS_VAR", ROOT / "var"))
            return Supervisor(options.host, options.port, directory.resolve()).run()
        return _execute(options)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


def _execute(options: argparse.Namespace) -> int:
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    directory = options.directory.resolve()
    with local_services(directory, throwaway=options.throwaway) as addresses:
        environment = addresses.environment()
        environment["SULCUS_VAR"] = str(directory)
        process = subprocess.Popen(
            argv, env=environment, preexec_fn=die_with_parent(signal.SIGTERM)
        )
        # A terminal's Ctrl-C reaches the command by itself; what is sent to us alone is passed on.
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        if sys.stdin is not None and sys.stdin.isatty():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        else:
            signal.signal(signal.SIGINT, lambda *_: process.send_signal(signal.SIGINT))
        return _exit_status(process.wait())


def _exit_status(returncode: int) -> int:
    """As a shell tells it: 128 and the signal's number where a signal ended the command."""
    return returncode if returncode >= 0 else 128 - returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
