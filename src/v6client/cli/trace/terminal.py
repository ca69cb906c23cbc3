"""A job on a terminal: its story, its tree with a waterfall, its organizations."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from v6client.cli.trace.findings import Organization
from v6client.cli.trace.job import Job, Run, State, Task
from v6client.cli.trace.rows import Row, rows_of
from v6client.cli.trace.story import Story
from v6client.cli.trace.texts import count, moment, seconds, share
from v6client.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_NO_TERMINAL_WIDTH: Final = 110
_NARROW: Final = 60
_LEAST_BAR: Final = 12
_MOST_JOBS: Final = 5

_STYLES: Final = {
    State.COMPLETED: "green",
    State.FAILED: "bold red",
    State.NEVER_STARTED: "yellow",
    State.OPEN: "cyan",
    State.UNKNOWN: "magenta",
}
_VERDICTS: Final = {True: "bold green", False: "bold red", None: "bold yellow"}


class Signs:
    """The signs of tree and bars, also for a terminal that has no more than ASCII."""

    def __init__(self, *, ascii_only: bool) -> None:
        self.ends, self.goes_on = ("`- ", "|- ") if ascii_only else ("└─ ", "├─ ")
        self.below = "|  " if ascii_only else "│  "
        self.queue, self.compute = (".", "#") if ascii_only else ("░", "█")
        self.open, self.task = (">", "-") if ascii_only else ("▒", "─")
        self.critical = "*" if ascii_only else "◆"
        self.dot = "-" if ascii_only else "·"

    def plain(self, text: str) -> str:
        """Write a text of ours with the signs that there are."""
        return text if self.dot == "·" else text.replace("…", "...").replace("·", "-")


def console_for(file: TextIO) -> Console:
    """Make what writes to a terminal, or to a file without colours.

    Raises
    ------
    ConfigurationError
        When rich is not installed.
    """
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "the terminal's view needs rich: type pip install 'v6client[trace]'. With --html a "
            "page is written without it."
        ) from None
    width = None if file.isatty() or "COLUMNS" in os.environ else _NO_TERMINAL_WIDTH
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def show(stories: Sequence[Story], *, full: bool = False, file: TextIO | None = None) -> None:
    """Write jobs to the terminal.

    Parameters
    ----------
    stories
        The jobs.
    full
        Whether each row is shown, however many there are.
    file
        Where to; standard output by default.
    """
    console = console_for(file or sys.stdout)
    signs = Signs(ascii_only=console.options.ascii_only)
    shown = stories if full else stories[:_MOST_JOBS]
    for story in shown:
        _show_job(console, signs, story, full=full)
    if len(shown) < len(stories):
        console.print(
            f"{len(stories) - len(shown):,} more jobs are in these files: --full shows all.\n"
        )


def _show_job(console: Console, signs: Signs, story: Story, *, full: bool) -> None:
    from rich.padding import Padding  # noqa: PLC0415 - an extra
    from rich.text import Text  # noqa: PLC0415 - an extra

    job = story.job
    first = next((task.task_id for task in job.tasks if not task.is_orphan), None)
    title = f"Job of task {first}" if first is not None else "A job whose first task is not known"
    head = Text(title, "bold")
    head.append(f" {signs.dot} ").append(story.verdict, _VERDICTS[story.is_well])
    head.append(f" {signs.dot} {moment(job.start)} {signs.dot} trace {job.trace_id}", "dim")
    console.print(head, soft_wrap=False)
    for sentence in story.sentences:
        console.print(Padding(Text(signs.plain(sentence)), (0, 0, 0, 2), expand=False))
    for problem in job.problems:
        console.print(Padding(Text(signs.plain(problem), "yellow"), (0, 0, 0, 2), expand=False))
    console.print()
    for line in _Waterfall(story, signs, console.width, full=full).lines():
        console.print(line, no_wrap=True, overflow="crop", crop=True)
    console.print()
    console.print(_table(story))
    console.print()


class _Waterfall:
    """The tree at the left, a bar of each row at the right."""

    def __init__(self, story: Story, signs: Signs, width: int, *, full: bool) -> None:
        self._signs = signs
        self._job: Job = story.job
        self._rows = rows_of(story.job, story.path, full=full)
        self._critical = {id(stretch.run) for stretch in story.path}
        self._start = story.job.start
        self._length = max(1, story.job.end - story.job.start)
        labels = [self._label(row) for row in self._rows]
        self._labels = labels
        longest = max((len(one) for one in labels), default=0)
        self._label_width = min(longest, max(24, width // 3))
        figures = [self._figures(row.item) for row in self._rows]
        self._figures_of = figures
        widest = max((len(one) for one in figures), default=0)
        self._figures_width = widest if width >= _NARROW else 0
        between = 5 if self._figures_width else 3
        self._left = self._label_width + self._figures_width + between
        self._bar_width = max(_LEAST_BAR, width - self._left)

    def lines(self) -> Iterator[Text]:
        """Give the lines."""
        from rich.text import Text  # noqa: PLC0415 - an extra

        signs = self._signs
        end = seconds(self._length)
        axis = "0 s".ljust(max(0, self._bar_width - len(end))) + end
        yield Text(" " * self._left + axis, "dim")
        for row, label, figures in zip(self._rows, self._labels, self._figures_of, strict=True):
            if len(label) > self._label_width:
                label = signs.plain(f"{label[: self._label_width - 1]}…")  # noqa: PLW2901
            line = Text()
            line.append(label.ljust(self._label_width), _style_of_label(row.item))
            if self._figures_width:
                line.append("  ").append(
                    figures.ljust(self._figures_width), _style_of_item(row.item)
                )
            mark = signs.critical if id(row.item) in self._critical else " "
            line.append(f" {mark} ", "bold")
            for text, style in self._bar(row.item):
                line.append(text, style)
            yield line
        yield Text(
            f"{signs.queue} in the queue  {signs.compute} computing  "
            f"{signs.critical} on the critical path",
            "dim",
        )

    def _label(self, row: Row) -> str:
        signs = self._signs
        guides = "".join("   " if last else signs.below for last in row.last[1:-1])
        if len(row.last) > 1:
            guides += signs.ends if row.last[-1] else signs.goes_on
        if isinstance(row.item, str):
            return guides + signs.plain(row.item)
        if isinstance(row.item, Run):
            return f"{guides}organization {row.item.organization_id}"
        which = f" {signs.dot} round {row.round}" if row.round else ""
        lost = f" {signs.dot} creator unknown" if row.item.is_orphan else ""
        return f"{guides}task {row.item.task_id}{which}{lost}"

    def _figures(self, item: Task | Run | str) -> str:
        if isinstance(item, str):
            return ""
        if isinstance(item, Task):
            done = sum(run.state is State.COMPLETED for run in item.runs)
            of = len(item.runs) + item.missing
            return f"{done} of {of} completed" if of else "no run known"
        parts = [item.status if item.state is not State.UNKNOWN else item.state.value]
        if item.state is State.NEVER_STARTED:
            parts = [item.state.value]
        if item.error_type:
            parts.append(item.error_type)
        if item.compute is not None:
            parts.append(seconds(item.compute))
        if item.retries:
            parts.append(count(item.retries, "retry", "retries"))
        return " ".join(parts)

    def _bar(self, item: Task | Run | str) -> Iterator[tuple[str, str]]:
        signs = self._signs
        if isinstance(item, str):
            return
        begin = item.begin
        if begin is None:
            return
        end = item.ended if item.ended is not None else self._start + self._length
        if isinstance(item, Task):
            pieces = [(begin, end, signs.task, "dim")]
        else:
            started = item.started if item.started is not None else end
            sign = signs.open if item.ended is None else signs.compute
            pieces = [
                (begin, started, signs.queue, "dim"),
                (started, end, sign, _STYLES[item.state]),
            ]
        at = 0
        for start, stop, sign, style in pieces:
            first, last = self._cell(start), self._cell(stop)
            if stop > start:
                last = max(last, first + 1)
            first = min(max(first, at), self._bar_width - 1)
            yield " " * (first - at), ""
            yield sign * (last - first), style
            at = max(at, first, last)

    def _cell(self, moment_: int) -> int:
        part = (moment_ - self._start) / self._length
        return min(self._bar_width, max(0, round(part * self._bar_width)))


def _style_of_item(item: Task | Run | str) -> str:
    if isinstance(item, Run):
        return _STYLES[item.state]
    if isinstance(item, Task) and any(run.state is State.FAILED for run in item.runs):
        return "red"
    return "dim"


def _style_of_label(item: Task | Run | str) -> str:
    return "dim" if isinstance(item, str) else ("bold" if isinstance(item, Task) else "")


_COLUMNS: Final[tuple[tuple[str, Callable[[Organization, Story], str]], ...]] = (
    ("organization", lambda one, _: str(one.organization_id)),
    ("runs", lambda one, _: f"{one.runs:,}"),
    ("not completed", lambda one, _: f"{one.not_completed:,}" if one.not_completed else ""),
    ("queue, median", lambda one, _: seconds(one.median_queue)),
    ("longest", lambda one, _: seconds(max(one.queues, default=None))),
    ("compute, median", lambda one, _: seconds(one.median_compute)),
    ("longest", lambda one, _: seconds(max(one.computes, default=None))),
    ("retries", lambda one, _: f"{one.retries:,}" if one.retries else ""),
    (
        "critical path",
        lambda one, story: share(one.critical, sum(stretch.length for stretch in story.path)),
    ),
)


def _table(story: Story) -> object:
    from rich.table import Table  # noqa: PLC0415 - an extra

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    columns = [
        (name, cells)
        for name, cell in _COLUMNS
        if any(cells := [cell(one, story) for one in story.organizations])
    ]
    for name, _ in columns:
        table.add_column(name, justify="right", overflow="fold")
    for index, one in enumerate(story.organizations):
        style = "red" if one.not_completed else ""
        table.add_row(*(cells[index] for _, cells in columns), style=style)
    return table
