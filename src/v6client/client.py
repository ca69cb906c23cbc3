"""AlgorithmClient: who the container is, its sub-clients, and waiting for results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from v6client import subclients
from v6client.blob_requests import BlobRequests
from v6client.encrypted import EncryptedClient
from v6client.http import shapes
from v6client.http.request import Request, build
from v6client.identity import Identity
from v6client.payload.blobs import BlobStore
from v6client.settings import Settings
from v6client.tasks.creation import Origin
from v6client.tasks.creator import Creator
from v6client.tasks.questions import Questions
from v6client.tasks.results import RunResult
from v6client.tasks.runs import RunOutcome
from v6client.tasks.subtask_requests import SubtaskRequests
from v6client.tasks.waiting import Waiter
from v6client.tasks.waits import Waits


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
            SubtaskRequests(self.request, self.list_rows, self.task_id),
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
        self.questions = Questions(
            self.ask, self.list_rows, self.task_id, self.settings.page_size, self.blobs.download
        )
        self._waits = Waits(Waiter(self.questions, self.settings), self._creator, self.settings)

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

    def wait_for_results(  # noqa: PLR0913 - upstream's, and what it lacks
        self,
        task_id: int,
        interval: float = 1,
        *,
        timeout: float | Literal["default"] | None = "default",
        on_failure: Literal["raise", "partial"] | None = None,
        wait_for: Literal["first_failure", "all"] | None = None,
        min_results: int | None = None,
        grace: float | None = None,
    ) -> list[Any]:
        """Wait until a task has finished, and return its results.

        Parameters
        ----------
        task_id
            The task's id; of a group that this client created with ``isolated=True``, that of its
            first task stands for all.
        interval
            Seconds. A tenth of it is the shortest distance between two polls; distances grow
            with the time waited, see :class:`v6client.tasks.polling.Schedule`.
        timeout
            Seconds from now; ``None`` for no end; ``"default"`` for the setting
            ``wait_timeout`` (24 hours). A proxy that hangs delays the error by 10 s at most.
        on_failure
            ``"raise"``: a run that fails raises ``TaskFailed``. ``"partial"``: the results of the
            others are returned, and a warning in the run's log names who is missing. The setting
            ``on_failure`` (raise) by default; given here, ``"raise"`` also switches a quorum off
            that is set from outside.
        wait_for
            ``"first_failure"``: the first failure ends the wait (the default with ``"raise"``).
            ``"all"``: the runs that still work are waited for (the default with ``"partial"`` and
            with ``min_results``). A setting, too.
        min_results
            So many results are enough, of whichever organizations: a quorum. The setting
            ``min_results`` (none) by default.
        grace
            Seconds that the other runs are waited for once there are ``min_results``. The setting
            ``grace`` (0) by default.

        Returns
        -------
        list
            One result an organization, in the order of ``organizations`` at creation; by
            ascending run id where another client created the task. ``None`` is a result only
            where the algorithm returned ``None``. With ``"partial"`` and ``min_results`` it may be
            shorter: use :meth:`as_completed` to know whose results they are.

        Raises
        ------
        InvalidArgument
            When the id, or another argument, cannot be right.
        TaskFailed
            When a run failed or is missing: names each organization, the cause first, and
            carries the results that there are. With ``"partial"``: when no organization has a
            result. With ``min_results``: when there cannot be so many any more.
        TaskTimeout
            When the task was not finished in time; it can be waited for again.
        ResultError
            When a completed run's result is missing or cannot be decoded.
        RequestError
            When the server refuses to tell about the task three times in a row.
        """
        return self._waits.results(
            task_id,
            interval,
            timeout,
            on_failure=on_failure,
            wait_for=wait_for,
            min_results=min_results,
            grace=grace,
        )

    def as_completed(
        self,
        task_ids: int | Iterable[int],
        interval: float = 1,
        *,
        timeout: float | Literal["default"] | None = "default",
    ) -> Iterator[RunResult]:
        """Give each organization's result as it arrives, over several tasks with one poll loop.

        Parameters
        ----------
        task_ids
            One task's id, or several; the first task of a group that this client created with
            ``isolated=True`` stands for all of it.
        interval, timeout
            As for :meth:`wait_for_results`.

        Yields
        ------
        RunResult
            ``(organization_id, task_id, run_id, status, value)`` of each run as it ends. Of a run
            that failed, the status says how, and ``value`` is ``None``: look at the status first.

        Raises
        ------
        InvalidArgument
            When an argument cannot be right; before the first result is asked for.
        TaskTimeout
            When not all runs ended in time. What was given stays given.
        TaskFailed
            When a task has no run at all.
        ResultError
            When a completed run's result is missing or cannot be decoded; after all others were
            given.
        RequestError
            When the server refuses to tell about a task three times in a row; after what there is
            was given.

        Examples
        --------
        >>> for organization, task, run, status, value in client.as_completed(task["id"]):
        ...     if status == "completed":
        ...         total += value["sum"]
        """
        return self._waits.as_completed(task_ids, interval, timeout)

    def outcomes(self, task_id: int) -> list[RunOutcome]:
        """Tell what became of each organization's run by now; does not wait.

        Parameters
        ----------
        task_id
            The task's id; the first task of a group that this client created with
            ``isolated=True`` stands for all of it.

        Returns
        -------
        list of RunOutcome
            One an organization: status, queue and compute seconds, whether its node is online;
            in the order of ``organizations`` at creation, or by ascending run id.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number.
        RequestError
            When the runs cannot be had; ``MaskedServerError`` where there is no such task.
        """
        return self._waits.outcomes(task_id)

    def create_task(  # noqa: PLR0913 - those of Task.create
        self,
        input_: object,
        organizations: object,
        name: object,
        description: object,
        key: object,
        *,
        isolated: bool,
    ) -> dict[str, Any]:
        """Create a subtask: what :meth:`AlgorithmClient.Task.create` calls, and documents."""
        return self._creator.create(
            input_, organizations, name, description, key, isolated=isolated
        )

    def _probe_request(self) -> Request:
        # It uses token and database, and the server refuses it to no container.
        endpoint = f"organization/{self.organization_id}"
        return build(endpoint, "get", None, None, self.headers, shapes.resource)
