"""A job's spans from what the server knows of it: any past job, instrumented or not. Pure.

The ids are those of the live trace where a task's description carries what they follow from: the
creating span's id is in its ``traceparent``, a run's is derived from the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from v6client.cli.trace.record import Record, Value
from v6client.server_time import seconds_of
from v6client.tasks.carrier import Carried, carried
from v6client.telemetry import schema
from v6client.telemetry.propagation import job_trace_id, span_context_of
from v6client.telemetry.run_spans import Timeline, run_span_id, timeline

_SECOND: Final = 1e9
_OPEN: Final = frozenset({"pending", "initializing", "active"})
_COMPLETED: Final = "completed"


@dataclass(frozen=True, slots=True)
class RunRow:
    """What is kept of a run at the server: no input, no result, no log."""

    run_id: int
    organization_id: int
    status: str
    started_at: str | None
    finished_at: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> RunRow:
        """Take it from a row of ``GET run``."""
        return cls(
            row["id"],
            row["organization"]["id"],
            row["status"],
            row.get("started_at"),
            row.get("finished_at"),
        )


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What is kept of a task at the server: no name, no description, no database.

    Parameters
    ----------
    task_id, job_id, collaboration_id, image, created_at
        The server's.
    parent_id, creator_id
        The task whose container created it, and that container's organization; ``None`` where a
        user did.
    carried
        What the description says of its creation.
    runs
        Its runs.
    """

    task_id: int
    job_id: int
    collaboration_id: int
    image: str
    created_at: str
    parent_id: int | None
    creator_id: int | None
    carried: Carried | None
    runs: tuple[RunRow, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any], runs: Sequence[RunRow]) -> TaskRow:
        """Take it from a row of ``GET task``, and its runs."""
        return cls(
            row["id"],
            _whole(row.get("job_id")) or 0,
            _id(row.get("collaboration")) or 0,
            str(row.get("image") or ""),
            str(row.get("created_at") or ""),
            _id(row.get("parent")),
            _id(row.get("init_org")),
            carried(row.get("description")),
            tuple(runs),
        )


def _id(linked: object) -> int | None:
    return _whole(linked.get("id")) if isinstance(linked, dict) else None


def _whole(value: object) -> int | None:
    return value if type(value) is int else None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A job's spans as far as the server knows.

    Parameters
    ----------
    records
        All that can be shown.
    missing
        Those that may be missing in a backend, with the ids that they have or would have there.
    sendable
        Those, and the ones that the containers have most likely exported themselves.
    """

    records: list[Record]
    missing: list[Record]
    sendable: list[Record]


def rebuilt(tasks: Sequence[TaskRow], *, now: float) -> Rebuilt:
    """Rebuild the spans of a job.

    Parameters
    ----------
    tasks
        All tasks of one job.
    now
        This clock: seconds since 1970.
    """
    job = _Job(tasks, now)
    found = Rebuilt([], [], [])
    for task in tasks:
        job.add(task, found)
    return found


class _Job:
    def __init__(self, tasks: Sequence[TaskRow], now: float) -> None:
        self._now = now
        self._tasks = {task.task_id: task for task in tasks}
        self._trace_id = self._find_trace_id(tasks)

    def _find_trace_id(self, tasks: Sequence[TaskRow]) -> str:
        """Find what a container of the job has told, or derive it as the containers do."""
        for task in sorted(tasks, key=lambda one: one.task_id):
            context = _context(task)
            if context is not None:
                return context[0]
        root = min(tasks, key=lambda one: (one.parent_id is not None, one.task_id))
        derived = job_trace_id(root.job_id, root.collaboration_id, root.created_at, root.image)
        return f"{derived:032x}"

    def add(self, task: TaskRow, found: Rebuilt) -> None:
        context = _context(task)
        trace_id = context[0] if context else self._trace_id
        parent_id = context[1] if context else self._above(task)
        created = self._creation(task, trace_id, parent_id, is_known=context is not None)
        if created is not None:
            found.records.append(replace(created, trace_id=self._trace_id))
        for run in task.runs:
            record = self._run(task, run, trace_id, parent_id)
            found.records.append(replace(record, trace_id=self._trace_id))
            if record.end is not None and self._is_sendable(task):
                found.sendable.append(record)
                if self._may_be_missing(task, record):
                    found.missing.append(record)
        if created is not None and context is not None and self._is_sendable(task):
            found.sendable.append(created)
            if not self._ended_in_order(task):
                found.missing.append(created)

    def _creation(
        self, task: TaskRow, trace_id: str, span_id: str, *, is_known: bool
    ) -> Record | None:
        if task.parent_id is None:
            return None
        moment = round((seconds_of(task.created_at) or self._now) * 1_000_000) * 1000
        return Record(
            trace_id,
            span_id if is_known else _own_id("create", task.task_id),
            "",
            schema.TASK_CREATE,
            moment,
            moment,
            {schema.TASK_ID: task.task_id, schema.ORGANIZATION_COUNT: len(task.runs)},
            task_id=task.parent_id,
            organization_id=task.creator_id,
        )

    def _run(self, task: TaskRow, run: RunRow, trace_id: str, parent_id: str) -> Record:
        status = schema.known_status(run.status)
        is_open = status in _OPEN
        times = timeline(task.created_at, run.started_at, run.finished_at, now=self._now)
        attributes: dict[str, Value] = {
            schema.TASK_ID: task.task_id,
            schema.ORGANIZATION_ID: run.organization_id,
            schema.RUN_STATUS: status,
            schema.CLOCK_SKEW: times.is_skewed,
            schema.RUN_ID: run.run_id,
        }
        if times.started is not None and not is_open:
            attributes |= _durations(times, times.started)
        is_error = not is_open and status != _COMPLETED
        if is_error:
            attributes[schema.ERROR_TYPE] = status.replace(" ", "_")
        return Record(
            trace_id,
            self._run_id(task, run),
            parent_id,
            schema.RUN,
            times.created,
            None if is_open else times.finished,
            attributes,
            is_error=is_error,
            began=times.started,
            task_id=task.parent_id,
            organization_id=task.creator_id,
        )

    def _run_id(self, task: TaskRow, run: RunRow) -> str:
        # A job's first task has no key; the trace id is as much its own.
        key = task.carried.key if task.carried else self._trace_id
        return f"{run_span_id(key, task.task_id, run.organization_id):016x}"

    def _above(self, task: TaskRow) -> str:
        """Give the span under which runs hang whose creator told none: that creator's run."""
        parent = self._tasks.get(task.parent_id or 0)
        if parent is None or task.creator_id is None:
            return ""
        for run in parent.runs:
            if run.organization_id == task.creator_id:
                return self._run_id(parent, run)
        return ""

    def _is_sendable(self, task: TaskRow) -> bool:
        """Tell whether the ids of a task's runs are what they are in the live trace."""
        if task.parent_id is None:
            # Where it has told of itself, its own spans are the trace's root already.
            children = [one for one in self._tasks.values() if one.parent_id == task.task_id]
            return bool(children) and not any(_context(one) for one in children)
        context = _context(task)
        if task.carried is None or task.carried.is_under_producer:
            return False
        # What its sampler has decided to leave out stays out.
        return context is None or context[2]

    def _creator(self, task: TaskRow) -> RunRow | None:
        parent = self._tasks.get(task.parent_id or 0)
        runs = parent.runs if parent else ()
        return next((run for run in runs if run.organization_id == task.creator_id), None)

    def _ended_in_order(self, task: TaskRow) -> bool:
        creator = self._creator(task)
        return creator is not None and creator.status == _COMPLETED

    def _may_be_missing(self, task: TaskRow, record: Record) -> bool:
        if _context(task) is None or not self._ended_in_order(task):
            return True
        # It has exported the spans of the runs that it saw end.
        creator = self._creator(task)
        ended = seconds_of(creator.finished_at) if creator else None
        return ended is None or (record.end or 0) > ended * _SECOND


def _durations(times: Timeline, started: int) -> dict[str, Value]:
    return {
        schema.RUN_QUEUE: (started - times.created) / _SECOND,
        schema.RUN_COMPUTE: (times.finished - started) / _SECOND,
    }


def _context(task: TaskRow) -> tuple[str, str, bool] | None:
    """Read the creating span: its trace, its id, and whether it is sampled."""
    context = span_context_of(task.carried.traceparent) if task.carried else None
    if context is None:
        return None
    trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    return trace_id, span_id, context.trace_flags.sampled


def _own_id(*words: object) -> str:
    """Give an id to a span that is only shown, and never sent."""
    text = "/".join(str(word) for word in words)
    return hashlib.sha256(f"shown/{text}".encode()).hexdigest()[:16]
