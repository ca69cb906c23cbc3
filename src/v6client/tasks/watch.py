"""Watching tasks: one loop of polls for all of them, whatever is asked of their runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from v6client.errors import (
    InvalidResponse,
    MaskedServerError,
    RateLimited,
    RequestError,
    StatusError,
)
from v6client.tasks.history import Kind
from v6client.tasks.polling import Schedule
from v6client.tasks.questions import Questions
from v6client.tasks.runs import RunOutcome, State, is_finished, runs_of, status_of
from v6client.tasks.task_trace import TaskTrace
from v6client.telemetry import logs, metrics, schema

T = TypeVar("T")

_SERVER_ERROR: Final = 500
_REQUEST_TIMEOUT: Final = 408
# So many refusals in a row end a wait: one alone may be the proxy's bad moment.
_REFUSALS: Final = 3
# After a refusal the next poll comes this soon: a wait without hope is to end within two minutes.
_RECHECK: Final = 15.0
# What the poll at the deadline may take.
_LAST_POLL_SECONDS: Final = 5.0
# So many tasks and more are asked for by pages of the list, not one by one.
_LISTED_FROM: Final = 3
# Runs carry their inputs, so they are looked at seldom while nothing changes: first after this many
# seconds, then each time when twice as many have passed; and of so many tasks in one round.
_FIRST_LOOK: Final = 30.0
_LOOKS_A_ROUND: Final = 5


@dataclass(slots=True)
class WatchedTask:
    """What is known of a task that is watched.

    Parameters
    ----------
    task_id
        The task.
    organizations
        Those that it was created for, in that order; ``None`` where another client created it.
    created
        When this client created it, in monotonic seconds; ``None`` where it did not.
    created_at
        The same as the server says it.
    trace
        Takes its runs as they end; ``None`` where another client created it.
    kind
        What earlier tasks took as long; ``None`` where that is not known.
    """

    task_id: int
    organizations: tuple[int, ...] | None = None
    created: float | None = None
    created_at: str | None = None
    trace: TaskTrace | None = None
    kind: Kind | None = None
    status: str = field(default="not known", init=False)
    runs: tuple[RunOutcome, ...] | None = field(default=None, init=False)
    open_runs: int | None = field(default=None, init=False)
    next_look: float = field(default=_FIRST_LOOK, init=False)

    @property
    def is_over(self) -> bool:
        """Whether its runs were read, and none of them is open."""
        return self.runs is not None and not any(run.is_open for run in self.runs)

    @property
    def has_one_run(self) -> bool:
        """Whether its status is the status of its only run."""
        return self.organizations is not None and len(self.organizations) == 1

    def outcomes(self) -> tuple[RunOutcome, ...]:
        """Give its runs; for one that was not read yet, that it is open."""
        if self.runs is not None:
            return self.runs
        return tuple(
            RunOutcome(one, self.task_id, None, self.status, State.RUNNING)
            for one in self.organizations or ()
        )


def is_refusal(error: RequestError) -> bool:
    """Tell whether a poll failed for good, as far as can be told, and not by an outage."""
    if isinstance(error, InvalidResponse):
        return True
    if isinstance(error, MaskedServerError):
        return error.server_answers
    if isinstance(error, RateLimited) or not isinstance(error, StatusError):
        return False
    return (error.status or _SERVER_ERROR) < _SERVER_ERROR and error.status != _REQUEST_TIMEOUT


@dataclass(slots=True)
class Watch:
    """Polls tasks until somebody has seen what it waits for.

    A poll that failed is no news: it is logged, and the next one follows. Only the third refusal in
    a row, or the deadline, ends the watch.

    Parameters
    ----------
    tasks
        What is watched.
    questions
        Asks the server.
    schedule
        When.
    needs_runs
        Whether each run that ends is of interest, or only that a task is over.
    on_news
        Is called after each round in which a task or a run changed.
    sleep, now
        Time, to be replaced in tests: monotonic seconds.
    """

    tasks: Sequence[WatchedTask]
    questions: Questions
    schedule: Schedule
    needs_runs: bool
    on_news: Callable[[WatchedTask, Sequence[RunOutcome]], None] = lambda _task, _ended: None
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    polls: int = field(default=0, init=False)
    ended_between: tuple[float, float] = field(init=False)
    """When the last round but one began, and when the last one had its answers, on ``now``."""
    _last_began: float = field(init=False)
    began: float = field(init=False)
    _warned: set[tuple[int, int]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.began = self._last_began = self.now()
        self.ended_between = (self.began, self.began)

    @property
    def elapsed(self) -> float:
        """Seconds since the watch began."""
        return self.now() - self.began

    @property
    def is_late(self) -> bool:
        """Whether its deadline has passed."""
        deadline = self.schedule.deadline
        return deadline is not None and self.now() >= deadline

    def until(self, seen: Callable[[], T | None]) -> T | None:
        """Poll until ``seen`` gives something after a round; ``None`` at the deadline.

        Parameters
        ----------
        seen
            Is asked after each round that gave news or not; its own requests count as a poll's.

        Raises
        ------
        RequestError
            The third refusal in a row.
        """
        refusals = 0
        delay = self.schedule.first_delay(self.now())
        while True:
            self.sleep(delay)
            failure = None
            began = self.now()
            try:
                self.schedule.polled(self._round())
                self.ended_between = (self._last_began, self.now())
                self._last_began = began
                found = seen()
            except RequestError as error:
                failure = error
            else:
                if found is not None:
                    return found
            if failure is not None:
                self._note(failure)
                refusals = refusals + 1 if is_refusal(failure) else 0
                if refusals == _REFUSALS:
                    raise failure
            else:
                refusals = 0
            if self.is_late:
                return None
            delay = self.schedule.next_delay(self.now())
            if refusals:
                delay = min(delay, _RECHECK)

    def read_runs(self, task: WatchedTask) -> None:
        """Read a task's runs, and tell what is new."""
        waited = self.elapsed
        rows = self.questions.run_rows(task.task_id, self._within())
        before = {run.run_id: run.state for run in task.runs or ()}
        task.runs = runs_of(
            rows, task.task_id, expected=task.organizations, created_at=task.created_at
        )
        task.status = status_of(task.runs)
        task.next_look = max(_FIRST_LOOK, 2 * waited)
        states = {run.run_id: run.state for run in task.runs}
        ended = [
            run
            for run in task.runs
            if not run.is_open and before.get(run.run_id, State.RUNNING) is State.RUNNING
        ]
        self._warn_of_offline_nodes(task)
        if states != before:
            self.on_news(task, ended)

    def _round(self) -> float:
        """Ask once about each task that is not over; give the seconds of what was asked."""
        self.polls += 1
        metrics.tally.count(polls=1)
        pending = [task for task in self.tasks if not task.is_over]
        by_count = [task for task in pending if self.needs_runs and not task.has_one_run]
        by_status = [task for task in pending if not self.needs_runs or task.has_one_run]
        overdue = [task for task in pending if self.elapsed >= task.next_look]
        overdue.sort(key=lambda task: task.next_look)
        due = {task.task_id for task in overdue[:_LOOKS_A_ROUND]}
        statuses, seconds = self._statuses_of(by_status)
        for task in by_status:
            status = statuses[task.task_id]
            is_news, task.status = status != task.status, status
            if is_finished(status) or task.task_id in due:
                self.read_runs(task)
            elif is_news:
                self.on_news(task, ())
        for task in by_count:
            count, spent = self.questions.open_runs(task.task_id, self._within())
            seconds += spent
            if count is None or count != task.open_runs or task.task_id in due:
                self.read_runs(task)
                task.open_runs = count
        return seconds

    def _statuses_of(self, tasks: Sequence[WatchedTask]) -> tuple[dict[int, str], float]:
        statuses: dict[int, str] = {}
        seconds = 0.0
        if len(tasks) >= _LISTED_FROM:
            ids = {task.task_id for task in tasks}
            listed, seconds = self.questions.statuses(ids, self._within())
            statuses.update(listed)
        for task in tasks:
            if task.task_id not in statuses:
                status, spent = self.questions.status(task.task_id, self._within())
                statuses[task.task_id] = status
                seconds += spent
        return statuses, seconds

    def _within(self) -> float | None:
        deadline = self.schedule.deadline
        return None if deadline is None else max(_LAST_POLL_SECONDS, deadline - self.now())

    def _note(self, failure: RequestError) -> None:
        logs.emit(
            schema.POLL_FAILED,
            task_id=self.tasks[0].task_id,
            error_type=type(failure).__name__,
            elapsed_s=round(self.elapsed, 3),
        )

    def _warn_of_offline_nodes(self, task: WatchedTask) -> None:
        for run in task.runs or ():
            place = (task.task_id, run.organization_id)
            if run.is_queued and run.node_online is False and place not in self._warned:
                self._warned.add(place)
                logs.emit(
                    schema.NODE_OFFLINE,
                    task_id=task.task_id,
                    organization_id=run.organization_id,
                    run_id=run.run_id,
                )
