"""AlgorithmClient: who the container is, its sub-clients, and waiting for results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from v6client import subclients
from v6client.blob_requests import BlobRequests
from v6client.encrypted import EncryptedClient
from v6client.errors import (
    InvalidArgument,
    MaskedServerError,
    NotFound,
    RequestError,
    TaskFailed,
)
from v6client.http import shapes
from v6client.http.endpoint import identifier
from v6client.http.request import Request, build
from v6client.identity import Identity
from v6client.payload.blobs import BlobStore
from v6client.settings import Settings
from v6client.tasks.creation import Origin
from v6client.tasks.creator import Creator, CreatorWire
from v6client.tasks.waiting import TaskReader, Waiter
from v6client.telemetry import schema, spans

# Refused so often in a row, while the task itself can be read, a route is taken for missing.
_MISSES_OF_A_ROUTE: Final = 2


class AlgorithmClient(EncryptedClient):
    """The client with which an algorithm container reaches the server, through its node's proxy.

    A drop-in for ``vantage6.algorithm.client.AlgorithmClient``. It can be used from several
    threads at once.

    Parameters
    ----------
    token
        The container's JWT, which the node writes for each run into the file ``TOKEN_FILE``.
    host, port, path
        The address of the node's proxy; see :class:`v6client.base.ClientBase`.
    settings
        All tunables; read from the ``V6CLIENT_…`` variables by default.

    Attributes
    ----------
    image, databases, node_id, collaboration_id, study_id, store_id, organization_id, task_id
        What the token says about this container.
    log
        A logger of the standard library for the algorithm's own messages.
    cryptor
        What :meth:`setup_encryption` attached; ``None`` before.
    blobs
        The server's blob store; ``blobs.progress`` may be a function that is told how far each
        transfer is, see :class:`v6client.payload.transfer.Transfer`.

    Raises
    ------
    ConfigurationError
        When the token is not a container's, or host, port, path or a variable cannot be right.
    """

    Collaboration = subclients.Collaboration
    Node = subclients.Node
    Organization = subclients.Organization
    Result = subclients.Result
    Run = subclients.Run
    Study = subclients.Study
    SubClient = subclients.SubClient
    Task = subclients.Task
    VPN = subclients.VPN

    def __init__(
        self,
        token: str,
        host: str,
        port: int | str | None,
        path: str = "/api",
        *,
        settings: Settings | None = None,
    ) -> None:
        identity = Identity.of(token)
        super().__init__(host, port, path, settings=settings)
        self._access_token = token
        self.image = identity.image
        self.databases = [dict(one) for one in identity.databases]
        self.node_id = identity.node_id
        self.collaboration_id = identity.collaboration_id
        self.study_id = identity.study_id
        self.store_id = identity.store_id
        self.organization_id = identity.organization_id
        self.task_id = identity.task_id

        self.collaboration = self.Collaboration(self)
        self.node = self.Node(self)
        self.organization = self.Organization(self)
        self.result = self.Result(self)
        self.run = self.Run(self)
        self.study = self.Study(self)
        self.task = self.Task(self)
        self.vpn = self.VPN(self)

        self.blobs = BlobStore(
            BlobRequests(self, self.collaboration_id, self._exchange.perform).wire()
        )
        self._creator = Creator(
            CreatorWire(
                post=self._post_task,
                find=self._find_subtasks,
                run_organizations=self._run_organizations,
            ),
            Origin(
                image=self.image,
                collaboration_id=self.collaboration_id,
                study_id=self.study_id,
                store_id=self.store_id,
                databases=tuple(self.databases),
            ),
            self.blobs,
            self.settings,
            default_description=f"task from container on node_id={self.node_id}",
        )
        self._status_route_misses = 0
        self._waiter = Waiter(
            TaskReader(
                status=self._status_of,
                run_rows=self.run.from_task,
                result_rows=self.result.rows_of,
            ),
            self.settings,
        )

    @property
    def name(self) -> str:
        """What this client is, for people: a container has no name, so its task and place."""
        return (
            f"algorithm container of task {self.task_id} "
            f"(organization {self.organization_id}, node {self.node_id})"
        )

    def authenticate(self, credentials: object = None, path: object = None) -> None:
        """Refuse: the node gives a container its token at start.

        Raises
        ------
        NotImplementedError
            Always.
        """
        del credentials, path  # upstream's parameters, without meaning for a container
        raise NotImplementedError(
            "an algorithm container cannot authenticate: the node gives it its token at start."
        )

    def refresh_token(self) -> None:
        """Refuse: a container's token does not expire.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            "an algorithm container cannot refresh its token, and need not: it does not expire."
        )

    def wait_for_results(
        self,
        task_id: int,
        interval: float = 1,
        *,
        timeout: float | Literal["default"] | None = "default",
    ) -> list[Any]:
        """Wait until a task has finished, and return all its results.

        Parameters
        ----------
        task_id
            The task's id.
        interval
            Seconds. A tenth of it is the shortest distance between two polls; distances grow
            with the time waited, see :class:`v6client.tasks.polling.Schedule`.
        timeout
            Seconds from now; ``None`` for no end; ``"default"`` for the setting
            ``wait_timeout`` (24 hours).

        Returns
        -------
        list
            One result an organization, in the order of ``organizations`` at creation; by
            ascending run id where another client created the task. ``None`` is a result only
            where the algorithm returned ``None``.

        Raises
        ------
        InvalidArgument
            When the id, the interval or the timeout cannot be right.
        TaskFailed
            When a run failed or is missing: names each organization, the cause first, and
            carries the results that there are.
        TaskTimeout
            When the task was not finished in time; it can be waited for again.
        ResultError
            When a completed run's result is missing or cannot be decoded.
        RequestError
            When the server refuses to tell the task's status three times in a row, or the
            finished task's runs or results cannot be had.
        """
        task = identifier(task_id, "task id")
        limit = self.settings.wait_timeout if timeout == "default" else timeout
        seconds = _seconds(interval, "interval")
        timeout_seconds = None if limit is None else _seconds(limit, "timeout")
        known = self._creator.known(task)
        with spans.operation("wait_for_results", {schema.TASK_ID: task}):
            failure: TaskFailed | None = None
            results: list[Any] = []
            try:
                results = self._waiter.wait(
                    task,
                    interval=seconds,
                    timeout=timeout_seconds,
                    created=known.at if known else None,
                    organizations=known.organizations if known else None,
                )
            except TaskFailed as error:
                failure = error
            self._creator.look_for_late_twins(task)
            if failure is not None:
                raise failure
            return results

    def create_task(
        self, input_: object, organizations: object, name: object, description: object, key: object
    ) -> dict[str, Any]:
        """Create a subtask: what :meth:`AlgorithmClient.Task.create` calls, and documents."""
        return self._creator.create(input_, organizations, name, description, key)

    def _post_task(self, body: Mapping[str, Any], within: float) -> dict[str, Any]:
        task: dict[str, Any] = self.request(
            "task", json=body, method="post", operation=None, shape=shapes.resource, within=within
        )
        return task

    def _find_subtasks(self, pattern: str, within: float) -> list[dict[str, Any]]:
        # Without `include`: run rows carry the inputs.
        query = {"parent_id": self.task_id, "description": pattern}
        return self.list_rows("task", query, operation=None, within=within)

    def _run_organizations(self, task_id: int, within: float) -> list[int]:
        rows = self.list_rows(
            "run", {"task_id": task_id}, operation=None, shape=shapes.run_page, within=within
        )
        return [row["organization"]["id"] for row in rows]

    def _status_of(self, task_id: int, within: float | None) -> str:
        """Ask for a task's status; where there is no such route (4.9), ask for the task itself."""
        refused: RequestError | None = None
        if self._status_route_misses < _MISSES_OF_A_ROUTE:
            try:
                status = self._status_at(f"task/{task_id}/status", within)
            except (MaskedServerError, NotFound) as error:
                refused = error
            else:
                self._status_route_misses = 0
                return status
        try:
            status = self._status_at(f"task/{task_id}", within)
        except RequestError:
            if refused is None:
                raise
        else:
            self._status_route_misses += 1
            return status
        raise refused

    def _status_at(self, endpoint: str, within: float | None) -> str:
        answer = self.request(
            endpoint, operation="task.status", shape=shapes.task_status, within=within
        )
        return str(answer["status"])

    def _probe_request(self) -> Request:
        # It uses token and database, and the server refuses it to no container.
        endpoint = f"organization/{self.organization_id}"
        return build(endpoint, "get", None, None, self.headers, shapes.resource)


def _seconds(value: object, what: str) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value < float("inf")
    ):
        shown = f"{value}" if isinstance(value, (int, float)) else f"of type {type(value).__name__}"
        raise InvalidArgument(
            f"{what} has to be a number of seconds from 0, but is {shown}. Nothing was sent."
        )
    return float(value)
