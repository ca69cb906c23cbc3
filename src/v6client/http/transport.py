"""The transport: one session, kept connections, timeouts, and what can go wrong on the way."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError

from v6client._version import __version__
from v6client.errors import ConfigurationError
from v6client.http import deadline
from v6client.http.outcome import SUCCESSES, Kind, Outcome, classify_read
from v6client.http.reader import Head, Reader, read_all
from v6client.http.request import Request

# Only Linux has it. Without it a kept connection costs 42 ms a request at the real proxy, which
# writes headers and body apart and waits for our delayed acknowledgement in between.
_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
KEEPS_CONNECTIONS: Final = _QUICKACK is not None

_POOL_SIZE: Final = 32
# What has the read timeout to be sent in: Python's is for all that one call sends.
_PART: Final = 1 << 18
_DIGITS: Final = 20


def _acknowledge_at_once(sock: socket.socket | None) -> None:
    # The option does not stick: the kernel falls back to delayed acknowledgements by itself.
    if _QUICKACK is not None and sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def _bound(sock: socket.socket | None) -> None:
    left = deadline.to_send()
    if sock is not None and left != float("inf"):
        sock.settimeout(left)


def _parts(data: Any) -> Iterable[Any]:  # noqa: ANN401 - whatever http.client sends
    if not isinstance(data, bytes) or len(data) <= _PART:
        return (data,)
    whole = memoryview(data)
    return (whole[start : start + _PART] for start in range(0, len(whole), _PART))


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class _Prompt:
    """What both kinds of connection do: acknowledge at once, and keep to the deadline."""

    sock: socket.socket | None
    response_class = deadline.BoundedResponse

    def send(self, data: Any) -> None:  # noqa: ANN401 - whatever http.client sends
        for part in _parts(data):
            if self.sock is not None:
                # urllib3 leaves the connect timeout on the socket while it sends; a proxy that is
                # busy with somebody else may take longer to read.
                _bound(self.sock)
            super().send(part)  # type: ignore[misc]

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except TimeoutError:
            is_late = True  # a TLS handshake that does not end
        else:
            is_late = False
        if is_late:
            raise ConnectTimeoutError("the connection does not stand in time")
        _bound(self.sock)

    def getresponse(self) -> Any:  # noqa: ANN401 - differs in urllib3 1 and 2
        _acknowledge_at_once(self.sock)
        return super().getresponse()  # type: ignore[misc]

    def _new_conn(self) -> socket.socket:
        # A name server that does not answer cannot be interrupted, only left behind.
        connect: Callable[[], socket.socket] = super()._new_conn  # type: ignore[misc]
        host, timeout = self.host, self.timeout  # type: ignore[attr-defined]
        if _is_ip_address(host) or not isinstance(timeout, (int, float)):
            return connect()
        try:
            return deadline.call_within(timeout, connect, lambda sock: sock.close())
        except TimeoutError:
            pass
        raise ConnectTimeoutError("the connection does not stand in time")


class _PromptConnection(_Prompt, HTTPConnection):  # type: ignore[misc]  # response_class
    pass


class _PromptTLSConnection(_Prompt, HTTPSConnection):  # type: ignore[misc]  # response_class
    pass


class _PromptPool(HTTPConnectionPool):
    ConnectionCls = _PromptConnection


class _PromptTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PromptTLSConnection


class _PromptAdapter(HTTPAdapter):
    """An adapter whose connections acknowledge at once, and that retries nothing by itself."""

    def __init__(self) -> None:
        super().__init__(pool_connections=2, pool_maxsize=_POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - HTTPAdapter's own
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PromptPool, "https": _PromptTLSPool}


class Transport:
    """Sends one request and says what came of it; it never raises for what the wire did.

    Requests go through the adapter of one ``requests`` session: no redirect is followed, and no
    proxy of the environment is used (the node sets ``HTTP_PROXY`` to squid, which does not lead
    to the node's own proxy). Reads share kept connections, one a thread at work; every other
    request gets a new one.

    Parameters
    ----------
    base
        The address of the API, such as ``http://localhost:8080`` and a path.
    connect_timeout
        Seconds until a connection stands.
    max_response_bytes
        A longer body is not read.
    """

    def __init__(self, base: str, *, connect_timeout: float, max_response_bytes: int) -> None:
        self._base = base
        self._connect_timeout = connect_timeout
        self._max_response_bytes = max_response_bytes
        self._session = requests.Session()
        # For REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, read once and not at each request.
        settings = self._session.merge_environment_settings(base, {}, None, None, None)
        self._verify: bool | str = settings["verify"] or True
        is_needed = base.startswith("https:") and isinstance(self._verify, str)
        if is_needed and not Path(str(self._verify)).exists():
            raise ConfigurationError(
                "there is no file at the path that REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names. "
                "Correct it, or unset it."
            )
        self._session.trust_env = False
        self._kept = _PromptAdapter()
        self._session.mount("http://", self._kept)
        self._session.mount("https://", self._kept)

    def send(self, request: Request, *, read_timeout: float, within: float) -> Outcome:
        """Send one request.

        Parameters
        ----------
        request
            The request.
        read_timeout
            Seconds between two bytes of the answer; and for each 256 kB that are sent.
        within
            Seconds for the whole attempt, from the first byte sent to the last one read.

        Returns
        -------
        Outcome
            What came of it.

        Raises
        ------
        ConfigurationError
            When the address or a header cannot be sent at all.
        """
        if request.method == "GET":
            prepared = self._prepare(request, {})
            return self._send_over(self._kept, prepared, request, read_timeout, within)
        # A request that changes something has a connection of its own: on a kept one, that the
        # peer closes at that moment, nobody could tell whether it was carried out.
        prepared = self._prepare(request, _CLOSE)
        with contextlib.closing(_PromptAdapter()) as fresh:
            return self._send_over(fresh, prepared, request, read_timeout, within)

    def _send_over(
        self,
        adapter: HTTPAdapter,
        prepared: requests.PreparedRequest,
        request: Request,
        read_timeout: float,
        within: float,
    ) -> Outcome:
        try:
            with deadline.until(time.monotonic() + within, patience=read_timeout):
                response = adapter.send(
                    prepared,
                    stream=True,
                    timeout=(min(self._connect_timeout, within), read_timeout),
                    verify=self._verify,
                    proxies={},
                )
                with response:
                    announced = response.headers.get("Content-Length", "")
                    is_success = response.status_code in SUCCESSES
                    is_expected = _has_type(response, request.media_type)
                    reader = request.reader() if is_success and is_expected else Head()
                    size = self._read(response, reader, announced)
                received = response.raw.tell()
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return _failure(error)
        if size is None:
            return Outcome(Kind.TOO_LARGE, "too_large", response.status_code)
        # urllib3 before 2.0 takes a body that ends early for a whole one.
        if received < _length(announced):
            return Outcome(Kind.NO_ANSWER, "truncated", response.status_code)
        if request.is_transfer and is_success and not (announced or _is_chunked(response)):
            # Its end is where the connection ends, which may be anywhere.
            return Outcome(Kind.NO_ANSWER, "truncated", response.status_code)
        if is_success and not is_expected:
            return Outcome(Kind.INVALID, "not_as_documented", response.status_code, size=size)
        return classify_read(response.status_code, response.headers, reader, size, request.shape)

    def _read(self, response: requests.Response, reader: Reader, announced: str) -> int | None:
        """Read the body, and give its length; ``None`` where it is longer than allowed."""
        if _length(announced) > self._max_response_bytes:
            return None
        return read_all(response.raw, reader, limit=self._max_response_bytes)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def _prepare(self, request: Request, more: Mapping[str, str]) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        try:
            prepared.prepare(
                method=request.method,
                url=f"{self._base}/{request.path}",
                headers={**_ALWAYS, **request.headers, **more},
                params=dict(request.params),
                data=request.body,
            )
            for name, value in prepared.headers.items():
                name.encode("ascii")
                value.encode("latin-1")
        except (requests.RequestException, ValueError) as error:
            reason = type(error).__name__
        else:
            return prepared
        raise ConfigurationError(
            f"a request to this host, port and path cannot be written ({reason}). Check that host "
            "is 'http://' or 'https://' and a name, port a number, and that no header holds a "
            "line break or a letter outside Latin-1."
        )


_CLOSE: Final[Mapping[str, str]] = {"Connection": "close"}
_ALWAYS: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "User-Agent": f"v6client/{__version__}",
    **({} if KEEPS_CONNECTIONS else _CLOSE),
}


def _has_type(response: requests.Response, media_type: str) -> bool:
    announced: str = response.headers.get("Content-Type", "")
    return not media_type or announced.partition(";")[0].strip().lower() == media_type


def _is_chunked(response: requests.Response) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _length(announced: str) -> int:
    """Read a Content-Length; 0 where it is none."""
    is_one = announced.isascii() and announced.isdecimal()
    # Python refuses to read thousands of digits.
    return int(announced[:_DIGITS]) if is_one else 0


def _failure(error: Exception) -> Outcome:
    """Say what an exception of the wire means: was the request sent, and what went wrong."""
    reason: Any = error.args[0] if error.args else None
    reason = getattr(reason, "reason", None) or reason
    for known, error_type in _NEVER_SENT:
        if isinstance(error, known) or isinstance(reason, known):
            return Outcome(Kind.NEVER_SENT, error_type)
    if isinstance(error, (requests.Timeout, *_READ_TIMEOUTS)) or isinstance(reason, _READ_TIMEOUTS):
        return Outcome(Kind.NO_ANSWER, "read_timeout")
    # What ends while the request is sent, urllib3 wraps once more.
    if isinstance(reason, urllib3.exceptions.ProtocolError) and _is_timeout(reason):
        return Outcome(Kind.NO_ANSWER, "send_timeout")
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return Outcome(Kind.NO_ANSWER, "truncated")
    return Outcome(Kind.NO_ANSWER, "connection_lost")


def _is_timeout(error: Exception) -> bool:
    return any(isinstance(one, TimeoutError) for one in error.args)


_READ_TIMEOUTS: Final = (urllib3.exceptions.ReadTimeoutError, TimeoutError)

# The first that fits, so the more special ones come first: NameResolutionError is urllib3 2's and a
# kind of NewConnectionError, which is a kind of ConnectTimeoutError in urllib3 1.
_NEVER_SENT: Final[tuple[tuple[type[Exception], str], ...]] = (
    (
        getattr(urllib3.exceptions, "NameResolutionError", urllib3.exceptions.LocationValueError),
        "name_resolution",
    ),
    (urllib3.exceptions.LocationValueError, "name_resolution"),
    (requests.exceptions.InvalidURL, "name_resolution"),
    (urllib3.exceptions.NewConnectionError, "connection_refused"),
    (requests.ConnectTimeout, "connect_timeout"),
    (ConnectTimeoutError, "connect_timeout"),
    (requests.exceptions.SSLError, "tls"),
    (urllib3.exceptions.SSLError, "tls"),
)
