"""ClientBase: an address, a token, and the one road that every call takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from v6client.errors import ConfigurationError
from v6client.http import shapes
from v6client.http.address import Address
from v6client.http.endpoint import checked, identifier
from v6client.http.exchange import Answer, Exchange
from v6client.http.pagination import all_rows
from v6client.http.reader import Json, Reader
from v6client.http.request import Request, build
from v6client.http.shapes import Shape
from v6client.settings import Settings
from v6client.telemetry import logs, spans


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
        self._exchange = Exchange(self._address, self.settings, self._probe_request)

    def __repr__(self) -> str:
        """Show the address; never the token."""
        return f"<{type(self).__name__} of {self.base_path}>"

    def close(self) -> None:
        """Close the kept connections. A later request opens new ones.

        An algorithm need not call it: the connections end with the process. It is for processes
        that make many clients, such as tests.
        """
        self._exchange.close()

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
        operation: str | None = "request",
        shape: Shape = shapes.anything,
        reader: Callable[[], Reader] = Json,
        within: float | None = None,
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
            The operation's name in the trace, one of ``telemetry/schema.py``; ``None`` where
            it is a part of an operation that has its span already.
        shape
            Tells whether an answer's body is what the API documents.
        reader
            Makes what reads the body of a success: JSON by default.
        within
            Seconds for the operation, outages included; the settings' deadlines and budgets by
            default, and never more than those.

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
            A success whose body is not what the API documents; ``ResponseTooLarge`` where it is
            longer than the setting ``max_response_bytes``.
        StatusError
            A status that is no success; see :mod:`v6client.errors` for its kinds.
        """
        _refuse_store(is_for_algorithm_store)
        mine = self.headers
        others = {name: it for name, it in (headers or {}).items() if str(name).title() not in mine}
        request = build(endpoint, method, json, params, {**others, **mine}, shape, reader)
        return self._exchange.perform(request, operation=operation, within=within).body

    def ask(  # noqa: PLR0913 - those of a request that a question has
        self,
        endpoint: str,
        params: Mapping[str, Any] | None = None,
        *,
        operation: str | None,
        shape: Shape,
        within: float | None,
        reader: Callable[[], Reader] = Json,
    ) -> Answer:
        """Make one GET, and give its answer with its headers and what it took.

        The parameters and errors are those of :meth:`request`; but ``operation=None`` is for the
        polls of a wait, of which a trace shows only the attempts that failed.
        """
        request = build(endpoint, "get", None, params, self.headers, shape, reader)
        request = replace(request, is_poll=operation is None)
        return self._exchange.perform(request, operation=operation, within=within)

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
        wanted = int(endpoint.rpartition("/")[2])
        found: dict[str, Any] = self.request(
            endpoint,
            operation=f"{kind}.get",
            # Another resource than the one that was asked for is no answer.
            shape=lambda body: shapes.resource(body) and body["id"] == wanted,
        )
        return found

    def list_rows(  # noqa: PLR0913 - what a list may be asked for
        self,
        endpoint: str,
        params: Mapping[str, Any],
        *,
        operation: str | None,
        shape: Shape = shapes.page,
        reader: Callable[[], Reader] = Json,
        weigh: Callable[[dict[str, Any]], int] | None = None,
        within: float | None = None,
    ) -> list[dict[str, Any]]:
        """Fetch all pages of a list, by ascending id.

        Parameters
        ----------
        endpoint, params, operation, shape, reader, within
            As for :meth:`request`; ``within`` is for each page.
        weigh
            Tells the bytes of a row, where rows may be large: pages are cut accordingly then.

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
                endpoint,
                params=query,
                operation=None,
                shape=shape,
                reader=reader,
                within=within,
            )
            return page

        with spans.operation(operation, {}):
            return all_rows(
                fetch,
                params,
                page_size=self.settings.page_size,
                weigh=weigh,
                deadline=self.settings.request_deadline if within is None else within,
            )

    def _probe_request(self) -> Request:
        """Make the small request by which an outage is told from a refusal."""
        return build("version", "get", None, None, self.headers, shapes.json_object)


def _refuse_store(is_for_algorithm_store: bool) -> None:
    if is_for_algorithm_store:
        raise ConfigurationError(
            "an algorithm container cannot reach an algorithm store: the node's proxy leads to "
            "the vantage6 server alone. Call this without is_for_algorithm_store."
        )
