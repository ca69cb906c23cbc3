"""What a task's runs tell: which failed, which never started, which still work."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from v6client.server_time import seconds_of

# In the order in which the server looks for them when it derives a task's status.
_OPEN: Final = ("active", "initializing", "pending")
_COMPLETED: Final = "completed"
_ONLINE: Final = "online"
NO_RUN: Final = "no run"
"""The status of an organization that was asked for, and has no run."""


class State(enum.Enum):
    """What became of one organization's run."""

    COMPLETED = "completed"
    FAILED = "failed"
    """The cause: it failed by itself."""
    NEVER_STARTED = "never started"
    """The server failed it together with another: it has no ``started_at``."""
    RUNNING = "still running"
    MISSING = "missing"
    """The organization was asked for, but there is no run of it."""


def is_finished(status: str) -> bool:
    """Tell whether a run, or a task, is over: whatever is not open, as the server counts it."""
    return status not in _OPEN


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """One organization's part in a task.

    Parameters
    ----------
    organization_id
        The organization.
    task_id, run_id
        The task, and this organization's run of it; ``run_id`` is ``None`` where there is none.
    status
        The run's status as the server has it, such as ``active`` or ``crashed``; ``no run`` where
        there is none.
    state
        What that means for the task.
    queue_seconds
        From the task's creation to the run's start. Two clocks, the server's and the node's: never
        below 0. ``None`` where it has not started, or the task's creation is not known.
    compute_seconds
        From the run's start to its end, on the node's clock; ``None`` where either is not there.
    node_online
        Whether its node was connected to the server, as far as that knows: a node that stopped
        abruptly counts as online for up to a minute and a half. ``None`` where it does not say.
    created_at, started_at, finished_at
        The three times as the server gives them: UTC without a zone.
    """

    organization_id: int
    task_id: int
    run_id: int | None
    status: str
    state: State
    queue_seconds: float | None = None
    compute_seconds: float | None = None
    node_online: bool | None = None
    created_at: str | None = field(default=None, repr=False)
    started_at: str | None = field(default=None, repr=False)
    finished_at: str | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether the run is not over."""
        return self.state is State.RUNNING

    @property
    def is_queued(self) -> bool:
        """Whether the run has not started."""
        return self.is_open and self.started_at is None


def runs_of(
    rows: Sequence[Mapping[str, Any]],
    task_id: int,
    *,
    expected: Sequence[int] | None = None,
    created_at: str | None = None,
) -> tuple[RunOutcome, ...]:
    """Read a task's run rows.

    Parameters
    ----------
    rows
        The rows of ``GET run?task_id=``, by ascending id.
    task_id
        The task.
    expected
        The organizations that the task was created for, where this client created it.
    created_at
        When the task was created, as the server says; ``None`` where that is not known.

    Returns
    -------
    tuple of RunOutcome
        In the order of ``expected``, missing ones included; else by ascending run id.
    """
    found = with_causes([_outcome(row, task_id, created_at) for row in rows])
    if expected is None:
        return found
    by_organization = {run.organization_id: run for run in found}
    ordered = [
        by_organization.pop(one, RunOutcome(one, task_id, None, NO_RUN, State.MISSING))
        for one in expected
    ]
    return (*ordered, *by_organization.values())


def with_causes(runs: Sequence[RunOutcome]) -> tuple[RunOutcome, ...]:
    """Tell the runs that failed by themselves from those that the server failed with them."""
    failed = [run for run in runs if run.state in {State.FAILED, State.NEVER_STARTED}]
    if all(_looks_cascaded(run) for run in failed):
        return tuple(runs)
    return tuple(
        replace(run, state=State.NEVER_STARTED) if run in failed and _looks_cascaded(run) else run
        for run in runs
    )


def _outcome(row: Mapping[str, Any], task_id: int, created_at: str | None) -> RunOutcome:
    started, finished = row.get("started_at"), row.get("finished_at")
    node = row.get("node")
    node_status = node.get("status") if isinstance(node, dict) else None
    return RunOutcome(
        row["organization"]["id"],
        task_id,
        row["id"],
        row["status"],
        _state(row["status"]),
        queue_seconds=seconds_between(created_at, started),
        compute_seconds=seconds_between(started, finished),
        # Of a node that never connected there is no status.
        node_online=node_status == _ONLINE if isinstance(node, dict) else None,
        created_at=created_at,
        started_at=started,
        finished_at=finished,
    )


def counts_of(runs: Sequence[RunOutcome]) -> dict[str, int]:
    """Count the runs that are ``completed``, ``failed``, ``running`` and ``queued``."""
    completed = sum(run.state is State.COMPLETED for run in runs)
    still_open = sum(run.is_open for run in runs)
    queued = sum(run.is_queued for run in runs)
    return {
        "completed": completed,
        "failed": len(runs) - completed - still_open,
        "running": still_open - queued,
        "queued": queued,
    }


def status_of(runs: Sequence[RunOutcome]) -> str:
    """Derive a task's status from its runs', as the server does; but a missing run fails it."""
    statuses = {run.status for run in runs} or {NO_RUN}
    failures = sorted(one for one in statuses if is_finished(one) and one != _COMPLETED)
    if failures:
        return failures[0] if len(failures) == 1 else "failed"
    return next((one for one in _OPEN if one in statuses), _COMPLETED)


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Give the seconds between two of the server's times, from 0; ``None`` if one is missing."""
    began, ended = seconds_of(start), seconds_of(end)
    return None if began is None or ended is None else max(0.0, ended - began)


def _looks_cascaded(run: RunOutcome) -> bool:
    # The server's cascade sets plain "failed" on runs without started_at; a run that its node
    # could not start has none either, but says why ("non-existing Docker image", "not allowed").
    return run.status == "failed" and not run.started_at


def _state(status: str) -> State:
    if not is_finished(status):
        return State.RUNNING
    return State.COMPLETED if status == _COMPLETED else State.FAILED
