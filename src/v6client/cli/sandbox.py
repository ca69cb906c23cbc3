"""``v6client sandbox``: a network that stays up until Ctrl-C, and tasks to run in it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from v6client.errors import ConfigurationError

if TYPE_CHECKING:
    from v6client.sandbox import Sandbox

_UP_EXAMPLES = """examples:
  v6client sandbox up
  v6client sandbox up --organizations 3 --database default=patients.csv
  v6client sandbox up --database 1:default=north.csv --database 2:default=south.csv \\
      --python-path ./src --algorithm average=my_package.average
"""
_RUN_EXAMPLES = """examples:
  v6client sandbox run --image my_package.average --method central --organization 1 \\
      --database default --kwargs '{"column": "age"}'
  v6client sandbox run --image v6client.sandbox.algorithm --method echo --args '["hello"]' \\
      --organization 1 --organization 2
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``v6client sandbox`` to a parser."""
    commands = parser.add_subparsers(dest="sandbox_command", required=True, metavar="command")
    _configure_up(commands)
    _configure_run(commands)


def _configure_up(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    up = commands.add_parser(
        "up",
        help="start a network, and stop it on Ctrl-C",
        description="Start a vantage6-compatible network on this machine; stop it with Ctrl-C.",
        epilog=_UP_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    up.add_argument(
        "--organizations", type=int, default=4, metavar="N", help="how many (default: 4)"
    )
    up.add_argument(
        "--database",
        action="append",
        default=[],
        metavar="[ORGANIZATION:]LABEL=PATH",
        help="a file that every node offers, or the node of one organization; repeatable",
    )
    up.add_argument(
        "--algorithm",
        action="append",
        default=[],
        metavar="IMAGE=MODULE",
        help="the Python module that stands for an image; repeatable. A module's own name is an"
        " image without this",
    )
    up.add_argument(
        "--encrypted",
        action="store_true",
        help="encrypt inputs and results from one organization to another; each has its key in the"
        " directory",
    )
    up.add_argument(
        "--blobs",
        action="store_true",
        help="keep inputs and results as blobs, as a server with a large_result_store does",
    )
    up.add_argument(
        "--faults",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="let this share of the requests of algorithms meet a transient fault, from 0 to 1",
    )
    up.add_argument("--seed", type=int, default=1, help="another one gives other faults")
    up.add_argument(
        "--python-path",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="where algorithms find modules, besides what is installed; repeatable",
    )
    _add_directory(up)


def _configure_run(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    run_parser = commands.add_parser(
        "run",
        help="run a task in the network that is up",
        description="Create a task in the running network, show its progress and its results.",
        epilog=_RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run_parser.add_argument("--image", required=True, help="the algorithm's image or module")
    run_parser.add_argument("--method", required=True, help="the function to call")
    run_parser.add_argument(
        "--organization",
        action="append",
        required=True,
        type=int,
        metavar="ID",
        help="where it runs; repeatable",
    )
    run_parser.add_argument(
        "--database", action="append", default=[], metavar="LABEL", help="repeatable"
    )
    run_parser.add_argument("--args", default="[]", metavar="JSON", help="positional arguments")
    run_parser.add_argument("--kwargs", default="{}", metavar="JSON", help="named arguments")
    run_parser.add_argument(
        "--timeout",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="how long to wait (default: 3600)",
    )
    _add_directory(run_parser)


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--directory",
        type=Path,
        default=_default_directory(),
        metavar="DIR",
        help="where the network keeps everything (default: %(default)s)",
    )


def _default_directory() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "v6client" / "sandbox"


def run(arguments: argparse.Namespace) -> int:
    """Carry out ``v6client sandbox``; give the exit status."""
    if arguments.sandbox_command == "up":
        return _up(arguments)
    # Only here: the command's help needs nothing of the sandbox.
    from v6client.cli.sandbox_run import run_task  # noqa: PLC0415

    return run_task(arguments)


def _up(arguments: argparse.Namespace) -> int:
    missing = [name for name in ("flask", "gevent") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} not installed; type: pip install 'v6client[sandbox]'"
        )
    # Only here: the command's help needs nothing of the sandbox.
    from v6client.sandbox import Sandbox  # noqa: PLC0415
    from v6client.sandbox.faults import Faults  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sandbox = Sandbox(
        arguments.organizations,
        databases=_databases(arguments.database, arguments.organizations),
        algorithms=dict(_pair("--algorithm", text) for text in arguments.algorithm),
        python_path=arguments.python_path,
        encrypted=arguments.encrypted,
        blob_store=arguments.blobs,
        directory=arguments.directory,
        faults=Faults(arguments.faults, arguments.seed) if arguments.faults else None,
    )
    with sandbox:
        sys.stdout.write(_welcome(sandbox, arguments.directory))
        sys.stdout.flush()
        # In slices: where a wait without an end cannot be interrupted, Ctrl-C still works.
        while not stop.wait(0.5):
            pass
        sys.stdout.write("\nstopping\n")
    return 0


def _databases(texts: list[str], organizations: int) -> list[dict[str, str]]:
    databases: list[dict[str, str]] = [{} for _ in range(organizations)]
    for text in texts:
        label, path = _pair("--database", text)
        number, separator, rest = label.partition(":")
        if not separator:
            for entry in databases:
                entry[label] = path
            continue
        if not (number.isdecimal() and 1 <= int(number) <= organizations):
            raise ConfigurationError(
                f"--database {text}: {number!r} is no organization; ids are 1 to {organizations}"
            )
        databases[int(number) - 1][rest] = path
    return databases


def _pair(option: str, text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise ConfigurationError(f"{option} {text}: write it as name=value")
    return name, value


def _welcome(sandbox: Sandbox, directory: Path) -> str:
    rows = [
        ("id", "organization", "proxy"),
        *(
            (str(entry.id), entry.name, f"{entry.proxy_host}:{entry.proxy_port}")
            for entry in sandbox.organizations
        ),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    table = "\n".join(f"  {row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows)
    option = "" if directory == _default_directory() else f" --directory {directory}"
    return (
        f"server  {sandbox.server_url}\n"
        f"login   {sandbox.login_file}\n\n"
        f"{table}\n\n"
        "In another terminal:\n"
        f"  v6client sandbox run{option} --image v6client.sandbox.algorithm --method echo"
        " --args '[\"hello\"]' --organization 1\n\n"
        "Ctrl-C stops the network.\n"
    )
