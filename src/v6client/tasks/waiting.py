"""Waiting for a subtask: complete results, or an error that says who is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from v6client.errors import MaskedServerError, RequestError, ResultError, TaskFailed, TaskTimeout
from v6client.payload.blobs import Blob
from v6client.payload.codec import decode_result
from v6client.payload.content import Loadable
from v6client.settings import Settings
from v6client.tasks.polling import FLOOR_OF_INTERVAL, Schedule
from v6client.tasks.runs import OrganizationRun, State, is_finished, runs_of
from v6client.telemetry import logs, metrics, schema

Row = dict[str, Any]

_SERVER_ERROR: Final = 500
# What the poll at the deadline may take.
_LAST_POLL_SECONDS: Final = 5.0
# So many refusals in a row end a wait: one alone may be the proxy's bad moment.
_REFUSALS: Final = 3


@dataclass(frozen=True, slots=True)
class TaskReader:
    """What a wait asks of the server.

    Parameters
    ----------
    status
        Gives a task's status by its id, within so many seconds (``None`` for the usual).
    run_rows, result_rows
        Give a task's rows by its id, ascending.
    """

    status: Callable[[int, float | None], str]
    run_rows: Callable[[int], list[Row]]
    result_rows: Callable[[int], list[Row]]


@dataclass(frozen=True, slots=True)
class Waiter:
    """Waits for one task.

    Parameters
    ----------
    reader
        Asks the server.
    settings
        The numbers of the polling schedule.
    sleep, now
        Time, to be replaced in tests: monotonic seconds.
    """

    reader: TaskReader
    settings: Settings
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def wait(
        self,
        task_id: int,
        *,
        interval: float,
        timeout: float | None,
        created: float | None,
        organizations: Sequence[int] | None,
    ) -> list[Any]:
        """Wait until a task has finished, and give its results.

        Parameters
        ----------
        task_id
            The task.
        interval
            Seconds; a tenth of it is the shortest distance between two polls.
        timeout
            Seconds from now; ``None`` for no end.
        created
            When this client created the task, on the clock ``now``.
        organizations
            The organizations that it was created for, where this client created it.

        Returns
        -------
        list
            One decoded result an organization, in the order of ``organizations``; by ascending
            run id where the task was created elsewhere.

        Raises
        ------
        TaskFailed
            When a run failed, never started or is missing.
        TaskTimeout
            When the task was not finished in time.
        ResultError
            When a completed run's result is missing or cannot be decoded.
        RequestError
            When the runs or results of the finished task cannot be had.
        """
        began = self.now()
        deadline = None if timeout is None else began + timeout
        schedule = Schedule(
            created=began if created is None else created,
            floor=interval * FLOOR_OF_INTERVAL,
            growth=self.settings.poll_growth,
            cap=self.settings.poll_cap,
            load=self.settings.poll_load,
            deadline=deadline,
        )
        status, polls = self._until_finished(task_id, schedule, began)
        logs.emit(
            schema.TASK_FINISHED,
            task_id=task_id,
            status=status,
            elapsed_s=round(self.now() - began, 3),
            polls=polls,
        )
        runs = runs_of(self.reader.run_rows(task_id), organizations)
        if not runs or any(run.state is not State.COMPLETED for run in runs):
            raise _failure(task_id, runs, self._what_there_is(task_id, runs))
        results = self._results_of(task_id, runs)
        return [results[run.organization_id] for run in runs]

    def _until_finished(self, task_id: int, schedule: Schedule, began: float) -> tuple[str, int]:
        polls = refusals = 0
        last = "not known"
        delay = schedule.first_delay(began)
        while True:
            self.sleep(delay)
            polls += 1
            status, refusal = self._poll(task_id, schedule, began)
            refusals = refusals + 1 if refusal else 0
            if refusal and refusals == _REFUSALS:
                raise refusal
            if status is not None:
                if status != last:
                    _log_change(task_id, status, self.now() - began)
                last = status
                if is_finished(status):
                    return status, polls
            if schedule.deadline is not None and self.now() >= schedule.deadline:
                raise TaskTimeout(
                    f"task {task_id} was not finished after {self.now() - began:.0f} s (status: "
                    f"{last}). It goes on, and can be waited for again. Give wait_for_results a "
                    "longer timeout=, or set V6CLIENT_WAIT_TIMEOUT ('none' for no end).",
                    task_id=task_id,
                )
            delay = schedule.next_delay(self.now())

    def _poll(
        self, task_id: int, schedule: Schedule, began: float
    ) -> tuple[str | None, RequestError | None]:
        """Ask once: the status, or why it was refused. A poll that failed is no news."""
        metrics.tally.count(polls=1)
        started = self.now()
        within = None
        if schedule.deadline is not None:
            within = max(_LAST_POLL_SECONDS, schedule.deadline - started)
        try:
            status = self.reader.status(task_id, within)
        except RequestError as error:
            failure = error
        else:
            schedule.polled(self.now() - started)
            return status, None
        logs.emit(
            schema.POLL_FAILED,
            task_id=task_id,
            error_type=type(failure).__name__,
            elapsed_s=round(self.now() - began, 3),
        )
        refused = failure.status is not None and (
            failure.status < _SERVER_ERROR
            or (isinstance(failure, MaskedServerError) and failure.server_answers)
        )
        return None, failure if refused else None

    def _what_there_is(self, task_id: int, runs: Sequence[OrganizationRun]) -> dict[int, Any]:
        """Read the results of a task that failed: what cannot be read does not hide why it did."""
        try:
            return self._results_of(task_id, runs, tolerant=True)
        except RequestError:
            return {}

    def _results_of(
        self, task_id: int, runs: Iterable[OrganizationRun], *, tolerant: bool = False
    ) -> dict[int, Any]:
        completed = [run for run in runs if run.state is State.COMPLETED]
        rows = {row["id"]: row for row in self.reader.result_rows(task_id)} if completed else {}
        results = {}
        for run in completed:
            try:
                results[run.organization_id] = decode_row(
                    rows.get(run.run_id, {}), task_id, run.run_id or 0, run.organization_id
                )
            except ResultError:
                if not tolerant:
                    raise
        return results


def decode_row(row: Mapping[str, Any], task_id: int, run_id: int, organization: int | None) -> Any:  # noqa: ANN401 - JSON
    """Decode one row of ``GET result``.

    Raises
    ------
    ResultError
        When there is no result, or it cannot be decoded.
    RequestError
        When it is in the blob store, and nobody answers for it.
    """
    facts: dict[str, Any] = {
        "task_id": task_id,
        "run_id": run_id,
        "organization_id": organization,
    }
    result = row.get("result")
    if isinstance(result, Blob) and not result.has_id:
        raise ResultError(
            f"the result of run {run_id} (task {task_id}) is said to be in the server's blob "
            "store, but its id is no UUID. Look at the log of that organization's node.",
            **facts,
        )
    if not isinstance(result, (str, Loadable)) or not result:
        raise ResultError(
            f"run {run_id} (task {task_id}) is completed, but the server has no result of it. "
            "Look at the log of that organization's node.",
            **facts,
        )
    return decode_result(result, **facts)


def _log_change(task_id: int, status: str, elapsed: float) -> None:
    logs.emit(schema.TASK_STATUS, task_id=task_id, status=status, elapsed_s=round(elapsed, 3))


def _failure(
    task_id: int, runs: Sequence[OrganizationRun], results: Mapping[int, Any]
) -> TaskFailed:
    """Write the error of a task that is not complete: the cause first."""
    headings = {
        State.FAILED: "Failed",
        State.MISSING: "No run",
        State.NEVER_STARTED: "Never started, because another failed",
        State.RUNNING: "Still running",
    }
    parts = []
    for state, heading in headings.items():
        named = [str(run) for run in runs if run.state is state]
        if named:
            parts.append(f"{heading}: {'; '.join(named)}.")
    done = [str(run.organization_id) for run in runs if run.state is State.COMPLETED]
    if done:
        parts.append(f"Completed: organization {', '.join(done)}; see .results.")
    if not runs:
        parts.append("The server has no run of it, so nothing was computed. Create it again.")
    advice = "The log of each failed run says why: client.run.from_task, or the task in the UI."
    return TaskFailed(
        f"task {task_id} did not complete. {' '.join(parts)} {advice}",
        task_id=task_id,
        organization_ids=tuple(
            run.organization_id for run in runs if run.state is not State.COMPLETED
        ),
        results=results,
        statuses={run.organization_id: run.status for run in runs},
    )
