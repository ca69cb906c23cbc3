"""What is to be known of a job: failures with their cause first, organizations, retries. Pure."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from v6client.cli.trace.job import Job, Run, State
from v6client.cli.trace.path import Stretch


class Role(enum.Enum):
    """Why a run did not complete."""

    CAUSE = "cause"
    CASCADED = "never started, because another run of its task had failed"
    FOLLOWED = "failed after a run below it had failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that did not complete, and why."""

    run: Run
    role: Role


def failures_of(job: Job) -> list[Failure]:
    """Give the runs that did not complete: causes first, the earliest first.

    A run below which another failed has most likely failed because of that.
    """
    found = []
    for run in job.all_runs():
        if run.state is State.NEVER_STARTED:
            found.append(Failure(run, Role.CASCADED))
        elif run.state is State.FAILED:
            below = any(
                other.state is State.FAILED and (other.ended or 0) <= (run.ended or 0)
                for other in _runs_below(run)
            )
            found.append(Failure(run, Role.FOLLOWED if below else Role.CAUSE))
    order = list(Role)
    return sorted(found, key=lambda one: (order.index(one.role), one.run.ended or 0))


def _runs_below(run: Run) -> Iterable[Run]:
    waiting = [child for task in run.tasks for child in task.runs]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [child for task in one.tasks for child in task.runs]


@dataclass(slots=True)
class Organization:
    """One organization's part in a job; durations in nanoseconds."""

    organization_id: int
    runs: int = 0
    completed: int = 0
    not_completed: int = 0
    queues: list[int] = field(default_factory=list)
    computes: list[int] = field(default_factory=list)
    is_skewed: bool = False
    retries: int = 0
    last: int = 0
    critical: int = 0

    @property
    def median_queue(self) -> float | None:
        """The middle of its queue times."""
        return median(self.queues) if self.queues else None

    @property
    def median_compute(self) -> float | None:
        """The middle of its compute times."""
        return median(self.computes) if self.computes else None


def organizations_of(job: Job, path: Sequence[Stretch]) -> list[Organization]:
    """Sum up each organization, by ascending id.

    Parameters
    ----------
    job
        The job.
    path
        Its critical path.
    """
    found: dict[int, Organization] = {}
    for run in job.all_runs():
        one = found.setdefault(run.organization_id, Organization(run.organization_id))
        one.runs += 1
        one.completed += run.state is State.COMPLETED
        one.not_completed += run.state in {State.FAILED, State.NEVER_STARTED}
        one.retries += run.retries
        one.is_skewed |= run.is_skewed
        if run.queue is not None and run.started is not None:
            one.queues.append(run.queue)
        if run.compute is not None:
            one.computes.append(run.compute)
    for task in job.all_tasks():
        if len(task.runs) > 1 and task.ended is not None:
            last = max(task.runs, key=lambda run: run.ended or 0)
            found[last.organization_id].last += 1
    for stretch in path:
        found[stretch.run.organization_id].critical += stretch.length
    return [found[key] for key in sorted(found)]


@dataclass(frozen=True, slots=True)
class Resent:
    """Requests of one kind that were repeated: how often, and after what."""

    request: str
    organization_id: int
    count: int
    reasons: tuple[tuple[str, int], ...]


def resent_of(job: Job) -> list[Resent]:
    """Give the requests that were repeated, the most first."""
    counts: Counter[tuple[str, int]] = Counter()
    reasons: dict[tuple[str, int], Counter[str]] = {}
    for run in job.all_runs():
        for request, number in run.resent.items():
            counts[request, run.organization_id] += number
        for (request, reason), number in run.failed.items():
            reasons.setdefault((request, run.organization_id), Counter())[reason] += number
    return [
        Resent(
            request,
            organization,
            number,
            tuple(reasons.get((request, organization), Counter()).most_common()),
        )
        for (request, organization), number in counts.most_common()
    ]
