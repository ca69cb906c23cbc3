"""``v6client doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from typing import Final

from v6client.cli.addresses import http_parts
from v6client.cli.doctor.check import Check, State, note
from v6client.cli.doctor.export import check_export
from v6client.cli.doctor.reach import check_container, check_server
from v6client.cli.doctor.surroundings import (
    check_files,
    check_settings,
    check_token,
    check_variables,
    check_versions,
    is_container,
)
from v6client.cli.doctor.table import write_json, write_table
from v6client.container.environment import MARK, ContainerEnvironment

_EXAMPLES: Final = """examples:
  python -m v6client doctor                inside a container: all that an algorithm needs
  v6client doctor                          on a laptop: versions, settings, the collector
  v6client doctor --server https://server.example/api
  v6client doctor --json                   for a program

The exit status is 1 if a check failed. No value of a variable, no label of a database, no header
and no address is printed: a container's output is the run's log, which the researcher reads.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.add_argument(
        "--server", default="", metavar="URL", help="try this server, too, outside of a container"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check, and write what was found; 1 where something does not work."""
    found = list(_checks(arguments.server))
    inside = is_container(os.environ)
    if arguments.json:
        write_json(found, is_container=inside, file=sys.stdout)
    else:
        write_table(found, is_container=inside, file=sys.stdout, environ=os.environ)
    return int(any(one.state is State.BAD for one in found))


def _checks(server: str) -> Iterator[Check]:
    environment = ContainerEnvironment.of(os.environ)
    yield from check_versions()
    if is_container(os.environ):
        yield from check_variables(environment, was_decoded=MARK in os.environ)
        yield from check_files(environment)
        token_check, identity, token = check_token(environment, time.time())
        yield token_check
        yield from check_container(environment, identity, token)
    else:
        yield note("container", "this is none: TOKEN_FILE is not set")
    if server:
        parts = http_parts(server)
        host, path = (f"{parts.scheme}://{parts.netloc}", parts.path) if parts else ("", "")
        yield from check_server(host, path)
    yield check_settings(environment.variables)
    yield from check_export(environment.variables)
