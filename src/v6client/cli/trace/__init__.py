"""``v6client trace``: a job as a tree with a waterfall, from trace files or from the server."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.reading import Reading, read_files
from v6client.cli.trace.story import Story
from v6client.cli.trace.texts import count, plain
from v6client.errors import ConfigurationError

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


def run(arguments: argparse.Namespace) -> int:
    """Show the jobs."""
    if not arguments.files:
        raise ConfigurationError("give a trace file or a folder of some.")
    stories, reading = stories_in(arguments.files)
    if arguments.html is not None:
        write_page(arguments.html, stories, reading)
    from v6client.cli.trace.terminal import show  # noqa: PLC0415 - rich takes a while

    show(stories, full=arguments.full)
    _tell(reading)
    if arguments.html is not None:
        sys.stderr.write(f"v6client trace: the page is {plain(str(arguments.html))}\n")
    return 0


def stories_in(files: Iterable[Path]) -> tuple[list[Story], Reading]:
    """Read files, and tell the jobs in them.

    Raises
    ------
    ConfigurationError
        When a file cannot be read, or none tells of a job.
    """
    # A million small objects, none of them garbage: looking for some takes half of the time.
    gc.disable()
    try:
        reading = read_files(files)
        stories = [Story.of(job) for job in jobs_of(reading.records.values())]
    finally:
        gc.enable()
    if not stories:
        raise ConfigurationError(_no_job(reading))
    return stories, reading


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
            f"there are {count(reading.foreign, 'span')}, but none is of v6client. Containers "
            "export theirs with V6CLIENT_TRACE_FILE or OTEL_EXPORTER_OTLP_ENDPOINT."
        )
    return "there is telemetry, but no span: metrics or logs alone make no tree."


def _tell(reading: Reading) -> None:
    """Say on standard error what was not read."""
    notes = list(reading.problems)
    if reading.foreign:
        notes.append(f"{count(reading.foreign, 'span')} of other libraries not shown")
    for note in notes:
        sys.stderr.write(f"v6client trace: {note}\n")
