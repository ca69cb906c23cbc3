"""Tasks: this container's own, and its subtasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from v6client.subclients.base import SubClient


class Task(SubClient):
    """Get tasks, and create subtasks."""

    def get(self, task_id: int) -> dict[str, Any]:
        """Get a task.

        Parameters
        ----------
        task_id
            The task's id.

        Returns
        -------
        dict
            The task.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        RequestError
            When it cannot be had; ``MaskedServerError`` where there is none with this id.
        """
        return self.parent.get_resource("task", task_id)

    def create(
        self,
        input_: dict[str, Any] | bytes,
        organizations: Sequence[int] | None = None,
        name: str = "subtask",
        description: str | None = None,
    ) -> dict[str, Any]:
        """Create a subtask of the task that this container runs.

        The subtask has the container's own image, collaboration, study and databases.

        Parameters
        ----------
        input_
            What the algorithm gets, such as ``{"method": "average", "kwargs": {"column":
            "age"}}``. NaN and the infinities are allowed, see :mod:`v6client.payload.codec`.
            Bytes have to be base64 already and are sent as they are.
        organizations
            The ids of the organizations that execute it; at least one, each once. Results come
            in this order.
        name
            1 to 128 characters, not all digits.
        description
            At most 1024 characters.

        Returns
        -------
        dict
            The task as the server has it; its ``id`` is what
            :meth:`AlgorithmClient.wait_for_results` takes.

        Raises
        ------
        InvalidArgument
            Before the wire, when an argument cannot be right.
        ConfigurationError
            When the server keeps payloads in a blob store, which this version cannot write.
        ConnectionFailed
            When nothing was sent (``sent`` is false), or no complete answer came: the task may
            exist then, and is not created again.
        MaskedServerError
            When the server refused it, such as an organization outside the collaboration, or
            this container's own task being finished; or when it failed: then the task may exist.
        """
        return self.parent.create_task(input_, organizations, name, description)
