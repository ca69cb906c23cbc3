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

    def create(  # noqa: PLR0913 - upstream's, and what it lacks
        self,
        input_: dict[str, Any] | bytes,
        organizations: Sequence[int] | None = None,
        name: str = "subtask",
        description: str | None = None,
        *,
        key: str | None = None,
        isolated: bool = False,
    ) -> dict[str, Any]:
        """Create a subtask of the task that this container runs.

        The subtask has the container's own image, collaboration, study and databases. Its
        description ends with a random key (and the trace context), by which it is found again when
        the answer to its creation is lost: at most one task is adopted, and twins that the node's
        proxy may have made are logged. ``Settings(create_once=False)`` switches that off.

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
            At most 1024 characters; what does not fit beside the key is cut, and that is logged.
        key
            The ``key`` of the error that an earlier creation raised: the task is looked for first,
            and created only where it is not there.
        isolated
            Creates one task for each organization, so that a run which fails early does not take
            those with it that have not started (the server fails a task's waiting runs together
            with the first that fails). It costs two requests an organization instead of two in
            all, and the tasks stand beside each other in the user interface. The id of the first
            stands for all of them in this client's ``wait_for_results``, ``as_completed`` and
            ``outcomes``. They are always marked, whatever ``create_once`` says.

        Returns
        -------
        dict
            The task as the server has it; its ``id`` is what
            :meth:`AlgorithmClient.wait_for_results` takes. With ``isolated``, the first of the
            tasks, and the ids of all of them in ``isolated``.

        Raises
        ------
        InvalidArgument
            Before the wire, when an argument cannot be right.
        EncryptionError
            When the server keeps inputs in a blob store, the collaboration is encrypted, and an
            organization has no public key.
        TaskPartiallyCreated
            When the server has the task, but not a run for each organization.
        ConnectionFailed, DeadlineExceeded, InvalidResponse, StatusError
            When it was not created; or when that cannot be told: the message says which, and
            ``key`` resumes. A ``MaskedServerError`` is what the server's refusals look like, such
            as of an organization outside the collaboration, or because this container's own task
            has finished.
        """
        return self.parent.create_task(
            input_, organizations, name, description, key, isolated=isolated
        )
