"""The command line, ``python -m ml``: train, evaluate, compare, ship, benchmark, and more."""

from __future__ import annotations

import argparse
import sys

from ml.commands import (
    benchmark,
    calibrate,
    calibrate_types,
    classify,
    compare,
    crossvalidate,
    evaluate,
    measure,
    segment,
    ship,
    shortcuts,
    split,
    train,
)
from ml.datasets.cases import DatasetError
from ml.errors import InvalidVolumeError, NoModelError

# What is said in words, without a trace.
EXPECTED = (
    InvalidVolumeError,
    NoModelError,
    DatasetError,
    OSError,
    ValueError,
    FloatingPointError,
)

COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "compare": compare,
    "crossvalidate": crossvalidate,
    "segment": segment,
    "classify": classify,
    "measure": measure,
    "split": split,
    "ship": ship,
    "calibrate": calibrate,
    "calibrate-types": calibrate_types,
    "shortcuts": shortcuts,
    "benchmark": benchmark,
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.__doc__, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except FileNotFoundError as error:
        print(f"There is no file {error.filename}." if error.filename else error, file=sys.stderr)
        return 1
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
