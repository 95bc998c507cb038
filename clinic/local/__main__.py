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
    command: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: object) -> None:
        """Before there is a command, the services that already run are ended on the way out."""
        if not command:
            sys.exit(128 + number)
        command[0].send_signal(number)

    # Set before anything is started: what arrives in between must not leave services behind.
    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    with local_services(directory, throwaway=options.throwaway) as addresses:
        environment = addresses.environment()
        environment["SULCUS_VAR"] = str(directory)
        command.append(
            subprocess.Popen(argv, env=environment, preexec_fn=die_with_parent(signal.SIGTERM))
        )
        if sys.stdin is not None and sys.stdin.isatty():
            # A terminal's Ctrl-C reaches the command by itself.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _exit_status(command[0].wait())


def _exit_status(returncode: int) -> int:
    """As a shell tells it: 128 and the signal's number where a signal ended the command."""
    return returncode if returncode >= 0 else 128 - returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
