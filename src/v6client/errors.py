"""Every error that v6client raises.

::

    V6ClientError
    ├── ConfigurationError          a setting, a variable, a token or an address is wrong
    ├── InvalidArgument             an argument was refused before anything was sent (ValueError)
    ├── RequestError                a request did not give its answer
    │   ├── ConnectionFailed        never sent, or sent and lost: nobody knows what became of it
    │   ├── DeadlineExceeded        the time for the operation is over
    │   ├── InvalidResponse         an answer that is not what the API documents
    │   │   └── ResponseTooLarge    an answer longer than V6CLIENT_MAX_RESPONSE_BYTES
    │   └── StatusError             an HTTP status that is no success
    │       ├── BadRequest          400
    │       ├── Unauthorized        401
    │       ├── Forbidden           403
    │       ├── NotFound            404
    │       ├── RateLimited         429
    │       └── ServerError         5xx
    │           └── MaskedServerError   the node proxy's 500 that hides the server's answer
    ├── TaskError                   a subtask did not give its results
    │   ├── TaskFailed              at least one organization's run failed
    │   ├── TaskTimeout             the task was not finished in time
    │   └── TaskPartiallyCreated    the server has the task, but not all of its runs
    ├── ResultError                 a result cannot be read, or cannot be written
    └── EncryptionError             a key, or something encrypted, cannot be used
        └── NotAuthenticated        setup_encryption without a token (AssertionError)

Each says what was asked, what came and what to do. None carries a token, an input, a result or
the text of a server's answer; all can be pickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class V6ClientError(Exception):
    """The root of all errors of v6client."""


class ConfigurationError(V6ClientError):
    """A setting, an environment variable, a token or an address is wrong or missing."""


class InvalidArgument(V6ClientError, ValueError):  # noqa: N818 - httpx's and grpc's word for it
    """An argument was refused before anything was sent."""


class RequestError(V6ClientError):
    """A request did not give its answer.

    Parameters
    ----------
    message
        What was asked, what came, what to do.
    method, template
        The HTTP method and the endpoint's template, such as ``GET`` and ``/task/{id}/status``.
    status
        The HTTP status of the last answer; ``None`` where none came.
    attempts
        How many times the request was tried.
    elapsed
        Seconds from the first attempt to giving up.
    key
        Of a creation that may have succeeded: ``task.create(..., key=key)`` finds the task, or
        creates it.
    """

    def __init__(  # noqa: PLR0913 - the facts of a request
        self,
        message: str,
        *,
        method: str = "",
        template: str = "",
        status: int | None = None,
        attempts: int = 0,
        elapsed: float = 0.0,
        key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.key = key
        self.method = method
        self.template = template
        self.status = status
        self.attempts = attempts
        self.elapsed = elapsed


class ConnectionFailed(RequestError):  # noqa: N818 - says what happened
    """No connection, or no complete answer over it.

    ``sent`` tells whether the request may have reached the other side: where it is true for a
    request that changes something, the change may have been made.
    """

    def __init__(self, message: str, *, sent: bool = False, **facts: Any) -> None:  # noqa: ANN401
        super().__init__(message, **facts)
        self.sent = sent


class DeadlineExceeded(RequestError):  # noqa: N818 - the field's name for it (gRPC)
    """The time for the operation is over."""


class InvalidResponse(RequestError):  # noqa: N818 - says what happened
    """A successful status with a body that is not what the API documents."""


class ResponseTooLarge(InvalidResponse):
    """An answer that is longer than ``V6CLIENT_MAX_RESPONSE_BYTES``, and was left there."""


class StatusError(RequestError):
    """An HTTP status that is no success."""


class BadRequest(StatusError):  # noqa: N818 - named after the status
    """400: the server refused the request as it was written."""


class Unauthorized(StatusError):  # noqa: N818 - named after the status
    """401: the token is not accepted, or does not allow this."""


class Forbidden(StatusError):  # noqa: N818 - named after the status
    """403: the token does not allow this."""


class NotFound(StatusError):  # noqa: N818 - named after the status
    """404: there is nothing with this id, or no such endpoint."""


class RateLimited(StatusError):  # noqa: N818 - named after the status
    """429: too many requests."""


class ServerError(StatusError):
    """5xx: the server or the proxy failed."""


class MaskedServerError(ServerError):
    """The node proxy's 500 that hides what the server answered.

    The proxy tries three times and then says ``Request failed, see node logs``, whether the
    server refused the request (4xx), failed (5xx) or could not be reached. ``server_answers``
    tells whether it answered another request of this container at that time: then it refused
    this one, or failed at it.
    """

    def __init__(
        self,
        message: str,
        *,
        server_answers: bool = False,
        **facts: Any,  # noqa: ANN401 - RequestError's own keywords
    ) -> None:
        super().__init__(message, **facts)
        self.server_answers = server_answers


class TaskError(V6ClientError):
    """A subtask did not give its results.

    Parameters
    ----------
    message
        What happened to which organization, and what to do.
    task_id
        The task's id; ``None`` where it is not known.
    organization_ids
        The organizations that are concerned.
    results
        The results that there are, by organization id.
    """

    def __init__(
        self,
        message: str,
        *,
        task_id: int | None = None,
        organization_ids: tuple[int, ...] = (),
        results: Mapping[int, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.organization_ids = organization_ids
        self.results: dict[int, Any] = dict(results or {})


class TaskFailed(TaskError):  # noqa: N818 - says what happened
    """At least one organization's run failed, or is missing.

    Parameters
    ----------
    statuses
        Each organization's run status.
    outcomes
        What became of each organization's run (:class:`v6client.RunOutcome`).
    read_logs
        Fetches the logs of the runs that did not complete.
    """

    def __init__(
        self,
        message: str,
        *,
        statuses: Mapping[int, str] | None = None,
        outcomes: tuple[Any, ...] = (),
        read_logs: Callable[[], dict[int, str | None]] | None = None,
        **facts: Any,  # noqa: ANN401 - TaskError's own keywords
    ) -> None:
        super().__init__(message, **facts)
        self.statuses: dict[int, str] = dict(statuses or {})
        self.outcomes = outcomes
        self._read_logs = read_logs

    def __reduce__(self) -> tuple[Any, ...]:
        # The logs can be asked for where the client is: not in another process.
        return type(self), self.args, {**vars(self), "_read_logs": None}

    def logs(self) -> dict[int, str | None]:
        """Ask the server for the logs of the runs that did not complete.

        A log is what the algorithm and its libraries printed at that organization. It may hold
        data, so it is no part of this error, and v6client writes it nowhere.

        Returns
        -------
        dict
            The logs by organization id; ``None`` where a run has none (yet).

        Raises
        ------
        RequestError
            When they cannot be had.
        ConfigurationError
            When this error came from another process, which alone can ask.
        """
        if self._read_logs is None:
            raise ConfigurationError(
                "the logs can be asked for only in the process that waited for the task. Use "
                "client.run.from_task(task_id) instead."
            )
        return self._read_logs()


class TaskTimeout(TaskError):  # noqa: N818 - says what happened
    """The task was not finished in time. It goes on, and can be waited for again.

    Parameters
    ----------
    status
        The task's status as far as known.
    statuses, outcomes
        As in :class:`TaskFailed`, for as far as they could still be asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        status: str = "",
        statuses: Mapping[int, str] | None = None,
        outcomes: tuple[Any, ...] = (),
        **facts: Any,  # noqa: ANN401 - TaskError's own keywords
    ) -> None:
        super().__init__(message, **facts)
        self.status = status
        self.statuses: dict[int, str] = dict(statuses or {})
        self.outcomes = outcomes


class TaskPartiallyCreated(TaskError):  # noqa: N818 - says what happened
    """The server has the task, but not a run for each organization.

    It is neither waited for nor created again: the server calls a task without runs completed.
    ``organization_ids`` are those without a run. ``key`` is that of an isolated creation in which
    it happened: with it the others are found again.
    """

    key: str | None = None


class ResultError(V6ClientError):
    """A result cannot be read, or cannot be written.

    Parameters
    ----------
    message
        Which result, why, and what to do.
    task_id, run_id, organization_id
        Whose result it is, as far as known.

    Attributes
    ----------
    results
        The results of the others, by organization id, where it ended a wait.
    """

    def __init__(
        self,
        message: str,
        *,
        task_id: int | None = None,
        run_id: int | None = None,
        organization_id: int | None = None,
    ) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.run_id = run_id
        self.organization_id = organization_id
        self.results: dict[int, Any] = {}


class EncryptionError(V6ClientError):
    """A key, or something encrypted, cannot be used."""


class NotAuthenticated(EncryptionError, AssertionError):  # noqa: N818 - says what is missing
    """``setup_encryption`` was called on a client without a token.

    It is an ``AssertionError`` too, because that is what upstream's interface documents.
    """
