"""The transport: one session, kept connections, timeouts, and what can go wrong on the way."""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests import certs
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util import Timeout

from v6client._version import __version__
from v6client.errors import ConfigurationError
from v6client.forks import renew_in_child
from v6client.http import deadline
from v6client.http.body import Stream, size_of
from v6client.http.outcome import SUCCESSES, Kind, Outcome, classify_read
from v6client.http.reader import Head, Reader, read_all
from v6client.http.request import Request

# Only Linux has it. Without it a kept connection costs 42 ms a request at the real proxy, which
# writes headers and body apart and waits for our delayed acknowledgement in between.
_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
KEEPS_CONNECTIONS: Final = _QUICKACK is not None

_POOL_SIZE: Final = 32
_DIGITS: Final = 20


def _acknowledge_at_once(sock: socket.socket | None) -> None:
    # The option does not stick: the kernel falls back to delayed acknowledgements by itself.
    if _QUICKACK is not None and sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def _bound(sock: socket.socket | None) -> None:
    left = deadline.remaining()
    if sock is not None and left != float("inf"):
        sock.settimeout(left)


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
        if self.sock is not None:
            # urllib3 leaves the connect timeout on the socket while it sends; a proxy that is busy
            # with somebody else may take longer to read.
            _bound(self.sock)
        super().send(data)  # type: ignore[misc]

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


class _Kept(queue.LifoQueue[Any]):
    """The connections that a pool keeps. A forked child has none, and locks of its own.

    urllib3 empties it when its pool is not used any more, and waits for ever there where another
    thread of the parent had its lock at that moment.
    """

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        renew_in_child(self._renew)

    def _renew(self) -> None:
        dropped = self.queue
        super().__init__(self.maxsize)
        for connection in filter(None, dropped):
            connection.close()


class _PromptPool(HTTPConnectionPool):
    ConnectionCls = _PromptConnection
    QueueCls = _Kept


class _PromptTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PromptTLSConnection
    QueueCls = _Kept


class Transport:
    """Sends one request and says what came of it; it never raises for what the wire did.

    ``requests`` says once what the environment has to say, which is whom TLS trusts; then each
    request goes straight to its pool of connections, which is urllib3's: what a session and its
    adapter find out anew for each request costs more than all our own telemetry
    (docs/benchmarks.md). No redirect is followed, and no proxy of the environment is used (the
    node sets ``HTTP_PROXY`` to squid, which does not lead to the node's own proxy). Reads share
    kept connections, one a thread at work; every other request gets a new one.

    Parameters
    ----------
    base
        The address of the API, such as ``http://localhost:8080`` and a path.
    connect_timeout
        Seconds until a connection stands.
    max_response_bytes
        A longer body is not read.

    Raises
    ------
    ConfigurationError
        When no request can be sent to such an address, or the file of trusted certificates is
        not there.
    """

    def __init__(self, base: str, *, connect_timeout: float, max_response_bytes: int) -> None:
        self._base = base
        self._path = urlsplit(base).path
        self._connect_timeout = connect_timeout
        self._max_response_bytes = max_response_bytes
        self._trusted = _trusted_certificates(base)
        self._kept = self._new_pool()

    def _new_pool(self) -> HTTPConnectionPool:
        is_folder = Path(self._trusted).is_dir()
        manager = urllib3.PoolManager(
            maxsize=_POOL_SIZE,
            cert_reqs="CERT_REQUIRED",
            ca_certs=None if is_folder else self._trusted,
            ca_cert_dir=self._trusted if is_folder else None,
        )
        manager.pool_classes_by_scheme = {"http": _PromptPool, "https": _PromptTLSPool}
        try:
            return manager.connection_from_url(self._base)
        except urllib3.exceptions.LocationValueError:
            pass
        raise ConfigurationError(
            "there can be no host of this name. Check that host is 'http://' or 'https://' and a "
            "name. In a container it is the variable HOST."
        )

    def send(self, request: Request, *, read_timeout: float, within: float) -> Outcome:
        """Send one request.

        Parameters
        ----------
        request
            The request.
        read_timeout
            Seconds between two bytes of the answer.
        within
            Seconds for the whole attempt, from the first byte sent to the last one read.

        Returns
        -------
        Outcome
            What came of it.
        """
        if request.method == "GET":
            return self._send_over(self._kept, _ALWAYS, request, read_timeout, within)
        # A request that changes something has a connection of its own: on a kept one, that the
        # peer closes at that moment, nobody could tell whether it was carried out.
        with contextlib.closing(self._new_pool()) as fresh:
            return self._send_over(fresh, _ALWAYS_NEW, request, read_timeout, within)

    def _send_over(
        self,
        pool: HTTPConnectionPool,
        headers: Mapping[str, str],
        request: Request,
        read_timeout: float,
        within: float,
    ) -> Outcome:
        timeout = Timeout(connect=min(self._connect_timeout, within), read=read_timeout)
        response: Any = None
        try:
            with deadline.until(time.monotonic() + within):
                response = pool.urlopen(
                    request.method,
                    f"{self._path}/{request.target}",
                    body=request.body,
                    headers={**headers, **_framing(request), **request.headers},
                    retries=_NONE,
                    redirect=False,
                    assert_same_host=False,
                    timeout=timeout,
                    preload_content=False,
                    decode_content=False,
                    chunked=isinstance(request.body, Stream),
                )
                announced = response.headers.get("Content-Length", "")
                is_success = response.status in SUCCESSES
                is_expected = _has_type(response, request.media_type)
                reader = request.reader() if is_success and is_expected else Head()
                size = self._read(response, reader, announced)
                received = response.tell()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _failure(error, is_answering=response is not None)
        finally:
            if response is not None:
                # A connection whose answer was not read to its end cannot be used again.
                response.close()
                response.release_conn()
        if size is None:
            return Outcome(Kind.TOO_LARGE, "too_large", response.status)
        # urllib3 before 2.0 takes a body that ends early for a whole one.
        if received < _length(announced):
            return Outcome(Kind.NO_ANSWER, "truncated", response.status)
        if request.is_transfer and is_success and not (announced or _is_chunked(response)):
            # Its end is where the connection ends, which may be anywhere.
            return Outcome(Kind.NO_ANSWER, "truncated", response.status)
        if is_success and not is_expected:
            return Outcome(Kind.INVALID, "not_as_documented", response.status, size=size)
        return classify_read(response.status, response.headers, reader, size, request.shape)

    def _read(self, response: urllib3.HTTPResponse, reader: Reader, announced: str) -> int | None:
        """Read the body, and give its length; ``None`` where it is longer than allowed."""
        if _length(announced) > self._max_response_bytes:
            return None
        return read_all(response, reader, limit=self._max_response_bytes)

    def close(self) -> None:
        """Close the kept connections. A later request opens new ones."""
        kept, self._kept = self._kept, self._new_pool()
        kept.close()


_CLOSE: Final[Mapping[str, str]] = {"Connection": "close"}
_ALWAYS: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "User-Agent": f"v6client/{__version__}",
    **({} if KEEPS_CONNECTIONS else _CLOSE),
}
_ALWAYS_NEW: Final[Mapping[str, str]] = {**_ALWAYS, **_CLOSE}
# What goes wrong is raised as it is; what to do about it is the retry policy's to say.
_NONE: Final = urllib3.Retry(total=False)


def _trusted_certificates(base: str) -> str:
    """Give the file or folder of the certificates that TLS trusts."""
    # For REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, read once and not at each request.
    with requests.Session() as session:
        verify = session.merge_environment_settings(base, {}, None, None, None)["verify"]
    if not isinstance(verify, str):
        return str(certs.where())  # type: ignore[attr-defined]  # the stubs lack it
    if base.startswith("https:") and not Path(verify).exists():
        raise ConfigurationError(
            "there is no file at the path that REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names. "
            "Correct it, or unset it."
        )
    return verify


def _framing(request: Request) -> dict[str, str]:
    """Say how long the body is; a stream says it in each of its chunks."""
    if request.body is None:
        return {} if request.method == "GET" else {"Content-Length": "0"}
    size = size_of(request.body)
    return {} if size is None else {"Content-Length": str(size)}


def _has_type(response: urllib3.HTTPResponse, media_type: str) -> bool:
    announced: str = response.headers.get("Content-Type", "")
    return not media_type or announced.partition(";")[0].strip().lower() == media_type


def _is_chunked(response: urllib3.HTTPResponse) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _length(announced: str) -> int:
    """Read a Content-Length; 0 where it is none."""
    is_one = announced.isascii() and announced.isdecimal()
    # Python refuses to read thousands of digits.
    return int(announced[:_DIGITS]) if is_one else 0


def _failure(error: Exception, *, is_answering: bool) -> Outcome:
    """Say what an exception of the wire means: was the request sent, and what went wrong."""
    for known, error_type in _NEVER_SENT:
        if isinstance(error, known):
            return Outcome(Kind.NEVER_SENT, error_type)
    if isinstance(error, _READ_TIMEOUTS):
        return Outcome(Kind.NO_ANSWER, "read_timeout")
    if is_answering and isinstance(error, urllib3.exceptions.ProtocolError):
        return Outcome(Kind.NO_ANSWER, "truncated")
    return Outcome(Kind.NO_ANSWER, "connection_lost")


_READ_TIMEOUTS: Final = (urllib3.exceptions.ReadTimeoutError, TimeoutError)

# The first that fits, so the more special ones come first: NameResolutionError is urllib3 2's and a
# kind of NewConnectionError, which is a kind of ConnectTimeoutError in urllib3 1.
_NEVER_SENT: Final[tuple[tuple[type[Exception], str], ...]] = (
    (
        getattr(urllib3.exceptions, "NameResolutionError", urllib3.exceptions.LocationValueError),
        "name_resolution",
    ),
    (urllib3.exceptions.LocationValueError, "name_resolution"),
    (urllib3.exceptions.NewConnectionError, "connection_refused"),
    (ConnectTimeoutError, "connect_timeout"),
    (urllib3.exceptions.SSLError, "tls"),
)
