"""ClientBase: an address, a token, and the one road that every call takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from v6client.errors import ConfigurationError
from v6client.http import shapes
from v6client.http.address import Address
from v6client.http.endpoint import checked, identifier
from v6client.http.failure import Failure
from v6client.http.outcome import Kind, Outcome
from v6client.http.pagination import all_rows
from v6client.http.request import Request, build
from v6client.http.retry import Effect, OperationClock, RetryPolicy
from v6client.http.shapes import Shape
from v6client.http.transport import Transport
from v6client.settings import Settings
from v6client.telemetry import logs, metrics, schema, spans

_SHORTEST_TIMEOUT: Final = 0.001


class ClientBase:
    """The basis of the client: where the API is, who asks, and :meth:`request`.

    Parameters
    ----------
    host
        The address with its protocol, such as ``http://localhost``.
    port
        The port, as a number or its digits; ``None`` or ``""`` where the address needs none.
    path
        The path of the API; ``/api`` at the server, empty at the node's proxy.
    settings
        All tunables; read from the ``V6CLIENT_…`` variables by default.

    Raises
    ------
    ConfigurationError
        When host, port, path or a variable cannot be right.
    """

    def __init__(
        self,
        host: str,
        port: int | str | None,
        path: str = "/api",
        *,
        settings: Settings | None = None,
    ) -> None:
        self._address = Address.of(host, port, path)
        self._access_token: str | None = None
        self.settings = settings or Settings.from_environment()
        self.log = logs.algorithm_logger
        self._transport = Transport(self.base_path, connect_timeout=self.settings.connect_timeout)
        self._retry = RetryPolicy(self.settings)
        self._contacted = False
        self._server_attributes: dict[str, str | int] = {
            schema.SERVER_ADDRESS: self._address.server_name,
            schema.SERVER_PORT: self._address.server_port,
        }

    def __repr__(self) -> str:
        """Show the address; never the token."""
        return f"<{type(self).__name__} of {self.base_path}>"

    @property
    def name(self) -> str:
        """What this client is, for people."""
        return f"client of {self.base_path}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of each request: the authorization, where there is a token."""
        return {"Authorization": f"Bearer {self._access_token}"} if self._access_token else {}

    @property
    def token(self) -> str | None:
        """The JWT that authorizes the requests."""
        return self._access_token

    @property
    def host(self) -> str:
        """The address with its protocol, without port and path."""
        return self._address.host

    @property
    def port(self) -> int | None:
        """The port."""
        return self._address.port

    @property
    def path(self) -> str:
        """The path of the API: empty, or with a leading slash."""
        return self._address.path

    @property
    def base_path(self) -> str:
        """The full address of the API: host, port and path."""
        return self._address.url

    def generate_path_to(self, endpoint: str, is_for_algorithm_store: bool = False) -> str:
        """Give the full address of an endpoint.

        Parameters
        ----------
        endpoint
            A path below the API, such as ``task/12``.
        is_for_algorithm_store
            Not possible for a container: the node's proxy leads to the server alone.

        Returns
        -------
        str
            The address.

        Raises
        ------
        ConfigurationError
            When it is for the algorithm store.
        InvalidArgument
            When the endpoint is not a path below the API.
        """
        _refuse_store(is_for_algorithm_store)
        return f"{self.base_path}/{checked(endpoint)}"

    def request(  # noqa: PLR0913 - upstream's signature
        self,
        endpoint: str,
        json: Mapping[str, Any] | None = None,
        method: str = "get",
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        first_try: bool = True,  # noqa: ARG002 - upstream's
        retry: bool = True,  # noqa: ARG002 - upstream's
        attempts_on_timeout: int | None = None,  # noqa: ARG002 - upstream's
        is_for_algorithm_store: bool = False,
        *,
        operation: str = "request",
        shape: Shape = shapes.anything,
    ) -> Any:  # noqa: ANN401 - what the API answers
        """Make one request, with all the attempts that it takes.

        Parameters
        ----------
        endpoint
            A path below the API, such as ``task/12/status``.
        json
            The body.
        method
            ``get``, ``post``, ``put``, ``patch`` or ``delete``.
        params
            The query.
        headers
            More headers. The authorization is always the client's.
        first_try, retry, attempts_on_timeout
            Upstream's; without meaning here: a container's token cannot be refreshed, and what
            is tried again and for how long is in the settings.
        is_for_algorithm_store
            Upstream's; has to be false.
        operation
            The operation's name in the trace, one of ``telemetry/schema.py``.
        shape
            Tells whether an answer's body is what the API documents.

        Returns
        -------
        object
            The decoded body of the successful answer. An error's body is never returned.

        Raises
        ------
        InvalidArgument
            Before the wire: no such method, an endpoint that leaves the API, a body that is
            not JSON.
        ConfigurationError
            When it is for the algorithm store, or address or headers cannot be sent.
        ConnectionFailed
            No connection within the outage budget, or no complete answer.
        DeadlineExceeded
            The operation's deadline passed before an attempt gave an answer.
        InvalidResponse
            A success whose body is not what the API documents.
        StatusError
            A status that is no success; see :mod:`v6client.errors` for its kinds.
        """
        _refuse_store(is_for_algorithm_store)
        request = build(endpoint, method, json, params, {**(headers or {}), **self.headers}, shape)
        effect = Effect.of(request.method)
        clock = self._clock(effect)
        with spans.operation(operation, {}) as span:
            outcome, attempts, out_of_time = self._retry.run(
                lambda number: self._attempt(request, number, clock),
                effect=effect,
                clock=clock,
                before_retry=lambda number, failed, delay: logs.emit(
                    schema.RETRY, **_fields(request, number, failed), delay_s=round(delay, 3)
                ),
            )
            if outcome.kind is Kind.SUCCESS:
                self._contacted = True
                return outcome.body
            span.set_attribute(schema.ATTEMPT_COUNT, attempts)
            logs.emit(
                schema.GIVEN_UP,
                **_fields(request, attempts, outcome),
                elapsed_s=round(clock.elapsed(), 3),
            )
            raise Failure(
                request, self._address.server, outcome, attempts, clock.elapsed(), out_of_time
            ).error()

    def get_resource(self, kind: str, id_: object) -> dict[str, Any]:
        """Get one resource by its id.

        Parameters
        ----------
        kind
            ``task``, ``run``, ``organization``, ….
        id_
            Its id.

        Raises
        ------
        InvalidArgument
            When the id is no positive whole number: nothing else ever becomes part of a path.
        RequestError
            When it cannot be had.
        """
        endpoint = f"{kind}/{identifier(id_, f'{kind} id')}"
        found: dict[str, Any] = self.request(
            endpoint, operation=f"{kind}.get", shape=shapes.resource
        )
        return found

    def list_rows(
        self,
        endpoint: str,
        params: Mapping[str, Any],
        *,
        operation: str,
        shape: Shape = shapes.page,
    ) -> list[dict[str, Any]]:
        """Fetch all pages of a list, by ascending id.

        Parameters
        ----------
        endpoint, params, operation, shape
            As for :meth:`request`.

        Returns
        -------
        list of dict
            The rows.

        Raises
        ------
        RequestError
            When a page cannot be had: a list is complete or it is not returned.
        """

        def fetch(query: Mapping[str, Any]) -> dict[str, Any]:
            page: dict[str, Any] = self.request(
                endpoint, params=query, operation=operation, shape=shape
            )
            return page

        return all_rows(fetch, params, page_size=self.settings.page_size)

    def _attempt(self, request: Request, number: int, clock: OperationClock) -> Outcome:
        attributes: dict[str, str | int] = {
            schema.HTTP_METHOD: request.method,
            schema.URL_TEMPLATE: request.template,
            **self._server_attributes,
        }
        resend = number > 1
        more = {schema.HTTP_RESEND_COUNT: number - 1} if resend else {}
        if request.body is not None:
            more[schema.HTTP_REQUEST_SIZE] = len(request.body)
        limit = self._read_timeout(Effect.of(request.method))
        started = time.perf_counter()
        with spans.attempt(request.method, request.template, {**attributes, **more}) as span:
            outcome = self._transport.send(
                request, read_timeout=min(limit, max(_SHORTEST_TIMEOUT, clock.remaining()))
            )
            spans.end_attempt(
                span, status=outcome.status, size=outcome.size, error_type=outcome.error_type
            )
        seconds = time.perf_counter() - started
        metrics.record_attempt(
            seconds,
            attributes,
            status=outcome.status,
            error_type=outcome.error_type,
            resend=resend,
        )
        logs.emit(schema.ATTEMPT, **_fields(request, number, outcome), duration_s=round(seconds, 6))
        return outcome

    def _clock(self, effect: Effect) -> OperationClock:
        ours = self.settings
        return OperationClock(
            deadline=ours.request_deadline if effect is Effect.READ else ours.create_deadline,
            outage_budget=ours.outage_budget if self._contacted else ours.first_contact_budget,
        )

    def _read_timeout(self, effect: Effect) -> float:
        ours = self.settings
        return ours.read_timeout if effect is Effect.READ else ours.post_read_timeout


def _refuse_store(is_for_algorithm_store: bool) -> None:
    if is_for_algorithm_store:
        raise ConfigurationError(
            "an algorithm container cannot reach an algorithm store: the node's proxy leads to "
            "the vantage6 server alone. Call this without is_for_algorithm_store."
        )


def _fields(request: Request, attempt: int, outcome: Outcome) -> dict[str, object]:
    return {
        "method": request.method,
        "template": request.template,
        "attempt": attempt,
        "status": outcome.status,
        "error_type": outcome.error_type,
    }
