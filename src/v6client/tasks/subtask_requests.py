"""The requests that creating a subtask takes; each gets the seconds that it may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from v6client.http import shapes
from v6client.payload.rows import RunRows, input_weight
from v6client.tasks.adoption import Task
from v6client.tasks.questions import ListRows


@dataclass(frozen=True, slots=True)
class SubtaskRequests:
    """Posts subtasks, and looks for them.

    Parameters
    ----------
    request, list_rows
        ``ClientBase``'s own.
    own_task_id
        The task that this container runs.
    """

    request: Callable[..., Any]
    list_rows: ListRows
    own_task_id: int

    def post(self, body: Mapping[str, Any], within: float) -> Task:
        """Post a task's body once, and give the task."""
        task: Task = self.request(
            "task", json=body, method="post", operation=None, shape=shapes.resource, within=within
        )
        return task

    def find(self, pattern: str, within: float, *, operation: str | None = None) -> list[Task]:
        """Give this container's subtasks whose description is LIKE a pattern, ascending."""
        # Without `include`: run rows carry the inputs.
        query = {"parent_id": self.own_task_id, "description": pattern}
        return self.list_rows("task", query, operation=operation, within=within)

    def run_organizations(self, task_id: int, within: float) -> list[int]:
        """Give the organizations that a task has runs of."""
        rows = self.list_rows(
            "run",
            {"task_id": task_id},
            operation=None,
            shape=shapes.run_page,
            reader=RunRows,
            weigh=input_weight,
            within=within,
        )
        return [row["organization"]["id"] for row in rows]
