"""Waiting for subtasks: complete results, or an error that says who is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from v6client.errors import TaskFailed
from v6client.settings import Settings
from v6client.tasks.failure import task_failed, without_result
from v6client.tasks.history import History
from v6client.tasks.polling import FLOOR_OF_INTERVAL, Schedule
from v6client.tasks.progress import progress_line
from v6client.tasks.questions import Questions
from v6client.tasks.results import RunResult, readable_results_of, result_of_ended, results_of
from v6client.tasks.runs import RunOutcome, State
from v6client.tasks.verdict import Verdict, WaitPolicy, verdict
from v6client.tasks.watch import Watch, WatchedTask
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
    sleep, now
        Time, to be replaced in tests: monotonic seconds.
    """

    questions: Questions
    settings: Settings
    history: History = field(default_factory=History)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

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
        wait = _Wait(self.questions, tasks, policy, self.now)
        with self._watching(
            tasks, interval, timeout, needs_runs=policy.needs_runs, is_one=True
        ) as watching:
            ended = watching.until(wait.ended)
            watching.outcome = ended.outcome
            if ended.failure is not None:
                raise ended.failure
        if ended.outcome == "completed":
            self._remember(tasks, interval, watching.watch)
        return list(ended.results.values())

    def _remember(self, tasks: Sequence[WatchedTask], interval: float, watch: Watch) -> None:
        """Note how long a task took, where it was watched from its beginning."""
        created, kind = _created(tasks), tasks[0].kind
        if created is None or kind is None:
            return
        if watch.began - created <= interval * FLOOR_OF_INTERVAL:
            low, high = watch.ended_between
            self.history.record(kind, max(0.0, low - created), high - created)

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
        results = _Results(self.questions, tasks)
        with self._watching(tasks, interval, timeout, needs_runs=True, is_one=False) as watching:
            while not results.all_given:
                yield from watching.until(results.new)

    def outcomes(self, tasks: Sequence[WatchedTask]) -> list[RunOutcome]:
        """Ask once what became of each organization's run.

        Raises
        ------
        RequestError
            When the runs cannot be had.
        """
        watch = Watch(tasks, self.questions, Schedule(created=0), needs_runs=True)
        for task in tasks:
            if task.created_at is None:
                task.created_at = self.questions.created_at(task.task_id)
            watch.read_runs(task)
        return [run for task in tasks for run in task.outcomes()]

    @contextmanager
    def _watching(
        self,
        tasks: Sequence[WatchedTask],
        interval: float,
        timeout: float | None,
        *,
        needs_runs: bool,
        is_one: bool,
    ) -> Iterator[Watching]:
        """Watch tasks; ``is_one`` where they are one task or one group of a kind."""
        began = self.now()
        created, kind = _created(tasks), tasks[0].kind
        # What earlier tasks took is only to be compared where the creation is known.
        aim = self.history.aim(kind) if is_one and created is not None and kind else None
        schedule = Schedule(
            created=began if created is None else created,
            floor=interval * FLOOR_OF_INTERVAL,
            growth=self.settings.poll_growth,
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
                sleep=self.sleep,
                now=self.now,
            )
            with Watching(watch, line, span) as watching:
                yield watching


def _created(tasks: Sequence[WatchedTask]) -> float | None:
    """Tell when the youngest task was created: a distance that suits it is late for none."""
    moments = [task.created for task in tasks if task.created is not None]
    return max(moments) if len(moments) == len(tasks) else None


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a wait ended: the results by organization id, or why there are not enough."""

    results: dict[int, Any]
    outcome: str
    failure: TaskFailed | None = None


@dataclass(slots=True)
class _Wait:
    """Looks after each round whether a wait is over, and how."""

    questions: Questions
    tasks: Sequence[WatchedTask]
    policy: WaitPolicy
    now: Callable[[], float]
    _enough_since: float | None = field(default=None, init=False)

    def ended(self) -> _Ended | None:
        """Tell how the wait ended; nothing while it goes on."""
        if any(task.runs is None and task.organizations is None for task in self.tasks):
            return None
        runs = [run for task in self.tasks for run in task.outcomes()]
        decided = verdict(self.policy, runs, enough_for=self._enough_for(runs))
        if decided is Verdict.WAIT:
            return None
        task_id = self.tasks[0].task_id
        if decided is Verdict.FAILED:
            results = readable_results_of(self.questions, runs)
            needed = self.policy.min_results
            failure = task_failed(task_id, runs, results, self._logs_of, min_results=needed)
            return _Ended(results, "failed", failure)
        results = results_of(self.questions, runs)
        if decided is Verdict.COMPLETE:
            return _Ended(results, "completed")
        logs.emit(
            schema.PARTIAL_RESULTS,
            task_id=task_id,
            organization_ids=list(without_result(runs)),
            results=len(results),
        )
        return _Ended(results, "partial")

    def _enough_for(self, runs: Sequence[RunOutcome]) -> float:
        needed = self.policy.min_results
        if needed is None or sum(run.state is State.COMPLETED for run in runs) < needed:
            return 0.0
        if self._enough_since is None:
            self._enough_since = self.now()
        return self.now() - self._enough_since

    def _logs_of(self) -> dict[int, str | None]:
        wanted = {
            run.run_id: run.organization_id
            for task in self.tasks
            for run in task.outcomes()
            if run.state is not State.COMPLETED
        }
        found: dict[int, str | None] = dict.fromkeys(wanted.values())
        for task in self.tasks:
            if any(run.state is not State.COMPLETED for run in task.outcomes()):
                for row in self.questions.run_rows(task.task_id):
                    if row["id"] in wanted:
                        found[wanted[row["id"]]] = row.get("log")
        return found


@dataclass(slots=True)
class _Results:
    """Fetches after each round the results of the runs that ended in it."""

    questions: Questions
    tasks: Sequence[WatchedTask]
    _given: set[tuple[int, int]] = field(default_factory=set, init=False)
    _fetched: list[RunResult] = field(default_factory=list, init=False)

    @property
    def all_given(self) -> bool:
        """Whether every run has ended, and was given."""
        return all(task.is_over for task in self.tasks) and not self._ended()

    def new(self) -> list[RunResult] | None:
        """Give the results of the runs that have ended since; nothing where none has."""
        for run, siblings in self._ended():
            # Each as it is fetched: what comes after it may fail, and is no news then.
            self._fetched.append(result_of_ended(self.questions, run, siblings))
            self._given.add((run.task_id, run.organization_id))
        new, self._fetched = self._fetched, []
        return new if new or self.all_given else None

    def _ended(self) -> list[tuple[RunOutcome, Sequence[RunOutcome]]]:
        return [
            (run, task.outcomes())
            for task in self.tasks
            for run in task.outcomes()
            if not run.is_open and (run.task_id, run.organization_id) not in self._given
        ]
