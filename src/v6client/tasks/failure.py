"""The errors that a wait ends with, in words: the cause first, then who else is concerned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from v6client.errors import TaskFailed, TaskTimeout
from v6client.tasks.questions import Questions
from v6client.tasks.runs import RunOutcome, State

_HEADINGS: Final[Mapping[State, str]] = {
    State.FAILED: "Failed",
    State.MISSING: "No run",
    State.NEVER_STARTED: "Never started, because another failed",
    State.RUNNING: "Still running",
    State.COMPLETED: "Completed",
}
# A message for people: of a thousand organizations not all are named. The attributes have them.
_MOST: Final = 20


def task_failed(
    task_id: int,
    runs: Sequence[RunOutcome],
    results: Mapping[int, Any],
    logs: Callable[[], dict[int, str | None]],
    *,
    needed: int | None = None,
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
    needed
        How many results were enough, where not all were asked for.
    """
    completed = [run for run in runs if run.state is State.COMPLETED]
    wanted = f" ({len(completed)} of at least {needed} results)" if needed else ""
    if not runs:
        advice = "The server has no run of it, so nothing was computed. Create it again."
    else:
        missed = len({run.organization_id for run in completed} - results.keys())
        unread = f" ({missed} could not be read)" if missed else ""
        advice = f".results has those that there are{unread}, .logs() asks for the others' logs."
    return TaskFailed(
        f"task {task_id} did not complete{wanted}. {described(runs)}{advice}",
        task_id=task_id,
        organization_ids=without_result(runs),
        results=results,
        statuses=statuses_of(runs),
        outcomes=tuple(runs),
        read_logs=logs,
    )


def task_timeout(  # noqa: PLR0913 - what is known of them
    task_ids: Sequence[int],
    runs: Sequence[RunOutcome],
    results: Mapping[int, Any],
    *,
    is_over: bool,
    status: str,
    elapsed: float,
) -> TaskTimeout:
    """Write the error of tasks that were not finished in time.

    Parameters
    ----------
    task_ids
        The tasks that are not over; all, where they are.
    runs
        The runs that are told of.
    results
        Those that there are, by organization id.
    is_over
        Whether all tasks are over, and only their results could not be had.
    status
        The status of the first, as far as known.
    elapsed
        Seconds that they were waited for.
    """
    names = [str(task_id) for task_id in task_ids]
    which = f"task {names[0]}" if len(names) == 1 else f"tasks {_listed(names)}"
    if is_over:
        what = f"{which} finished, but the results could not be had within {elapsed:.0f} s."
        advice = "Wait again: they are at the server."
    else:
        were = "was" if len(names) == 1 else "were"
        what = f"{which} {were} not finished after {elapsed:.0f} s (status: {status})."
        advice = (
            "It goes on, and can be waited for again. Give timeout= a longer time, or set "
            "V6CLIENT_WAIT_TIMEOUT ('none' for no end)."
        )
    return TaskTimeout(
        f"{what} {described(runs)}{advice}",
        task_id=task_ids[0],
        organization_ids=without_result(runs),
        results=results,
        status=status,
        statuses=statuses_of(runs),
        outcomes=tuple(runs),
    )


def logs_of(questions: Questions, runs: Sequence[RunOutcome]) -> dict[int, str | None]:
    """Ask for the logs of the runs that did not complete, by organization.

    Raises
    ------
    RequestError
        When they cannot be had.
    """
    wanted = {run.run_id: run for run in runs if run.state is not State.COMPLETED}
    found: dict[int, str | None] = {run.organization_id: None for run in wanted.values()}
    for task_id in dict.fromkeys(run.task_id for run in wanted.values()):
        for row in questions.run_rows(task_id):
            if row["id"] in wanted:
                found[wanted[row["id"]].organization_id] = row.get("log")
    return found


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
        named = [_named(run) for run in runs if run.state is state]
        if named:
            parts.append(f"{heading}: {_listed(named)}. ")
    return "".join(parts)


def _named(run: RunOutcome) -> str:
    which = "" if run.run_id is None else f" (run {run.run_id})"
    # Of these two the heading says it all.
    what = "" if run.state in {State.COMPLETED, State.MISSING} else f": {run.status}"
    return f"organization {run.organization_id}{which}{what}"


def _listed(names: Sequence[str]) -> str:
    more = f"; and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return "; ".join(names[:_MOST]) + more
