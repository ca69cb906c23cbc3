"""What a task's runs tell: which failed, which never started, which still work."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_OPEN: Final = frozenset({"pending", "initializing", "active"})
_COMPLETED: Final = "completed"


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
class OrganizationRun:
    """One organization's part in a task."""

    organization_id: int
    run_id: int | None
    status: str
    state: State

    def __str__(self) -> str:
        """Show it in an error message."""
        return f"organization {self.organization_id} (run {self.run_id}): {self.status}"


def runs_of(
    rows: Sequence[dict[str, Any]], expected: Sequence[int] | None
) -> list[OrganizationRun]:
    """Read a task's run rows.

    Parameters
    ----------
    rows
        The rows of ``GET run?task_id=``, by ascending id.
    expected
        The organizations that the task was created for, where this client created it.

    Returns
    -------
    list of OrganizationRun
        In the order of ``expected``, missing ones included; else by ascending run id.
    """
    cause_known = any(_failed(row) and not _looks_cascaded(row) for row in rows)
    found = [
        OrganizationRun(
            row["organization"]["id"],
            row["id"],
            row["status"],
            _state(row, cause_known=cause_known),
        )
        for row in rows
    ]
    if expected is None:
        return found
    by_organization = {run.organization_id: run for run in found}
    ordered = [
        by_organization.pop(one, OrganizationRun(one, None, "no run", State.MISSING))
        for one in expected
    ]
    return ordered + list(by_organization.values())


def _failed(row: dict[str, Any]) -> bool:
    return is_finished(row["status"]) and row["status"] != _COMPLETED


def _looks_cascaded(row: dict[str, Any]) -> bool:
    # The server's cascade sets plain "failed" on runs without started_at; a run that its node
    # could not start has none either, but says why ("non-existing Docker image", "not allowed").
    return row["status"] == "failed" and not row.get("started_at")


def _state(row: dict[str, Any], *, cause_known: bool) -> State:
    if not is_finished(row["status"]):
        return State.RUNNING
    if not _failed(row):
        return State.COMPLETED
    return State.NEVER_STARTED if cause_known and _looks_cascaded(row) else State.FAILED
