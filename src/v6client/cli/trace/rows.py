"""The rows of a job's tree: all of them, or those that are worth a screen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from v6client.cli.trace.job import Job, Run, State, Task
from v6client.cli.trace.path import Stretch
from v6client.cli.trace.texts import count

# About two screens.
_MANY_ROWS: Final = 120
_EDGE: Final = 2
_STRETCHES: Final = 4
_MOST: Final = 8

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the tree.

    Parameters
    ----------
    item
        A task, a run, or the words for what is left out.
    last
        For each level down to this row, whether it is the last there: what the guides are drawn
        from.
    round
        Which round of its creator a task belongs to, from 1; 0 where there is but one.
    """

    item: Task | Run | str
    last: tuple[bool, ...]
    round: int = 0


def rows_of(job: Job, path: Sequence[Stretch], *, full: bool = False) -> list[Row]:
    """Give the rows of a job.

    Parameters
    ----------
    job
        The job.
    path
        Its critical path, which is shown even where much is left out.
    full
        Whether nothing is left out, however long it gets.
    """
    total = sum(1 + len(task.runs) for task in job.all_tasks())
    if full or total <= _MANY_ROWS:
        return list(_Tree(None).rows(job.tasks))
    return list(_Tree(_worth_showing(job, path)).rows(job.tasks))


def _worth_showing(job: Job, path: Sequence[Stretch]) -> set[int]:
    """Give the identities of runs that did not complete, and of all that is above those."""
    worth = {
        id(run) for run in job.all_runs() if run.state is not State.COMPLETED or run.task.is_orphan
    }
    longest = sorted(path, key=lambda one: one.length, reverse=True)[:_STRETCHES]
    worth |= {id(stretch.run) for stretch in longest}
    for task in reversed(list(job.all_tasks())):
        if any(id(run) in worth for run in task.runs):
            worth.add(id(task))
            if task.creator is not None:
                worth.add(id(task.creator))
    return worth


class _Tree:
    def __init__(self, worth: Collection[int] | None) -> None:
        self._worth = worth

    def rows(self, tasks: Sequence[Task]) -> Iterator[Row]:
        """Go through the tree without recursion: a file may say that it is deep."""
        stack: list[Row] = self._level(tasks, (), {})
        while stack:
            row = stack.pop()
            yield row
            if isinstance(row.item, Task):
                stack += self._level(row.item.runs, row.last, {})
            elif isinstance(row.item, Run):
                rounds = row.item.rounds
                numbers = {id(task): number for number, one in enumerate(rounds, 1) for task in one}
                ordered = [task for one in rounds for task in one]
                stack += self._level(ordered, row.last, numbers if len(rounds) > 1 else {})

    def _level(
        self, items: Sequence[Task] | Sequence[Run], last: tuple[bool, ...], rounds: dict[int, int]
    ) -> list[Row]:
        shown: list[Task | Run | str] = [*items]
        if self._worth is not None and len(items) > _MOST:
            what = "task" if isinstance(items[0], Task) else "run"
            shown = _shortened(shown, lambda one: id(one) in (self._worth or ()), what)
        end = len(shown) - 1
        # The first comes off the stack first.
        return [
            Row(item, (*last, index == end), rounds.get(id(item), 0))
            for index, item in reversed(list(enumerate(shown)))
        ]


def _shortened(
    items: Sequence[Kind], is_worth: Callable[[Kind], bool], what: str
) -> list[Kind | str]:
    """Keep what is worth showing, and the first and last; words stand for the rest."""
    worth = [index for index, item in enumerate(items) if is_worth(item)][: 2 * _MOST]
    kept = {*range(_EDGE), *range(len(items) - _EDGE, len(items)), *worth}
    shown: list[Kind | str] = []
    left_out: list[Kind] = []
    for index, item in enumerate(items):
        if index not in kept:
            left_out.append(item)
            continue
        # Words for one take as much room as the one.
        shown += left_out if len(left_out) == 1 else []
        shown += [f"… {count(len(left_out), what)} more"] if len(left_out) > 1 else []
        left_out = []
        shown.append(item)
    return shown
