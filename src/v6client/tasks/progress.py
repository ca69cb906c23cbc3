"""One line on a terminal that says how far a wait is."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from v6client.tasks.runs import RunOutcome, counts_of

# Of several waits at once, in threads, one has the line.
_line_is_taken: Final = threading.Lock()


class Progress:
    """What shows how far a wait is: nothing, unless a subclass does."""

    is_shown = False

    def show(self, runs: Sequence[RunOutcome]) -> None:
        """Show the runs as they are now."""


class _Line(Progress):
    is_shown = True

    def __init__(self, bar: Any) -> None:  # noqa: ANN401 - rich is not installed everywhere
        self._bar = bar
        self._task = bar.add_task("waiting", total=None)

    def show(self, runs: Sequence[RunOutcome]) -> None:
        self._bar.update(
            self._task,
            total=len(runs) or None,
            completed=counts_of(runs)["completed"],
            description=summary(runs),
        )


def summary(runs: Sequence[RunOutcome]) -> str:
    """Say in words how many organizations are done, failed, running and queued."""
    counts = counts_of(runs)
    done = counts.pop("completed")
    parts = [f"{done} of {len(runs)} organizations done"]
    parts += [f"{count} {what}" for what, count in counts.items() if count]
    return ", ".join(parts)


@contextmanager
def progress_line(wanted: str) -> Iterator[Progress]:
    """Show a line on standard error for as long as a wait lasts.

    Parameters
    ----------
    wanted
        ``auto``: where standard error is a terminal and rich is installed; ``always``: where rich
        is installed; ``never``.
    """
    is_wanted = wanted == "always" or (wanted == "auto" and sys.stderr.isatty())
    if (
        not is_wanted
        or importlib.util.find_spec("rich") is None
        or not _line_is_taken.acquire(blocking=False)
    ):
        yield Progress()
        return
    try:
        with _bar() as bar:
            yield _Line(bar)
    finally:
        _line_is_taken.release()


def _bar() -> Any:  # noqa: ANN401 - rich is not installed everywhere
    from rich.console import Console  # noqa: PLC0415 - an extra
    from rich.progress import (  # noqa: PLC0415 - an extra
        BarColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415 - an extra

    console = Console(stderr=True)
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # What is printed meanwhile comes above the line; but a pipe or a file gets it as it is.
    return Bar(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty())
