"""The transport: one request, sent and answered, or what went wrong on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util import Timeout

from v6client._version import __version__
from v6client.http import deadline
from v6client.http.body import Stream, size_of
from v6client.http.connections import KEEPS_CONNECTIONS, HandshakeError, Kept, pool_maker
from v6client.http.outcome import SUCCESSES, Kind, Outcome, classify_read
from v6client.http.reader import Head, Reader, read_all
from v6client.http.request import Request

_DIGITS: Final = 20
_MOST_KEPT: Final = 32


class Transport:
    """Sends one request and says what came of it; it never raises for what the wire did.

    A request goes straight to a pool of urllib3's: what a session of ``requests`` and its adapter
    find out anew for each costs more than all our own telemetry (docs/benchmarks.md). What the
    environment says of the certificates to trust is asked of ``requests``, once. No redirect is
    followed, and no proxy of the environment is used (the node sets ``HTTP_PROXY`` to squid, which
    does not lead to the node's own proxy). Reads share kept connections, one a thread at work;
    every other request gets a new one.

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
        self._path = urlsplit(base).path
        self._connect_timeout = connect_timeout
        self._max_response_bytes = max_response_bytes
        self._new_pool = pool_maker(base)
        self._kept = self._new_pool(_MOST_KEPT)

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
        """
        if request.method == "GET":
            return self._send_over(self._kept, _KEEP, request, read_timeout, within)
        # A request that changes something has a connection of its own: on a kept one, that the
        # peer closes at that moment, nobody could tell whether it was carried out.
        with contextlib.closing(self._new_pool(1)) as fresh:
            return self._send_over(fresh, _CLOSE, request, read_timeout, within)

    def _send_over(
        self,
        pool: HTTPConnectionPool,
        connection: Mapping[str, str],
        request: Request,
        read_timeout: float,
        within: float,
    ) -> Outcome:
        timeout = Timeout(connect=min(self._connect_timeout, within), read=read_timeout)
        response: Any = None
        try:
            with deadline.until(time.monotonic() + within, patience=read_timeout):
                response = pool.urlopen(
                    request.method,
                    f"{self._path}/{request.target}",
                    body=request.body,
                    headers={**_ALWAYS, **request.headers, **connection, **_framing(request)},
                    retries=_NO_RETRIES,
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
        kept, self._kept = self._kept, self._new_pool(_MOST_KEPT)
        kept.close()

    def drop(self) -> None:
        """Drop the kept connections in a forked child, whose parent goes on with them."""
        cast("Kept", self._kept.pool).drop()


_CLOSE: Final[Mapping[str, str]] = {"Connection": "close"}
_KEEP: Final[Mapping[str, str]] = {} if KEEPS_CONNECTIONS else _CLOSE
_ALWAYS: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "User-Agent": f"v6client/{__version__}",
}
# What goes wrong is raised as it is; what to do about it is the retry policy's to say.
_NO_RETRIES: Final = urllib3.Retry(total=False)


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
    if isinstance(error, urllib3.exceptions.ProtocolError):
        if is_answering:
            return Outcome(Kind.NO_ANSWER, "truncated")
        # What ends while the request is sent, urllib3 wraps.
        if any(isinstance(one, TimeoutError) for one in error.args):
            return Outcome(Kind.NO_ANSWER, "send_timeout")
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
    (HandshakeError, "tls"),
    (urllib3.exceptions.ClosedPoolError, "connection_closed"),
)
