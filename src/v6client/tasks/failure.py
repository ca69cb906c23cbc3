"""The errors that a wait ends with, in words: the cause first, then who else is concerned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from v6client.errors import TaskFailed, TaskTimeout
from v6client.tasks.runs import RunOutcome, State

_HEADINGS: Final[Mapping[State, str]] = {
    State.FAILED: "Failed",
    State.MISSING: "No run",
    State.NEVER_STARTED: "Never started, because another failed",
    State.RUNNING: "Still running",
    State.COMPLETED: "Completed",
}
# These say it all: the status would only repeat it.
_SAY_ALL: Final = frozenset({State.COMPLETED, State.MISSING})


def task_failed(
    task_id: int,
    runs: Sequence[RunOutcome],
    results: Mapping[int, Any],
    logs: Callable[[], dict[int, str | None]],
    *,
    min_results: int | None = None,
) -> TaskFailed:
    """Write the error of a task that did not give what was asked for.

    Parameters
    ----------
    task_id
        The task, or the first of a group.
    runs
        Its runs.
    results
        Those that there are, by organization id.
    logs
        Fetches the logs of the runs that did not complete.
    min_results
        How many results were enough, where not all were asked for.
    """
    wanted = f" ({len(results)} of at least {min_results} results)" if min_results else ""
    if runs:
        advice = ".results has those that there are, .logs() asks for the logs of the others."
    else:
        advice = "The server has no run of it, so nothing was computed. Create it again."
    return TaskFailed(
        f"task {task_id} did not complete{wanted}. {described(runs)}{advice}",
        task_id=task_id,
        organization_ids=without_result(runs),
        results=results,
        statuses=statuses_of(runs),
        outcomes=tuple(runs),
        read_logs=logs,
    )


def task_timeout(
    task_id: int,
    runs: Sequence[RunOutcome],
    results: Mapping[int, Any],
    *,
    status: str,
    elapsed: float,
) -> TaskTimeout:
    """Write the error of a task that was not finished in time.

    Parameters
    ----------
    task_id, runs, results
        As for :func:`task_failed`.
    status
        The task's status, as far as known.
    elapsed
        Seconds that it was waited for.
    """
    return TaskTimeout(
        f"task {task_id} was not finished after {elapsed:.0f} s (status: {status}). "
        f"{described(runs)}It goes on, and can be waited for again. Give timeout= a longer time, "
        "or set V6CLIENT_WAIT_TIMEOUT ('none' for no end).",
        task_id=task_id,
        organization_ids=without_result(runs),
        results=results,
        status=status,
        statuses=statuses_of(runs),
        outcomes=tuple(runs),
    )


def without_result(runs: Sequence[RunOutcome]) -> tuple[int, ...]:
    """Name the organizations whose run has not completed."""
    return tuple(run.organization_id for run in runs if run.state is not State.COMPLETED)


def statuses_of(runs: Sequence[RunOutcome]) -> dict[int, str]:
    """Give each organization's run status."""
    return {run.organization_id: run.status for run in runs}


def described(runs: Sequence[RunOutcome]) -> str:
    """Describe the runs by what became of them, the cause first; ends with a blank."""
    parts = []
    for state, heading in _HEADINGS.items():
        those = [run for run in runs if run.state is state]
        if those and state in _SAY_ALL:
            parts.append(f"{heading}: organization {', '.join(map(_id_of, those))}. ")
        elif those:
            parts.append(f"{heading}: {'; '.join(map(str, those))}. ")
    return "".join(parts)


def _id_of(run: RunOutcome) -> str:
    return str(run.organization_id)
