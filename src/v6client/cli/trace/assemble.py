"""From spans to jobs. Pure; it takes any spans, also those of files of which many are missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from v6client.cli.trace.job import Job, Run, Task, Wait
from v6client.cli.trace.record import Record
from v6client.cli.trace.texts import count
from v6client.telemetry import schema

# A job's tree is seldom deeper than three; what a file says beyond this is not followed.
DEEPEST: Final = 32
_POLL: Final = "/task/{id}/status"

Who = tuple[int, int]
"""A container: its task and its organization."""


def jobs_of(
    records: Iterable[Record], others: Collection[tuple[str, str]] = frozenset()
) -> list[Job]:
    """Build the jobs that spans tell of, the first first.

    Parameters
    ----------
    records
        The spans of any number of traces, each once.
    others
        The trace and span ids of spans of other libraries: a span below one is not lost.
    """
    traces: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        traces[record.trace_id].append(record)
    jobs = [_Assembly(trace_id, found, others).job() for trace_id, found in traces.items()]
    return sorted((job for job in jobs if job.tasks), key=lambda job: (job.start, job.trace_id))


class _Assembly:
    """One trace, put together."""

    def __init__(
        self, trace_id: str, records: list[Record], others: Collection[tuple[str, str]]
    ) -> None:
        self._trace_id = trace_id
        self._others = others
        self._records = records
        self._by_id: Mapping[str, Record] = {one.span_id: one for one in records}
        self._tasks: dict[int, Task] = {}
        self._runs: dict[Who, Run] = {}
        self._creators: dict[int, Who] = {}
        self._owners: dict[str, Who | None] = {}
        self._own_spans: dict[Who, Record] = {}

    def job(self) -> Job:
        takes = {
            schema.RUN: self._take_run,
            schema.ALGORITHM: self._take_algorithm,
            schema.TASK_CREATE: self._take_creation,
            schema.TASK_WAIT: self._take_wait,
            schema.ATTEMPT_SPAN: self._take_attempt,
        }
        for record in self._records:
            take = takes.get(record.name)
            if take is not None:
                take(record)
        for run in self._runs.values():
            self._complete(run)
            run.task.cause_is_known |= run.is_failed and not run.looks_cascaded
        return self._tree()

    def _task(self, task_id: int) -> Task:
        return self._tasks.setdefault(task_id, Task(task_id))

    def _run(self, who: Who) -> Run:
        if who not in self._runs:
            task = self._task(who[0])
            self._runs[who] = Run(task, who[1])
            task.runs.append(self._runs[who])
        return self._runs[who]

    def _owner(self, record: Record) -> Who | None:
        """Say whose container a span is of: what its resource says, else the nearest above it."""
        if record.span_id not in self._owners:
            self._owners[record.span_id] = self._find_owner(record)
        return self._owners[record.span_id]

    def _find_owner(self, record: Record) -> Who | None:
        one: Record | None = record
        for _ in range(DEEPEST):
            if one is None:
                return None
            if one.task_id is not None and one.organization_id is not None:
                return one.task_id, one.organization_id
            # A run's own span is its creator's: who waited for it has emitted it.
            if one is not record and one.name in {schema.ALGORITHM, schema.RUN}:
                return _subject(one)
            one = self._by_id.get(one.parent_id)
        return None

    def _created_by(self, task_id: int, record: Record) -> None:
        owner = self._owner(record)
        if owner is not None and owner[0] != task_id:
            self._creators.setdefault(task_id, owner)

    def _take_run(self, record: Record) -> None:
        who = _subject(record)
        if who is None:
            return
        run = self._run(who)
        run.run_id = record.whole(schema.RUN_ID)
        run.status = record.text(schema.RUN_STATUS)
        run.created, run.started, run.ended = record.start, record.began, record.end
        run.is_skewed = record.attributes.get(schema.CLOCK_SKEW) is True
        run.task.created = min(run.task.created or record.start, record.start)
        if record.parent_id:
            run.task.is_orphan = True
        self._created_by(run.task.task_id, record)

    def _take_algorithm(self, record: Record) -> None:
        who = _subject(record)
        if who is None:
            return
        run = self._run(who)
        run.is_traced = True
        run.error_type = record.text(schema.ERROR_TYPE)
        if record.parent_id:
            run.task.is_orphan = True
            above = self._by_id.get(record.parent_id)
            # Where the application brought its own provider, it hangs under the creation itself.
            if above is not None and above.name == schema.TASK_CREATE:
                self._created_by(who[0], above)
        self._own_spans[who] = record

    def _complete(self, run: Run) -> None:
        """Take from the container's own span what nobody who waited for the run has told."""
        record = self._own_spans.get((run.task.task_id, run.organization_id))
        if record is None or run.status:
            return
        run.started, run.ended = record.start, record.end
        run.status = "failed" if record.is_error else "completed"
        if run.task.created is not None:
            run.created = min(run.task.created, record.start)

    def _take_creation(self, record: Record) -> None:
        task_id = record.whole(schema.TASK_ID)
        if task_id is None:
            return
        task = self._task(task_id)
        task.created = record.start if task.created is None else min(task.created, record.start)
        task.organizations = record.whole(schema.ORGANIZATION_COUNT)
        task.twins = record.whole(schema.TWIN_COUNT) or 0
        task.was_found = record.text(schema.CREATION) == "found"
        task.is_orphan = True
        self._created_by(task_id, record)

    def _take_wait(self, record: Record) -> None:
        owner = self._owner(record)
        if owner is not None and record.end is not None:
            polls = record.whole(schema.WAIT_POLL_COUNT) or 0
            self._run(owner).waits.append(Wait(record.start, record.end, polls))

    def _take_attempt(self, record: Record) -> None:
        owner = self._owner(record)
        if owner is None:
            return
        run = self._run(owner)
        template = record.text(schema.URL_TEMPLATE)
        request = f"{record.text(schema.HTTP_METHOD)} {template}"
        # Polls are counted by their waits: of those only the failed have spans.
        run.requests += template != _POLL
        if record.whole(schema.HTTP_RESEND_COUNT):
            run.resent[request] += 1
        if record.is_error:
            run.failed[request, record.text(schema.ERROR_TYPE) or "unknown"] += 1

    def _tree(self) -> Job:
        job = Job(self._trace_id)
        for task_id, creator in self._creators.items():
            if not self._is_circle(task_id, creator):
                # It may be known by what it created alone: its own span was never exported.
                self._tasks[task_id].creator = self._run(creator)
        for task in sorted(self._tasks.values(), key=lambda one: (one.is_orphan, one.task_id)):
            task.runs.sort(key=lambda run: (run.organization_id, run.run_id or 0))
            task.is_orphan = task.is_orphan and task.creator is None
            (job.tasks if task.creator is None else task.creator.tasks).append(task)
        job.tasks.sort(key=lambda one: (one.is_orphan, one.begin or 0, one.task_id))
        job.problems = self._problems()
        return job

    def _is_circle(self, task_id: int, creator: Who) -> bool:
        """Tell whether a task would be its own ancestor, or is deeper than is followed."""
        for _ in range(DEEPEST):
            if creator[0] == task_id:
                return True
            above = self._creators.get(creator[0])
            if above is None:
                return False
            creator = above
        return True

    def _problems(self) -> list[str]:
        lost = sum(
            1
            for one in self._records
            if one.parent_id
            and one.parent_id not in self._by_id
            and (self._trace_id, one.parent_id) not in self._others
        )
        problems = []
        if lost:
            problems.append(
                f"The tree has gaps: {count(lost, 'span')} with a parent that is in none of the "
                "files. A container was killed, exports nothing, or its file is not here."
            )
        missing = sum(task.missing for task in self._tasks.values())
        if missing:
            problems.append(
                f"Of {count(missing, 'run')} there is no span: nobody waited for them, or the "
                "container that did was killed."
            )
        return problems


def _subject(record: Record) -> Who | None:
    """Say which run a span is about."""
    task, organization = record.whole(schema.TASK_ID), record.whole(schema.ORGANIZATION_ID)
    return None if task is None or organization is None else (task, organization)
