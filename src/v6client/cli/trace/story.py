"""A job in some sentences, for a person who knows the study and not the network. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from v6client.cli.trace.findings import (
    Failure,
    Organization,
    Resent,
    Role,
    failures_of,
    organizations_of,
    resent_of,
)
from v6client.cli.trace.job import Job, Run, State
from v6client.cli.trace.path import Part, Stretch, critical_path
from v6client.cli.trace.texts import count, seconds, share

_MANY: Final = 3
_HALF: Final = 0.5
# Below half a percent it would be told as nothing.
_TOLD: Final = 0.005


@dataclass(frozen=True, slots=True)
class Story:
    """A job with all that is found in it.

    Parameters
    ----------
    job, path, failures, organizations, resent
        The job and its findings.
    verdict
        How it ended, in a word or two.
    is_well
        Whether all of it completed; ``None`` while it goes on, or where that is not known.
    size, failing, more
        What happened, in sentences: how large it was, what failed, and what else is to be known.
    """

    job: Job
    path: list[Stretch]
    failures: list[Failure]
    organizations: list[Organization]
    resent: list[Resent]
    verdict: str
    is_well: bool | None
    size: str = ""
    failing: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Job) -> Story:
        """Find all that is to be told of a job."""
        path = critical_path(job)
        failures, organizations = failures_of(job), organizations_of(job, path)
        verdict, is_well = _verdict(job, failures)
        story = cls(job, path, failures, organizations, resent_of(job), verdict, is_well)
        more = (*_time(story), *_requests(story), *_clocks(organizations))
        failing = tuple(_failures(failures))
        return replace(story, size=_size(story), failing=failing, more=more)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of them."""
        return (self.size, *self.failing, *self.more)


def _verdict(job: Job, failures: Sequence[Failure]) -> tuple[str, bool | None]:
    states = {run.state for run in job.first_runs}
    if State.OPEN in states:
        return "still running", None
    if states & {State.FAILED, State.NEVER_STARTED}:
        return "failed", False
    if not states or State.UNKNOWN in states:
        return "end unknown", None
    return ("completed, with failures", False) if failures else ("completed", True)


def _size(story: Story) -> str:
    job = story.job
    runs = list(job.all_runs())
    done = sum(run.state is State.COMPLETED for run in runs)
    tasks = sum(1 for _ in job.all_tasks())
    rounds = sum(len(run.rounds) for run in job.first_runs)
    organizations = len(story.organizations)
    in_rounds = f" in {count(rounds, 'round')}" if rounds > 1 else ""
    return (
        f"{count(tasks, 'task')}{in_rounds} at {count(organizations, 'organization')}, "
        f"{seconds(job.end - job.start)} in all; {done:,} of {count(len(runs), 'run')} completed."
    )


def _failures(failures: Sequence[Failure]) -> Iterator[str]:
    causes = [one.run for one in failures if one.role is Role.CAUSE]
    for run in causes[:_MANY]:
        after = f" after {seconds(run.compute)}" if run.compute else ""
        error = f" ({run.error_type})" if run.error_type else ""
        yield (
            f"Organization {run.organization_id} failed in task {run.task.task_id}: "
            f"{run.status}{error}{after}. The run's log at the server says more."
        )
    if len(causes) > _MANY:
        yield f"{len(causes) - _MANY:,} more failed by themselves."
    for role, text in ((Role.CASCADED, "never started because of that"), (Role.FOLLOWED, "")):
        number = sum(one.role is role for one in failures)
        if number and role is Role.CASCADED:
            yield f"{count(number, 'run')} {text}."
        elif number:
            yield f"{count(number, 'run')} above failed in consequence."


def _time(story: Story) -> Iterator[str]:
    whole = sum(stretch.length for stretch in story.path)
    if not whole:
        return
    central = set(map(id, story.job.first_runs))
    parts: Counter[str] = Counter()
    for stretch in story.path:
        if stretch.part is Part.COMPUTE and id(stretch.run) not in central:
            parts["computing at organizations"] += stretch.length
        elif stretch.part is Part.COMPUTE:
            parts["in the central part"] += stretch.length
        else:
            parts[stretch.part.value] += stretch.length
    told = ", ".join(
        f"{share(part, whole)} {what}"
        for what, part in parts.most_common()
        if part >= _TOLD * whole
    )
    yield f"Of the time that the job took, it spent {told}."
    subtasks = [task for task in story.job.all_tasks() if len(task.runs) > 1]
    slowest = max(story.organizations, key=lambda one: one.last)
    if len(subtasks) > 1 and slowest.last > _HALF * len(subtasks):
        yield (
            f"Organization {slowest.organization_id} was the last to finish in {slowest.last:,} "
            f"of {len(subtasks):,} tasks: the others waited for it."
        )


def _requests(story: Story) -> Iterator[str]:
    runs = [run for run in story.job.all_runs() if run.is_traced or run.requests or run.waits]
    if not runs:
        yield "No container exported telemetry: requests and retries are not known."
        return
    yield f"{_containers(runs)} made {_tally(runs)}."
    if story.resent:
        first = story.resent[0]
        reasons = ", ".join(f"{reason} ({number:,})" for reason, number in first.reasons[:_MANY])
        yield (
            f"Most often repeated: {first.request}, {first.count:,} times at organization "
            f"{first.organization_id}{f' after {reasons}' if reasons else ''}."
        )
    found = sum(task.was_found for task in story.job.all_tasks())
    if found:
        yield f"The answers to {count(found, 'creation')} were lost; the tasks were found again."
    twins = sum(task.twins for task in story.job.all_tasks())
    if twins:
        yield (
            f"The server has {count(twins, 'twin')} of these tasks, whose results nobody uses. "
            "You can kill them."
        )


def _containers(runs: Sequence[Run]) -> str:
    return "The container that exported" if len(runs) == 1 else f"{len(runs):,} containers"


def _tally(runs: Sequence[Run]) -> str:
    requests, polls = sum(run.requests for run in runs), sum(run.polls for run in runs)
    retries = sum(run.retries for run in runs)
    return (
        f"{count(requests, 'request')} and {count(polls, 'status poll')}; "
        f"{count(retries, 'of them was a retry', 'of them were retries')}"
    )


def _clocks(organizations: Sequence[Organization]) -> Iterator[str]:
    skewed = [str(one.organization_id) for one in organizations if one.is_skewed]
    if skewed:
        plural = "s" if len(skewed) > 1 else ""
        yield (
            f"The clock{plural} of organization{plural} {', '.join(skewed)} and of the server "
            "disagree: do not believe the queue times there. Have the node's clock set (NTP)."
        )
