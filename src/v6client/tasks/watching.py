"""One wait as others see it: its span, its log lines, its metrics, and the line on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, TypeVar

from opentelemetry.trace import Span

from v6client.errors import RequestError, TaskTimeout
from v6client.tasks.failure import task_timeout
from v6client.tasks.progress import Progress
from v6client.tasks.results import Results
from v6client.tasks.runs import RunOutcome, counts_of
from v6client.tasks.watch import Watch
from v6client.tasks.watched_task import WatchedTask
from v6client.telemetry import logs, metrics, schema, spans

T = TypeVar("T")

# Of so many unfinished tasks the runs are still read then.
_LAST_LOOKS: Final = 20


class Watching:
    """Watches tasks, and tells about it.

    Parameters
    ----------
    watch
        Polls.
    line
        Shows the progress.
    span
        The wait's span, which is current while there is something to ask.
    results
        Fetches results.
    """

    def __init__(self, watch: Watch, line: Progress, span: Span, results: Results) -> None:
        self.watch = watch
        self._results = results
        self._line = line
        self._span = span
        self.outcome = "completed"
        watch.on_news = self._report

    def __enter__(self) -> Watching:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell how it ended."""
        with spans.inside(self._span):
            self._tell_end(kind, error)
        # Else the two hold each other, and the results, until Python looks for cycles.
        self.watch.on_news = _nothing

    def _tell_end(self, kind: type[BaseException] | None, error: BaseException | None) -> None:
        watch = self.watch
        if isinstance(error, TaskTimeout):
            self.outcome = "timeout"
        elif isinstance(error, GeneratorExit):
            self.outcome = "stopped"
        elif kind is not None and self.outcome == "completed":
            self.outcome = "error"
        self._span.set_attribute(schema.WAIT_POLL_COUNT, watch.polls)
        self._span.set_attribute(schema.WAIT_OUTCOME, self.outcome)
        is_seen = kind is None or self.outcome == "failed"
        # It ended at some moment between two polls.
        low, high = watch.ended_between
        overshoot = (high - low) / 2 if is_seen else None
        metrics.record_wait(watch.elapsed, watch.polls, overshoot, self.outcome)
        elapsed = round(watch.elapsed, 3)
        if error is not None and not isinstance(error, (Exception, GeneratorExit)):
            # Ctrl-C, or the end of the container: the tasks know nothing of it.
            logs.emit(
                schema.WAIT_INTERRUPTED,
                task_ids=[task.task_id for task in watch.tasks if not task.is_over],
                error_type=type(error).__name__,
                elapsed_s=elapsed,
            )
        elif is_seen:
            first = watch.tasks[0]
            logs.emit(
                schema.TASK_FINISHED,
                task_id=first.task_id,
                status=first.status,
                elapsed_s=elapsed,
                polls=watch.polls,
            )

    def until(self, seen: Callable[[], T | None]) -> T:
        """Poll until ``seen`` gives something.

        Raises
        ------
        TaskTimeout
            When it does not until the deadline, and a look at the runs themselves shows nothing.
        RequestError
            The third refusal in a row.
        """
        with spans.inside(self._span):
            found = self.watch.until(seen)
            if found is None:
                # What comes now gets another overtime, and no more, whatever it consists of.
                self.watch.schedule.deadline = self.watch.now()
                found = self._last_look(seen)
            if found is None:
                raise self._timeout()
        return found

    def _last_look(self, seen: Callable[[], T | None]) -> T | None:
        """Read the runs at the deadline: the polls may have failed, or told too little."""
        try:
            self.read_unread()
            return seen()
        except RequestError:
            return None  # what is known by now has to do

    def read_unread(self) -> None:
        """Read the runs of tasks that are not known to be over; not of all, where they are many.

        Raises
        ------
        RequestError
            When they cannot be had.
        """
        unread = [task for task in self.watch.tasks if not task.is_over]
        for task in unread[:_LAST_LOOKS]:
            self.watch.read_runs(task)

    def _timeout(self) -> TaskTimeout:
        watch, tasks = self.watch, self.watch.tasks
        going_on = [task for task in tasks if not task.is_over]
        runs = [run for task in tasks for run in task.outcomes()]
        # By organization: where one is in several tasks, nobody could tell which it is.
        is_clear = len({run.organization_id for run in runs}) == len(runs)
        results = self._results.what_there_is(runs, watch.within) if is_clear else {}
        if not is_clear:
            runs = [run for task in going_on for run in task.outcomes()]
        return task_timeout(
            [task.task_id for task in going_on or tasks],
            runs,
            results,
            is_over=not going_on,
            status=(going_on or tasks)[0].status,
            elapsed=watch.elapsed,
        )

    def _report(self, task: WatchedTask, ended: Sequence[RunOutcome]) -> None:
        """Say each change of state."""
        status = schema.known_status(task.status)
        logs.emit(
            schema.TASK_STATUS,
            task_id=task.task_id,
            status=task.status,
            elapsed_s=round(self.watch.elapsed, 3),
            **({} if task.runs is None else counts_of(task.runs)),
        )
        spans.add_event(
            self._span,
            schema.STATUS_CHANGED,
            {schema.TASK_ID: task.task_id, schema.TASK_STATUS_NOW: status},
        )
        for run in ended:
            spans.add_event(self._span, schema.RUN_ENDED, _facts_of(run))
        if task.trace is not None:
            task.trace.ended(ended)
        if self._line.is_shown:
            self._line.show([run for one in self.watch.tasks for run in one.outcomes()])


def _nothing(_: WatchedTask, __: Sequence[RunOutcome]) -> None:
    """Tell nobody."""


def _facts_of(run: RunOutcome) -> dict[str, int | str]:
    facts: dict[str, int | str] = {
        schema.TASK_ID: run.task_id,
        schema.ORGANIZATION_ID: run.organization_id,
        schema.RUN_STATUS: schema.known_status(run.status),
    }
    if run.run_id is not None:
        facts[schema.RUN_ID] = run.run_id
    return facts
