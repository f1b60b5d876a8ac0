"""The command ``packetids``, which ``pip install`` gives: one subcommand for each tool.

A subcommand is a module with two functions: ``make_parser(program)`` returns its argument parser,
and ``command(arguments, program)`` does the work and returns the exit status. A module is imported
only when its subcommand is called, because imports take most of the time of a short run.
"""

import argparse
import importlib
import os
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from packetids.version import __version__

PROGRAM = "packetids"
SHELLS = ("bash", "zsh", "tcsh")  # supported by shtab; tests press Tab in bash only
FILES, FOLDERS = ("IN", "OUT", "FILE.csv"), ("FOLDER",)  # the names of arguments that are paths


@dataclass(frozen=True)
class Subcommand:
    """A tool of its own."""

    module: str
    summary: str  # one line for the list of subcommands

    def load(self) -> ModuleType:
        """Import the module."""
        return importlib.import_module(self.module)


SUBCOMMANDS = {
    "extract": Subcommand("packetids.extract.__main__", "write packet fields to Parquet"),
    "compare-readers": Subcommand(
        "packetids.compare_readers", "compare two readers cell by cell on the same captures"
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the subcommand that the first argument names; return the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in SUBCOMMANDS:
        name, *rest = given
        status: int = SUBCOMMANDS[name].load().command(rest, f"{PROGRAM} {name}")
        return status
    parser, _ = _parser()
    options, _ = parser.parse_known_args(given)
    if options.print_completion:
        return _print_completion(options.print_completion)
    parser.error("COMMAND needs to come first: " + ", ".join(SUBCOMMANDS))


def _parser() -> tuple[argparse.ArgumentParser, "argparse._SubParsersAction[Any]"]:
    """Return the parser of what comes before a subcommand, and the action that holds those."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Tools for packet captures.",
        epilog=f"{PROGRAM} COMMAND --help lists a command's arguments.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument(
        "--print-completion", choices=SHELLS, metavar="SHELL",
        help=f"print a script that completes this command in a shell: {', '.join(SHELLS)}",
    )  # fmt: skip
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, subcommand in SUBCOMMANDS.items():
        subparsers.add_parser(name, help=subcommand.summary, add_help=False)
    return parser, subparsers


def _print_completion(shell: str) -> int:
    try:
        import shtab
    except ImportError:
        print(
            f"{PROGRAM}: error: --print-completion needs the package shtab, which is not "
            "installed: pip install shtab",
            file=sys.stderr,
        )
        return 1
    parser, subparsers = _parser()
    for name, subcommand in SUBCOMMANDS.items():
        subparser = subcommand.load().make_parser(f"{PROGRAM} {name}")
        for action in subparser._actions:
            if action.metavar in FILES:
                action.complete = shtab.FILE
            elif action.metavar in FOLDERS:
                action.complete = shtab.DIRECTORY
        subparsers.choices[name] = subparser
    try:
        print(shtab.complete(parser, shell), flush=True)
    except BrokenPipeError:  # the reader, such as head, has enough; nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
