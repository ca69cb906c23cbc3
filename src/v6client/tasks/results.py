"""The results of a task's runs, each decoded, each with whose it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from v6client.errors import RequestError, ResultError
from v6client.payload.blobs import Blob
from v6client.payload.codec import decode_result
from v6client.payload.content import Loadable
from v6client.payload.rows import weight
from v6client.tasks.questions import Questions
from v6client.tasks.runs import RunOutcome, State
from v6client.telemetry import metrics

Within = Callable[[], "float | None"]
"""Gives the seconds that the next question may take; ``None`` for the setting's own limit."""


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


@dataclass(slots=True)
class Results:
    """Fetches and decodes the results of runs; what was decoded is not fetched again.

    Parameters
    ----------
    questions
        Asks the server.
    """

    questions: Questions
    _values: dict[tuple[int, int], Any] = field(default_factory=dict, init=False, repr=False)

    def of(
        self, runs: Sequence[RunOutcome], within: Within
    ) -> tuple[list[tuple[RunOutcome, Any]], ResultError | None]:
        """Give the results of those runs that have completed, in their order.

        Parameters
        ----------
        runs
            Runs of one task, or of several.
        within
            Gives the seconds that a page of results may take.

        Returns
        -------
        tuple
            Runs with their values; and the first error of a result that is not there or cannot be
            decoded, if there is one.

        Raises
        ------
        RequestError
            When the results cannot be had. What was decoded by then is kept.
        """
        completed = [run for run in runs if run.state is State.COMPLETED]
        error: ResultError | None = None
        for task_id in dict.fromkeys(run.task_id for run in completed):
            mine = [
                run
                for run in completed
                if run.task_id == task_id and self._key(run) not in self._values
            ]
            rows = {}
            if mine:
                rows = {row["id"]: row for row in self.questions.result_rows(task_id, within())}
            for run in mine:
                error = self._decode(run, rows.get(run.run_id, {})) or error
        found = [
            (run, self._values[self._key(run)])
            for run in completed
            if self._key(run) in self._values
        ]
        return found, error

    def what_there_is(self, runs: Sequence[RunOutcome], within: Within) -> dict[int, Any]:
        """Give what can be had, by organization: what cannot be read does not hide why."""
        with contextlib.suppress(RequestError):  # those that were read are kept
            self.of(runs, within)
        return {
            run.organization_id: self._values[self._key(run)]
            for run in runs
            if self._key(run) in self._values
        }

    def of_one(self, run: RunOutcome, siblings: Sequence[RunOutcome], within: Within) -> RunResult:
        """Give what one run ended with; of a task that others still work on, its result alone.

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
            ask = self.questions
            row = ask.row_at("result", run.task_id, run.run_id, place, within())
            if row is None:
                rows = ask.result_rows(run.task_id, within())
                row = next((one for one in rows if one["id"] == run.run_id), {})
            value = decode_row(row, run.task_id, run.run_id, run.organization_id)
        return RunResult(run.organization_id, run.task_id, run.run_id, run.status, value)

    def _decode(self, run: RunOutcome, row: Mapping[str, Any]) -> ResultError | None:
        try:
            self._values[self._key(run)] = decode_row(
                row, run.task_id, run.run_id or 0, run.organization_id
            )
        except ResultError as error:
            return error
        return None

    @staticmethod
    def _key(run: RunOutcome) -> tuple[int, int]:
        return run.task_id, run.run_id or 0


def decode_row(row: Mapping[str, Any], task_id: int, run_id: int, organization: int | None) -> Any:  # noqa: ANN401 - JSON
    """Decode one row of ``GET result``; a row can be decoded once.

    Raises
    ------
    ResultError
        When there is no result, or it cannot be decoded.
    RequestError
        When it is in the blob store, and nobody answers for it.
    """
    facts: dict[str, Any] = {
        "task_id": task_id,
        "run_id": run_id,
        "organization_id": organization,
    }
    result = row.get("result")
    if isinstance(result, Blob) and not result.has_id:
        raise ResultError(
            f"the result of run {run_id} (task {task_id}) is said to be in the server's blob "
            "store, but its id is no UUID. Look at the log of that organization's node.",
            **facts,
        )
    if not isinstance(result, (str, Loadable)) or not result:
        raise ResultError(
            f"run {run_id} (task {task_id}) is completed, but the server has no result of it. "
            "Look at the log of that organization's node.",
            **facts,
        )
    try:
        return decode_result(result, **facts)
    finally:
        # A blob came only now.
        if size := weight(row):
            metrics.record_payload("received", size)
