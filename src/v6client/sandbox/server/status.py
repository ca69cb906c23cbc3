"""Statuses of runs, and the status of a task that follows from them."""

from __future__ import annotations

from collections.abc import Sequence

PENDING = "pending"
INITIALIZING = "initializing"
ACTIVE = "active"
COMPLETED = "completed"
FAILED = "failed"
START_FAILED = "start failed"
NO_IMAGE = "non-existing Docker image"
CRASHED = "crashed"
KILLED = "killed by user"
NOT_ALLOWED = "not allowed"
UNKNOWN_ERROR = "unknown error"

# In the real server's order: a refused status is answered with this list.
ALL = (
    PENDING,
    INITIALIZING,
    ACTIVE,
    COMPLETED,
    FAILED,
    START_FAILED,
    NO_IMAGE,
    CRASHED,
    KILLED,
    NOT_ALLOWED,
    UNKNOWN_ERROR,
)
_NOT_FAILED = frozenset({PENDING, INITIALIZING, ACTIVE, COMPLETED})


def has_failed(status: str) -> bool:
    """Whether a run or task ended without success."""
    return status not in _NOT_FAILED


def has_finished(status: str) -> bool:
    """Whether a run or task ended."""
    return status == COMPLETED or has_failed(status)


def task_status(runs: Sequence[str]) -> str:
    """Derive a task's status from its runs' statuses.

    One failed run fails the task while others still work. A task without runs is completed.

    >>> task_status(["active", "crashed"])
    'crashed'
    >>> task_status(["crashed", "failed", "active"])
    'failed'
    >>> task_status([])
    'completed'
    """
    failures = {status for status in runs if has_failed(status)}
    if failures:
        return failures.pop() if len(failures) == 1 else FAILED
    for status in (ACTIVE, INITIALIZING, PENDING):
        if status in runs:
            return status
    return COMPLETED
