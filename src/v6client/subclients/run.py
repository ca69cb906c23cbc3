"""Algorithm runs: one organization's execution of a task."""

from __future__ import annotations

import builtins
from typing import Any

from v6client.http import shapes
from v6client.http.endpoint import identifier
from v6client.payload.rows import input_weight
from v6client.subclients.base import SubClient


class Run(SubClient):
    """Get the runs of tasks with the same job id."""

    def get(self, id_: int) -> dict[str, Any]:
        """Get a run.

        Parameters
        ----------
        id_
            The run's id.

        Returns
        -------
        dict
            The run; its ``input`` may be encrypted.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        RequestError
            When it cannot be had; ``MaskedServerError`` where there is none with this id.
        """
        return self.parent.get_resource("run", id_)

    def from_task(self, task_id: int) -> builtins.list[dict[str, Any]]:
        """Get all runs of a task.

        Parameters
        ----------
        task_id
            The task's id.

        Returns
        -------
        list of dict
            The runs, by ascending id; their ``input`` may be encrypted.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        RequestError
            When a page cannot be had; ``MaskedServerError`` where there is no such task.
        """
        return self.parent.list_rows(
            "run",
            {"task_id": identifier(task_id, "task id")},
            operation="run.from_task",
            shape=shapes.run_page,
            weigh=input_weight,
        )
