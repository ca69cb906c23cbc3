"""The command ``v6client``."""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import Final

from v6client._version import __version__
from v6client.errors import V6ClientError

# A command's module is imported when it is called, so that one does not pay for another's needs.
_COMMANDS: Final = {
    "sandbox": "a whole vantage6 network on this machine",
    "demo": "a federated analysis of real data, on the sandbox",
    "trace": "a job as a tree with a waterfall, from trace files or from the server",
    "loadtest": "containers that load a node's proxy, and what becomes of it",
    "doctor": "what works here, what does not, and what to do about it",
}

_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        The command line without the program's name; the process's own by default.

    Returns
    -------
    int
        The exit status: 0 for success, 1 for an error that is explained on standard error, 2
        for a wrong command line, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="v6client",
        description="Tools around the vantage6 algorithm client v6client.",
        epilog="Inside an algorithm container, 'python -m v6client' without arguments runs the "
        "algorithm that PKG_NAME names.",
    )
    parser.add_argument("--version", action="version", version=f"v6client {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in words if not word.startswith("-")), None)
    if chosen is not None and chosen not in _COMMANDS:
        parser.error(_unknown(chosen))
    modules = {}
    for name, text in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            modules[name] = importlib.import_module(f"v6client.cli.{name}")
            modules[name].configure(command)
    parsed = parser.parse_args(words)
    try:
        return int(modules[parsed.command].run(parsed))
    except V6ClientError as error:
        print(f"v6client {parsed.command}: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word, _COMMANDS, n=1)
    meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_COMMANDS)}."
    # What somebody typed may hold what a terminal would obey.
    return f"there is no command {word[:40]!a}; {meant}"
