"""Waiting for subtasks: complete results, or an error that says who is missing."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from v6client.errors import RequestError, ResultError, TaskFailed, TaskTimeout
from v6client.settings import Settings
from v6client.tasks.failure import logs_of, task_failed, without_result
from v6client.tasks.history import History, Kind
from v6client.tasks.pace import Pace
from v6client.tasks.polling import FLOOR_OF_INTERVAL, Schedule
from v6client.tasks.progress import progress_line
from v6client.tasks.questions import Questions
from v6client.tasks.results import Results, RunResult
from v6client.tasks.runs import RunOutcome, State
from v6client.tasks.verdict import Verdict, WaitPolicy, verdict
from v6client.tasks.watch import Watch
from v6client.tasks.watched_task import WatchedTask
from v6client.tasks.watching import Watching
from v6client.telemetry import logs, schema, spans


@dataclass(frozen=True, slots=True)
class Waiter:
    """Waits for tasks.

    Parameters
    ----------
    questions
        Asks the server.
    settings
        The numbers of the polling schedule.
    history
        What earlier tasks of this client took.
    pace
        How long polls of one task's status take.
    sleep, now
        Time, to be replaced in tests: monotonic seconds.
    """

    questions: Questions
    settings: Settings
    history: History = field(default_factory=History)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    pace: Pace = field(default_factory=Pace)
    _remembered: dict[int, object] = field(default_factory=dict, init=False, repr=False)

    def wait(
        self,
        tasks: Sequence[WatchedTask],
        policy: WaitPolicy,
        *,
        interval: float,
        timeout: float | None,
    ) -> list[Any]:
        """Wait until a task has finished, or a group of tasks that were created as one.

        Parameters
        ----------
        tasks
            The task; or the group, one organization each.
        policy
            What to do when a run fails, and how much is enough.
        interval
            Seconds; a tenth of it is the shortest distance between two polls.
        timeout
            Seconds from now; ``None`` for no end.

        Returns
        -------
        list
            One decoded result an organization, in the order of ``organizations``; by ascending
            run id where the task was created elsewhere. Fewer only where the policy allows it.

        Raises
        ------
        TaskFailed
            When a run failed, never started or is missing, and the policy wants it.
        TaskTimeout
            When it was not over in time.
        ResultError
            When a completed run's result is missing or cannot be decoded.
        RequestError
            When the server refused to tell three times in a row.
        """
        results = Results(self.questions)
        # What earlier tasks took is when all had completed.
        kind = None if policy.allows_fewer else tasks[0].kind
        with self._watching(
            tasks, interval, timeout, results, needs_runs=policy.needs_runs, kind=kind
        ) as watching:
            ended = watching.until(_Wait(results, watching, policy).ended)
            watching.outcome = ended.outcome
            if ended.failure is not None:
                raise ended.failure
        if ended.outcome == "completed":
            self._remember(tasks, interval, watching.watch)
        return ended.results

    def _remember(self, tasks: Sequence[WatchedTask], interval: float, watch: Watch) -> None:
        """Note how long a task took, where it was watched from its beginning."""
        created, kind = _created(tasks), tasks[0].kind
        if created is None or kind is None or watch.began - created > interval * FLOOR_OF_INTERVAL:
            return
        mine = object()
        # Of several threads that wait for it, one remembers it.
        if self._remembered.setdefault(tasks[0].task_id, mine) is mine:
            low, high = watch.ended_between
            open_at = 0.0 if low == watch.began else low - created
            self.history.record(kind, open_at, high - created)

    def as_completed(
        self, tasks: Sequence[WatchedTask], *, interval: float, timeout: float | None
    ) -> Iterator[RunResult]:
        """Give each run's result as it ends, over all tasks, with one loop of polls.

        The parameters are those of :meth:`wait`.

        Raises
        ------
        TaskTimeout
            When the runs did not all end in time.
        ResultError
            When a completed run's result is missing or cannot be decoded.
        RequestError
            When the server refused to tell three times in a row.
        """
        results = Results(self.questions)
        with self._watching(
            tasks, interval, timeout, results, needs_runs=True, kind=None
        ) as watching:
            stream = _Stream(results, watching)
            failure: Exception | None = None
            while failure is None and not stream.all_given:
                try:
                    new = watching.until(stream.new)
                except (RequestError, TaskTimeout) as error:
                    failure = error
                    new = stream.fetched()
                yield from new
            failure = failure or stream.failure()
            if failure is not None:
                raise failure

    def outcomes(self, tasks: Sequence[WatchedTask]) -> list[RunOutcome]:
        """Ask once what became of each organization's run.

        Raises
        ------
        RequestError
            When the runs cannot be had.
        """
        for task in tasks:
            if task.created_at is None:
                task.created_at = self.questions.created_at(task.task_id)
            task.learn(self.questions.run_rows(task.task_id))
        return [run for task in tasks for run in task.outcomes()]

    @contextmanager
    def _watching(  # noqa: PLR0913 - what one wait differs from another in
        self,
        tasks: Sequence[WatchedTask],
        interval: float,
        timeout: float | None,
        results: Results,
        *,
        needs_runs: bool,
        kind: Kind | None,
    ) -> Iterator[Watching]:
        began = self.now()
        created = _created(tasks)
        # What earlier tasks took is only to be compared where the creation is known.
        aim = self.history.aim(kind) if created is not None and kind else None
        # Others fetch pages or runs, and take long for that alone.
        is_status = len(tasks) == 1 and not needs_runs
        schedule = Schedule(
            created=began if created is None else created,
            floor=interval * FLOOR_OF_INTERVAL,
            growth=self.settings.poll_growth,
            busy_growth=self.settings.poll_growth_busy if is_status else 0.0,
            pace=self.pace if is_status else Pace(),
            cap=self.settings.poll_cap,
            load=self.settings.poll_load,
            deadline=None if timeout is None else began + timeout,
            aim=aim,
        )
        with (
            progress_line(self.settings.progress) as line,
            spans.lasting(schema.TASK_WAIT, {schema.TASK_ID: tasks[0].task_id}) as span,
        ):
            watch = Watch(
                tasks,
                self.questions,
                schedule,
                needs_runs=needs_runs or line.is_shown,
                needs_starts=line.is_shown,
                sleep=self.sleep,
                now=self.now,
            )
            with Watching(watch, line, span, results) as watching:
                yield watching


def _created(tasks: Sequence[WatchedTask]) -> float | None:
    """Tell when the youngest task was created: a distance that suits it is late for none."""
    moments = [task.created for task in tasks if task.created is not None]
    return max(moments) if len(moments) == len(tasks) else None


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a wait ended: the results, or why there are not enough."""

    results: list[Any]
    outcome: str
    failure: TaskFailed | None = None


class _Wait:
    """Looks after each round whether a wait is over, and how."""

    def __init__(self, results: Results, watching: Watching, policy: WaitPolicy) -> None:
        self._results = results
        self._watching = watching
        self._watch = watching.watch
        self._policy = policy
        self._enough_since: float | None = None

    def ended(self) -> _Ended | None:
        """Tell how the wait ended; nothing while it goes on."""
        tasks = self._watch.tasks
        if any(task.runs is None and task.organizations is None for task in tasks):
            return None
        runs = _runs_of(tasks)
        decided = verdict(self._policy, runs, enough_for=self._enough_for(runs))
        if decided is Verdict.WAIT:
            return None
        if decided is Verdict.FAILED:
            return _Ended([], "failed", self._failure())
        found, error = self._results.of(runs, self._watch.within)
        if error is not None:
            error.results = {run.organization_id: value for run, value in found}
            raise error
        if decided is Verdict.COMPLETE:
            return _Ended([value for _, value in found], "completed")
        logs.emit(
            schema.PARTIAL_RESULTS,
            task_id=tasks[0].task_id,
            organization_ids=list(without_result(runs)),
            results=len(found),
        )
        return _Ended([value for _, value in found], "partial")

    def _failure(self) -> TaskFailed:
        # Of a group, others may not have been looked at: for the error, which names their runs.
        with contextlib.suppress(RequestError):
            self._watching.read_unread()
        runs = _runs_of(self._watch.tasks)
        return task_failed(
            self._watch.tasks[0].task_id,
            runs,
            self._results.what_there_is(runs, self._watch.within),
            functools.partial(logs_of, self._results.questions, tuple(runs)),
            needed=self._policy.needed(runs),
        )

    def _enough_for(self, runs: Sequence[RunOutcome]) -> float:
        needed = self._policy.needed(runs)
        if needed is None or sum(run.state is State.COMPLETED for run in runs) < needed:
            return 0.0
        now = self._watch.now()
        if self._enough_since is None:
            self._enough_since = now
            self._watch.wake_at = now + self._policy.grace
        return now - self._enough_since


class _Stream:
    """Fetches after each round the results of the runs that ended in it."""

    def __init__(self, results: Results, watching: Watching) -> None:
        self._results = results
        self._watch = watching.watch
        self._given: set[tuple[int, int, int | None]] = set()
        self._fetched: list[RunResult] = []
        self._error: ResultError | None = None

    @property
    def all_given(self) -> bool:
        """Whether every run has ended, and was given."""
        return all(task.is_over for task in self._watch.tasks) and not self._ended()

    def new(self) -> list[RunResult] | None:
        """Give the results of the runs that have ended since; nothing where none has."""
        for run, siblings in self._ended():
            try:
                result = self._results.of_one(run, siblings, self._watch.within)
            except ResultError as error:
                # The others' are not lost for it: it is raised when they were given.
                self._error = self._error or error
            else:
                # Each as it is fetched: what comes after it may fail, and is no news then.
                self._fetched.append(result)
            self._given.add(_key(run))
        new = self.fetched()
        return new if new or self.all_given else None

    def fetched(self) -> list[RunResult]:
        """Give what was fetched and not given yet."""
        fetched, self._fetched = self._fetched, []
        return fetched

    def failure(self) -> ResultError | TaskFailed | None:
        """Give the error that the stream ends with, if it does not end well."""
        without = [task.task_id for task in self._watch.tasks if not task.outcomes()]
        if without:
            return task_failed(without[0], [], {}, dict)
        return self._error

    def _ended(self) -> list[tuple[RunOutcome, Sequence[RunOutcome]]]:
        return [
            (run, task.outcomes())
            for task in self._watch.tasks
            for run in task.outcomes()
            if not run.is_open and _key(run) not in self._given
        ]


def _key(run: RunOutcome) -> tuple[int, int, int | None]:
    return run.task_id, run.organization_id, run.run_id


def _runs_of(tasks: Sequence[WatchedTask]) -> list[RunOutcome]:
    return [run for task in tasks for run in task.outcomes()]
