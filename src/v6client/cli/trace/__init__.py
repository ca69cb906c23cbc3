"""``v6client trace``: a job as a tree with a waterfall, from trace files or from the server."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.reading import Reading, read_files
from v6client.cli.trace.rebuild import Rebuilt, rebuilt
from v6client.cli.trace.story import Story
from v6client.cli.trace.texts import count, plain
from v6client.errors import ConfigurationError

_DIGITS: Final = 19
_EXAMPLES: Final = """examples:
  v6client trace traces/                          all files of a folder that containers wrote to
  v6client trace traces/ --html report.html       the same, also as a page to keep or send
  v6client trace --job 12                         a past job, from the server: in a container
  v6client trace --job 12 --server https://server.example/api
                                                  the same on a laptop; asks for your login
  v6client trace --job 12 --server https://server.example/api --login login.json \\
      --otlp http://localhost:4318                completes the job's trace in a backend
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="a trace file, or a folder of some: what V6CLIENT_TRACE_FILE or the collector's file "
        "exporter writes",
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page, too: one file, no network needed"
    )
    parser.add_argument(
        "--full", action="store_true", help="show each row in the terminal, however many there are"
    )
    _add_server(parser)


def _add_server(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "a past job, from the server",
        "No instrumentation is needed. In a container its token is taken; elsewhere you log\n"
        "  in. Nothing is stored; inputs, results and logs are not kept.",
    )
    group.add_argument(
        "--job", type=_job_id, metavar="ID", help="the job; with files, they are added"
    )
    group.add_argument("--server", default="", metavar="URL", help="with the API's path")
    group.add_argument(
        "--login",
        type=Path,
        metavar="FILE",
        help='a file for you alone, with {"username": …, "password": …}; without it you are asked',
    )
    group.add_argument("--username", default="", metavar="NAME", help="asks for the password alone")
    group.add_argument(
        "--token-file", type=Path, metavar="FILE", help="a container's token, instead of a login"
    )
    group.add_argument(
        "--otlp",
        default="",
        metavar="URL",
        help="send there, by OTLP over HTTP, the spans that a backend may lack; with files, those "
        "that the files lack",
    )
    group.add_argument(
        "--otlp-all",
        action="store_true",
        help="send those, too, that the containers have most likely exported themselves",
    )


def _job_id(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < len(text) < _DIGITS:
        raise argparse.ArgumentTypeError("a job's id is a whole number, such as 12")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Show the jobs."""
    _check(arguments)
    reading = Reading()
    found: Rebuilt | None = None
    if arguments.files:
        reading = read(arguments.files)
    live = frozenset(reading.records)
    if arguments.job is not None:
        found = _from_server(arguments)
        reading.add(found.records)
    stories = stories_of(reading)
    if arguments.html is not None:
        write_page(arguments.html, stories, reading)
    from v6client.cli.trace.terminal import show  # noqa: PLC0415 - rich takes a while

    show(stories, full=arguments.full)
    _tell(reading)
    if arguments.html is not None:
        _note(f"the page is {plain(str(arguments.html))}")
    if found is not None and arguments.otlp:
        _complete(found, live, arguments)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what makes no sense together, and say what was meant."""
    if arguments.job is None:
        for name in ("server", "login", "username", "token_file", "otlp", "otlp_all"):
            if getattr(arguments, name):
                option = name.replace("_", "-")
                raise ConfigurationError(f"--{option} goes with --job: which job is it?")
    if not arguments.files and arguments.job is None:
        raise ConfigurationError(
            "give a trace file or a folder of some, or a job: 'v6client trace traces/' or "
            "'v6client trace --job 12'. See 'v6client trace --help'."
        )
    if arguments.otlp_all and not arguments.otlp:
        raise ConfigurationError("--otlp-all goes with --otlp URL: where to?")
    if arguments.login is not None and arguments.token_file is not None:
        raise ConfigurationError("give --login or --token-file, not both.")


def _from_server(arguments: argparse.Namespace) -> Rebuilt:
    from v6client.cli.trace.server import Access, reader_for  # noqa: PLC0415 - where it is asked

    access = Access(arguments.server, arguments.login, arguments.token_file, arguments.username)
    reader = reader_for(access, os.environ)
    try:
        return rebuilt(reader.job(arguments.job), now=time.time())
    finally:
        reader.close()


def _complete(
    found: Rebuilt, live: Collection[tuple[str, str]], arguments: argparse.Namespace
) -> None:
    from v6client.cli.trace.otlp import send  # noqa: PLC0415 - only where it is asked for
    from v6client.container.environment import decode_environment  # noqa: PLC0415 - the same

    # Files tell exactly what was exported; without them it follows from how containers ended.
    wanted = found.sendable if arguments.otlp_all or arguments.files else found.missing
    records = [one for one in wanted if (one.trace_id, one.span_id) not in live]
    if not records:
        _note("nothing is missing, as far as the server tells: nothing was sent")
        return
    taken = send(records, arguments.otlp, decode_environment(os.environ))
    _note(f"{count(taken, 'span')} of {len(records):,} that may be missing taken by the backend")


def read(files: Iterable[Path]) -> Reading:
    """Read files."""
    with _no_collector():
        return read_files(files)


def stories_of(reading: Reading) -> list[Story]:
    """Tell the jobs that were read.

    Raises
    ------
    ConfigurationError
        When there is none.
    """
    with _no_collector():
        stories = [Story.of(job) for job in jobs_of(reading.records.values(), reading.foreign)]
    if not stories:
        raise ConfigurationError(_no_job(reading))
    return stories


@contextmanager
def _no_collector() -> Iterator[None]:
    # A million small objects, none of them garbage: looking for some takes half of the time.
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def write_page(path: Path, stories: Sequence[Story], reading: Reading) -> None:
    """Write the page of jobs.

    Raises
    ------
    ConfigurationError
        When it cannot be written.
    """
    from v6client.cli.trace.report import page_of  # noqa: PLC0415 - only where it is wanted

    try:
        path.write_text(page_of(stories, reading.problems), "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"the page cannot be written to {plain(str(path))} ({type(error).__name__})."
        ) from None


def _no_job(reading: Reading) -> str:
    if reading.records:
        return (
            f"there are {count(len(reading.records), 'span')}, but none tells of a task or a run: "
            "no container of a job exported these."
        )
    if reading.foreign:
        return (
            f"there are {count(len(reading.foreign), 'span')}, but none is of v6client. Containers "
            "export theirs with V6CLIENT_TRACE_FILE or OTEL_EXPORTER_OTLP_ENDPOINT."
        )
    return "there is telemetry, but no span: metrics or logs alone make no tree."


def _tell(reading: Reading) -> None:
    """Say on standard error what was not read."""
    notes = list(reading.problems)
    if reading.foreign:
        notes.append(f"{count(len(reading.foreign), 'span')} of other libraries not shown")
    for note in notes:
        _note(note)


def _note(text: str) -> None:
    sys.stderr.write(f"v6client trace: {text}\n")
