"""The critical path of a job: what its length is made of. Pure.

From the job's end backwards, always to what ended last before: had that been faster, the job would
have been. (Kelley and Walker 1959, on a tree that is known only afterwards.)
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from v6client.cli.trace.job import Job, Run, Task

_DEEPEST: Final = 40


class Part(enum.Enum):
    """What a stretch of the critical path was spent on."""

    COMPUTE = "computing"
    QUEUE = "in the queue"
    NOTICE = "until the end was noticed and the result fetched"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the critical path: which run, doing what, from when to when."""

    run: Run
    part: Part
    start: int
    end: int

    @property
    def length(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


def critical_path(job: Job) -> list[Stretch]:
    """Find the critical path of a job.

    Parameters
    ----------
    job
        The job.

    Returns
    -------
    list of Stretch
        From the beginning to the end, without gap or overlap; empty where the job's first run has
        not ended, or is not known.
    """
    ended = [run for run in job.first_runs if run.ended is not None and run.begin is not None]
    if not ended or any(run.ended is None for run in job.first_runs):
        return []
    last = max(ended, key=lambda run: run.ended or 0)
    return list(reversed(list(_backwards(last, last.ended or 0, last.begin or 0, 0))))


def _backwards(run: Run, until: int, floor: int, depth: int) -> Iterator[Stretch]:
    """Go from a moment in a run back to ``floor``, where its task was created."""
    started = max(floor, until if run.started is None else min(until, run.started))
    at = until
    for task in _ended_before(run, until) if depth < _DEEPEST else ():
        if at <= started:
            break
        end, last = task.ended or 0, _last(task)
        lower = max(started, task.begin or 0)
        if end > at or lower >= end:
            continue
        yield from _own(run, end, at)
        yield from _backwards(last, end, lower, depth + 1)
        at = lower
    if at > started:
        yield from _own(run, started, at)
    if started > floor:
        yield Stretch(run, Part.QUEUE, floor, started)


def _ended_before(run: Run, moment: int) -> list[Task]:
    done = [task for task in run.tasks if task.ended is not None and task.ended <= moment]
    return sorted(done, key=lambda task: task.ended or 0, reverse=True)


def _last(task: Task) -> Run:
    return max(task.runs, key=lambda run: run.ended or 0)


def _own(run: Run, start: int, end: int) -> Iterator[Stretch]:
    """Divide what a run did itself: first it may have waited without news."""
    noticed = min(
        (wait.end for wait in run.waits if wait.start <= start < wait.end and run.tasks),
        default=start,
    )
    noticed = min(noticed, end)
    # Backwards, as everything here.
    if end > noticed:
        yield Stretch(run, Part.COMPUTE, noticed, end)
    if noticed > start:
        yield Stretch(run, Part.NOTICE, start, noticed)
