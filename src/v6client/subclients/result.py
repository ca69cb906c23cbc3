"""Results of runs, decrypted by the node's proxy and decoded here."""

from __future__ import annotations

import builtins
from typing import Any

from v6client.errors import InvalidResponse, ResultError, StatusError
from v6client.http.endpoint import identifier
from v6client.payload.blobs import Blob
from v6client.subclients.base import SubClient
from v6client.tasks.results import decode_row


class Result(SubClient):
    """Get results of tasks with the same job id."""

    def from_task(self, task_id: int) -> builtins.list[Any]:
        """Get the results that a task has by now.

        This neither waits nor complains about those that are missing:
        :meth:`AlgorithmClient.wait_for_results` does.

        Parameters
        ----------
        task_id
            The task's id.

        Returns
        -------
        list
            The decoded results, by ascending run id.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        ResultError
            When a result cannot be decoded.
        RequestError
            When a page cannot be had; ``MaskedServerError`` where there is no such task.
        """
        task = identifier(task_id, "task id")
        rows = [row for row in self.rows_of(task) if row.get("result")]
        return [decode_row(row, task, row["id"], None) for row in rows if not _is_empty(row)]

    def get(self, id_: int) -> Any:  # noqa: ANN401 - what the algorithm returned
        """Get the result of a run.

        The proxy's own route for a single result is broken in vantage6 4 (it answers every
        request with a 500), so the result is looked up in the list of its task, as the only one of
        its organization.

        Parameters
        ----------
        id_
            The run's id.

        Returns
        -------
        object
            The decoded result; ``None`` only where the algorithm returned ``None``.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        ResultError
            When the run has no result (yet), or it cannot be decoded.
        RequestError
            When it cannot be had; ``MaskedServerError`` where there is no such run.
        """
        run_id = identifier(id_, "run id")
        run = self.parent.run.get(run_id)
        task_id = _id_of(run.get("task"))
        if task_id is None:
            raise InvalidResponse(
                f"run {run_id} came without its task. Check that host, port and path are those "
                "of a vantage6 proxy or server, version 4.",
                method="GET",
                template="/run/{id}",
            )
        organization_id = _id_of(run.get("organization"))
        row = None
        if organization_id is not None:
            row = self.parent.questions.row_at(
                "result", task_id, run_id, 0, organization_id=organization_id
            )
        if row is None:
            row = next((one for one in self.rows_of(task_id) if one["id"] == run_id), {})
        if row.get("result"):
            return decode_row(row, task_id, run_id, organization_id)
        raise ResultError(
            f"run {run_id} (task {task_id}, status {run.get('status')}) has no result. Wait for "
            "the task with client.wait_for_results, or look at the run's log.",
            task_id=task_id,
            run_id=run_id,
            organization_id=organization_id,
        )

    def rows_of(self, task_id: int) -> builtins.list[dict[str, Any]]:
        """Get a task's result rows, see :meth:`v6client.tasks.questions.Questions.result_rows`."""
        return self.parent.questions.result_rows(task_id)


def _id_of(part: object) -> int | None:
    """Give the id of what a run belongs to."""
    id_ = part.get("id") if isinstance(part, dict) else None
    return id_ if type(id_) is int else None


def _is_empty(row: dict[str, Any]) -> bool:
    """Tell whether a row's result is a blob without content, as a run that failed leaves it."""
    blob = row["result"]
    if not isinstance(blob, Blob) or not blob.has_id:
        return False
    try:
        content = blob.fetch()
    except StatusError:
        # Told when it is decoded, as an error that says whose it is.
        return False
    row["result"] = content
    return content.size == 0
