"""A job as people speak of it: tasks, their runs at organizations, rounds, waits. Pure."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

_OPEN: Final = frozenset({"pending", "initializing", "active"})
_COMPLETED: Final = "completed"
_CASCADED: Final = "failed"


class State(enum.Enum):
    """What became of a run, in the words of a report."""

    COMPLETED = "completed"
    FAILED = "failed"
    """It failed by itself."""
    NEVER_STARTED = "never started"
    """The server failed it together with another of its task."""
    OPEN = "not finished"
    UNKNOWN = "end unknown"
    """Its container left spans, but none that tells its end."""


@dataclass(slots=True)
class Wait:
    """One wait of a run for tasks of its own: from when to when, and how many polls it took."""

    start: int
    end: int
    polls: int


@dataclass(slots=True, eq=False)
class Run:
    """One organization's part in a task. All times are nanoseconds since 1970.

    Parameters
    ----------
    task, organization_id
        Whose it is.
    run_id
        The server's id; ``None`` where no span tells it.
    status
        The server's word, such as ``crashed``; empty where no span tells it.
    created, started, ended
        ``None`` where it did not come to that, or no span tells it.
    is_skewed
        Whether the clocks of server and node disagree, so that its queue is not to be believed.
    error_type
        The class of the error with which its algorithm ended.
    is_traced
        Whether its own container exported.
    requests, polls
        How many attempts and status polls its container made.
    resent, failed
        How many attempts repeated one, by method and template; and how many failed, with why.
    tasks, waits
        What it created, and how it waited.
    """

    task: Task
    organization_id: int
    run_id: int | None = None
    status: str = ""
    created: int | None = None
    started: int | None = None
    ended: int | None = None
    is_skewed: bool = False
    error_type: str = ""
    is_traced: bool = False
    requests: int = 0
    resent: Counter[str] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    tasks: list[Task] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)

    @property
    def polls(self) -> int:
        """How many status polls its waits took."""
        return sum(wait.polls for wait in self.waits)

    @property
    def retries(self) -> int:
        """How many attempts repeated one."""
        return sum(self.resent.values())

    @property
    def state(self) -> State:
        """What became of it."""
        if self.status == _COMPLETED:
            return State.COMPLETED
        if self.status in _OPEN:
            return State.OPEN
        if not self.status:
            return State.UNKNOWN
        # The server writes plain "failed" on runs that had not started when another failed.
        is_cascaded = self.looks_cascaded and self.task.cause_is_known
        return State.NEVER_STARTED if is_cascaded else State.FAILED

    @property
    def looks_cascaded(self) -> bool:
        """Whether it looks as a run does that the server failed together with another."""
        return self.status == _CASCADED and self.started is None

    @property
    def is_failed(self) -> bool:
        """Whether it is over and has not completed."""
        return bool(self.status) and self.status not in _OPEN and self.status != _COMPLETED

    @property
    def queue(self) -> int | None:
        """From the task's creation to the start; of a run that never started, to its end."""
        until = self.ended if self.started is None else self.started
        return None if self.created is None or until is None else max(0, until - self.created)

    @property
    def compute(self) -> int | None:
        """From the start to the end."""
        if self.started is None or self.ended is None:
            return None
        return max(0, self.ended - self.started)

    @property
    def begin(self) -> int | None:
        """Where its bar begins."""
        return self.started if self.created is None else self.created

    @property
    def rounds(self) -> list[list[Task]]:
        """Its tasks, those that were under way together as one round."""
        return rounds_of(self.tasks)


@dataclass(slots=True, eq=False)
class Task:
    """A task, with its runs by ascending organization.

    Parameters
    ----------
    task_id
        The server's id.
    creator
        The run that created it; ``None`` for a job's first task, and where it is not known.
    created
        When; ``None`` where no span tells it.
    is_orphan
        Whether a run created it, but none of the spans tells which.
    organizations
        To how many it went, where that is told.
    twins
        How many other tasks with the same key the server had.
    was_found
        Whether the answer to its creation was lost, and the task found.
    cause_is_known
        Whether one of its runs has failed by itself.
    """

    task_id: int
    creator: Run | None = None
    created: int | None = None
    is_orphan: bool = False
    organizations: int | None = None
    twins: int = 0
    was_found: bool = False
    cause_is_known: bool = False
    runs: list[Run] = field(default_factory=list)

    @property
    def ended(self) -> int | None:
        """When its last run ended; ``None`` while one has not."""
        ends = [run.ended for run in self.runs]
        return None if not ends or None in ends else max(one for one in ends if one is not None)

    @property
    def begin(self) -> int | None:
        """Where its bar begins."""
        begins = [one for run in self.runs if (one := run.begin) is not None]
        return min(begins, default=None) if self.created is None else self.created

    @property
    def missing(self) -> int:
        """To how many organizations it went of which there is no run."""
        return max(0, (self.organizations or 0) - len(self.runs))


@dataclass(slots=True, eq=False)
class Job:
    """A job: the tree of its tasks.

    Parameters
    ----------
    trace_id
        Of its trace.
    tasks
        Its first task; behind it those of which it is not known who created them.
    problems
        What is missing, for people.
    """

    trace_id: str
    tasks: list[Task] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def all_tasks(self) -> Iterator[Task]:
        """Give all tasks, parents before children."""
        waiting = list(reversed(self.tasks))
        while waiting:
            task = waiting.pop()
            yield task
            waiting += [child for run in reversed(task.runs) for child in reversed(run.tasks)]

    def all_runs(self) -> Iterator[Run]:
        """Give all runs, parents before children."""
        for task in self.all_tasks():
            yield from task.runs

    @property
    def start(self) -> int:
        """When it began."""
        return min((one for task in self.all_tasks() if (one := task.begin) is not None), default=0)

    @property
    def end(self) -> int:
        """When the last thing of it ended that is known."""
        ends = [run.ended or run.started or run.created for run in self.all_runs()]
        waits = [wait.end for run in self.all_runs() for wait in run.waits]
        begins = [task.created for task in self.all_tasks()]
        return max((one for one in [*ends, *waits, *begins] if one is not None), default=self.start)

    @property
    def first_runs(self) -> list[Run]:
        """The runs of its first task: the central part of the algorithm."""
        return [run for task in self.tasks[:1] if not task.is_orphan for run in task.runs]


def rounds_of(tasks: Iterable[Task]) -> list[list[Task]]:
    """Put tasks into rounds: one that was created before another ended is in its round.

    Parameters
    ----------
    tasks
        Of one run.
    """
    rounds: list[list[Task]] = []
    until: int | None = 0
    for task in sorted(tasks, key=lambda one: (one.begin or 0, one.task_id)):
        if rounds and (until is None or (task.begin or 0) < until):
            rounds[-1].append(task)
            until = None if until is None or task.ended is None else max(until, task.ended)
        else:
            rounds.append([task])
            until = task.ended
    return rounds
