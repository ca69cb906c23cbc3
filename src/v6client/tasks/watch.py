"""Watching tasks: one loop of polls for all of them, whatever is asked of their runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from v6client.errors import (
    DeadlineExceeded,
    InvalidResponse,
    MaskedServerError,
    RateLimited,
    RequestError,
    StatusError,
)
from v6client.tasks.polling import Schedule
from v6client.tasks.questions import Questions
from v6client.tasks.runs import RunOutcome, is_finished
from v6client.tasks.watched_task import FIRST_LOOK, WatchedTask
from v6client.telemetry import logs, metrics, schema

T = TypeVar("T")

_SERVER_ERROR: Final = 500
_REQUEST_TIMEOUT: Final = 408
# So many refusals in a row end a wait: one alone may be the proxy's bad moment.
_REFUSALS: Final = 3
# After a refusal the next poll comes this soon: a wait without hope is to end within two minutes.
_RECHECK: Final = 15.0
# What is under way at the deadline may take so much longer, whatever it consists of.
OVERTIME: Final = 5.0
# So many tasks and more are asked for by pages of the list, not one by one.
_LISTED_FROM: Final = 3
# Run rows carry the inputs, so they are looked at seldom while nothing changes: of so many tasks in
# one round, each when twice as many seconds have passed.
_LOOKS_A_ROUND: Final = 5


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

    A poll that failed is no news: it is logged, and the next one follows. Only the third refusal of
    a task in a row, or the deadline, ends the watch; what is under way at the deadline gets
    :data:`OVERTIME`.

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
    needs_starts
        Whether also each run that starts is.
    on_news
        Is called when a task or a run has changed, with the runs that have ended.
    sleep, now
        Time, to be replaced in tests: monotonic seconds.
    """

    tasks: Sequence[WatchedTask]
    questions: Questions
    schedule: Schedule
    needs_runs: bool
    needs_starts: bool = False
    on_news: Callable[[WatchedTask, Sequence[RunOutcome]], None] = lambda _task, _ended: None
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    polls: int = field(default=0, init=False)
    began: float = field(init=False)
    wake_at: float | None = field(default=None, init=False)
    """When something is to be decided, whatever the polls say; ``None`` for never."""
    ended_between: tuple[float, float] = field(init=False)
    """When the tasks were last known to be open, and when all were known to be over, on ``now``."""
    _open_at: float = field(init=False)
    _next_poll: float | None = field(default=None, init=False)
    _pages: int = field(default=0, init=False)
    _warned: set[tuple[int, int]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.began = self._open_at = self.now()
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

    def within(self) -> float | None:
        """Give the seconds that a question may take; ``None`` for the setting's own limit.

        Raises
        ------
        DeadlineExceeded
            When the overtime is over, too.
        """
        deadline = self.schedule.deadline
        if deadline is None:
            return None
        left = deadline + OVERTIME - self.now()
        if left <= 0:
            raise DeadlineExceeded("the time of the wait is over")
        return left

    def until(self, seen: Callable[[], T | None]) -> T | None:
        """Poll until ``seen`` gives something; ``None`` at the deadline.

        Parameters
        ----------
        seen
            Is asked after each round; its own requests may fail as a poll may.

        Raises
        ------
        RequestError
            The third refusal of a task in a row.
        """
        while True:
            self.sleep(self._delay())
            failure = None
            found = None
            try:
                refusal = self._round()
                found = seen()
            except RequestError as error:
                failure = error
            if failure is not None:
                refusal = self._note(failure, self.tasks)
            now = self.now()
            self._next_poll = now + self.schedule.next_delay(now)
            if found is not None:
                return found
            if refusal is not None:
                raise refusal
            if self.is_late:
                return None

    def _delay(self) -> float:
        now = self.now()
        if self._next_poll is None:
            return self.schedule.first_delay(now)
        moments = [self._next_poll]
        if self.wake_at is not None:
            moments.append(self.wake_at)
        if any(task.refusals for task in self.tasks):
            moments.append(now + _RECHECK)
        if self.schedule.deadline is not None:
            moments.append(self.schedule.deadline)
        return max(0.0, min(moments) - now)

    def read_runs(self, task: WatchedTask) -> None:
        """Read a task's runs, and tell what is new."""
        waited = self.elapsed
        self._learn(task, self.questions.run_rows(task.task_id, self.within()))
        task.next_look = max(FIRST_LOOK, 2 * waited)

    def _learn(self, task: WatchedTask, rows: Sequence[Mapping[str, Any]]) -> None:
        ended = task.learn(rows)
        self._warn_of_offline_nodes(task)
        if ended is not None:
            self.on_news(task, ended)

    def _round(self) -> RequestError | None:
        """Ask once about each task that is not over; give an error that ends the watch, if any.

        A task that is refused keeps none of the others from being asked.
        """
        self.polls += 1
        metrics.tally.count(polls=1)
        began = self.now()
        pending = [task for task in self.tasks if not task.is_over]
        spent, refusal = self._ask_each(pending)
        if pending:
            self.schedule.polled(spent)
        if not all(task.is_over for task in self.tasks):
            self._open_at = began
        elif pending:
            self.ended_between = (self._open_at, self.now())
        return refusal

    def _ask_each(self, pending: Sequence[WatchedTask]) -> tuple[float, RequestError | None]:
        """Ask about each task; give the seconds that the answers took, and the error, if any."""
        spent, statuses = self._listed(pending)
        due = self._due(pending)
        refusal = None
        for task in pending:
            failure = None
            try:
                if self._is_told_by_status(task):
                    spent += self._ask_status(task, statuses.get(task.task_id), due)
                else:
                    spent += self._ask_count(task, due)
            except RequestError as error:
                failure = error
            else:
                task.refusals = 0
            if failure is not None and not is_refusal(failure):
                raise failure
            if failure is not None:
                refusal = self._note(failure, [task]) or refusal
        return spent, refusal

    def _is_told_by_status(self, task: WatchedTask) -> bool:
        return not self.needs_runs or task.has_one_run

    def _listed(self, pending: Sequence[WatchedTask]) -> tuple[float, Mapping[int, str]]:
        """Ask for statuses by pages of the list, where there are fewer of them than tasks."""
        ids = {task.task_id for task in pending if self._is_told_by_status(task)}
        if len(ids) < _LISTED_FROM or len(ids) <= self._pages:
            return 0.0, {}
        statuses, spent, self._pages = self.questions.statuses(ids, self.within())
        return spent, statuses

    def _due(self, pending: Sequence[WatchedTask]) -> set[int]:
        """Choose the tasks whose runs are looked at, though nothing is known to have changed."""
        due = [task for task in pending if self.elapsed >= task.next_look and not task.is_heavy]
        due.sort(key=lambda task: task.next_look)
        return {task.task_id for task in due[:_LOOKS_A_ROUND]}

    def _ask_status(self, task: WatchedTask, status: str | None, due: set[int]) -> float:
        spent = 0.0
        if status is None:
            status, spent = self.questions.status(task.task_id, self.within())
        is_news, task.status = status != task.status, status
        if is_finished(status) or task.task_id in due:
            began = self.now()
            self.read_runs(task)
            return spent + self.now() - began
        if is_news:
            self.on_news(task, ())
        return spent

    def _ask_count(self, task: WatchedTask, due: set[int]) -> float:
        count, spent = self.questions.open_runs(task.task_id, self.within())
        is_news = count is None or count != task.open_runs or task.task_id in due
        if self.needs_starts and not is_news:
            queued = sum(run.is_queued for run in task.outcomes())
            if queued and not task.is_heavy:
                started, more = self.questions.open_runs(
                    task.task_id, self.within(), only_started=True
                )
                spent += more
                is_news = started is not None and started != (count or 0) - queued
        if is_news:
            began = self.now()
            if task.is_heavy and task.runs is not None and count is not None:
                self._read_ended(task, (task.open_runs or 0) - count)
            else:
                self.read_runs(task)
            task.open_runs = count
            spent += self.now() - began
        return spent

    def _read_ended(self, task: WatchedTask, wanted: int) -> None:
        """Find the runs that have ended by small questions, and read their rows alone."""
        runs = task.outcomes()
        rows: list[Mapping[str, Any]] = []
        for run in runs:
            if len(rows) == max(1, wanted):
                break
            if not run.is_open or run.run_id is None:
                continue
            still_open, _ = self.questions.open_runs(
                task.task_id, self.within(), organization_id=run.organization_id
            )
            if still_open == 0:
                place = sum((one.run_id or 0) > run.run_id for one in runs)
                row = self.questions.row_at("run", task.task_id, run.run_id, place, self.within())
                if row is None:
                    self.read_runs(task)
                    return
                rows.append(row)
        if rows:
            self._learn(task, rows)

    def _note(self, failure: RequestError, tasks: Sequence[WatchedTask]) -> RequestError | None:
        """Log a poll that failed; give it back where it is the third refusal in a row."""
        logs.emit(
            schema.POLL_FAILED,
            task_id=tasks[0].task_id,
            error_type=type(failure).__name__,
            elapsed_s=round(self.elapsed, 3),
        )
        for task in tasks:
            task.refusals = task.refusals + 1 if is_refusal(failure) else 0
        return failure if any(task.refusals >= _REFUSALS for task in tasks) else None

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
