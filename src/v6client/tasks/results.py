"""The results of a task's runs, each decoded, each with whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from v6client.errors import RequestError, ResultError
from v6client.payload.codec import decode_result
from v6client.tasks.questions import Questions
from v6client.tasks.runs import RunOutcome, State


class RunResult(NamedTuple):
    """What one organization's run ended with: what ``as_completed`` yields.

    Parameters
    ----------
    organization_id, task_id, run_id
        Whose it is; ``run_id`` is ``None`` where the organization has no run.
    status
        The run's status. Only ``completed`` has a value.
    value
        The decoded result; ``None`` where the run did not complete, and where the algorithm
        returned ``None``: look at the status.
    """

    organization_id: int
    task_id: int
    run_id: int | None
    status: str
    value: Any


def results_of(
    questions: Questions, runs: Iterable[RunOutcome], *, within: float | None = None
) -> dict[int, Any]:
    """Fetch and decode the results of the runs that have completed.

    Parameters
    ----------
    questions
        Asks the server.
    runs
        Runs of one task or of several; each organization once.
    within
        Seconds for a page of results; the setting's deadline by default.

    Returns
    -------
    dict
        The results by organization id, in the order of ``runs``.

    Raises
    ------
    ResultError
        When a result is not there, or cannot be decoded.
    RequestError
        When the results cannot be had.
    """
    return {
        run.organization_id: decode_row(row, run.task_id, run.run_id or 0, run.organization_id)
        for run, row in _rows_of(questions, runs, within)
    }


def readable_results_of(
    questions: Questions, runs: Iterable[RunOutcome], *, within: float | None = None
) -> dict[int, Any]:
    """Fetch what there is, of a task that failed: what cannot be read does not hide why it did."""
    results = {}
    try:
        for run, row in _rows_of(questions, runs, within):
            try:
                results[run.organization_id] = decode_row(
                    row, run.task_id, run.run_id or 0, run.organization_id
                )
            except ResultError:
                continue
    except RequestError:
        pass  # those that were read are kept
    return results


def _rows_of(
    questions: Questions, runs: Iterable[RunOutcome], within: float | None
) -> Iterable[tuple[RunOutcome, Mapping[str, Any]]]:
    by_task: dict[int, dict[int, dict[str, Any]]] = {}
    for run in runs:
        if run.state is State.COMPLETED:
            if run.task_id not in by_task:
                rows = questions.result_rows(run.task_id, within)
                by_task[run.task_id] = {row["id"]: row for row in rows}
            yield run, by_task[run.task_id].get(run.run_id or 0, {})


def result_of_ended(
    questions: Questions, run: RunOutcome, siblings: Sequence[RunOutcome]
) -> RunResult:
    """Give what a run ended with; of a task that others still work on, its own result alone.

    Raises
    ------
    ResultError
        When it has completed, and its result is not there or cannot be decoded.
    RequestError
        When it cannot be had.
    """
    value = None
    if run.state is State.COMPLETED and run.run_id is not None:
        place = sum((one.run_id or 0) > run.run_id for one in siblings)
        row = questions.result_row(run.task_id, run.run_id, place)
        if row is None:
            rows = questions.result_rows(run.task_id)
            row = next((one for one in rows if one["id"] == run.run_id), {})
        value = decode_row(row, run.task_id, run.run_id, run.organization_id)
    return RunResult(run.organization_id, run.task_id, run.run_id, run.status, value)


def decode_row(row: Mapping[str, Any], task_id: int, run_id: int, organization: int | None) -> Any:  # noqa: ANN401 - JSON
    """Decode one row of ``GET result``.

    Raises
    ------
    ResultError
        When there is no result, it is kept in a blob store, or cannot be decoded.
    """
    facts: dict[str, Any] = {
        "task_id": task_id,
        "run_id": run_id,
        "organization_id": organization,
    }
    if row.get("blob_storage_used"):
        raise ResultError(
            f"the result of run {run_id} (task {task_id}) is kept in the server's blob store, "
            "which this version of v6client cannot read. Ask the server's administrator to "
            "switch large_result_store off, or use a later version.",
            **facts,
        )
    text = row.get("result")
    if not isinstance(text, str) or not text:
        raise ResultError(
            f"run {run_id} (task {task_id}) is completed, but the server has no result of it. "
            "Look at the log of that organization's node.",
            **facts,
        )
    return decode_result(text, **facts)
