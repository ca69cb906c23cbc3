"""The connections: prompt, and bound to a deadline; the pools that keep them."""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util.ssl_match_hostname import CertificateError

from v6client.errors import ConfigurationError
from v6client.http import deadline

# Only Linux has it. Without it a kept connection costs 42 ms a request at the real proxy, which
# writes headers and body apart and waits for our delayed acknowledgement in between.
_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
KEEPS_CONNECTIONS: Final = _QUICKACK is not None

# What has the read timeout to be sent in: Python's is for all that one call sends.
_PART: Final = 1 << 18


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


class HandshakeError(urllib3.exceptions.HTTPError):
    """TLS was not agreed on, so nothing was sent."""


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
        error: Exception | None = None
        try:
            super().connect()  # type: ignore[misc]
        except TimeoutError:
            # A TLS handshake that does not end.
            error = ConnectTimeoutError("the connection does not stand in time")
        except (OSError, urllib3.exceptions.SSLError, CertificateError):
            # Told apart from what TLS may report later, when the request was sent.
            error = HandshakeError("the TLS handshake failed")
        if error is not None:
            raise error
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


class Kept:
    """The connections that a pool keeps: what urllib3 uses of a queue, without a lock.

    An interrupt behind the lock of a ``queue.Queue`` would leave it locked, and so would a fork:
    the next one who puts a connection back, if only to close it, would wait for ever. To append and
    to pop are steps that nothing interrupts.

    Parameters
    ----------
    maxsize
        How many are kept.
    """

    def __init__(self, maxsize: int) -> None:
        self._most = maxsize
        self._free: list[Any] = []

    def qsize(self) -> int:
        """Tell how many there are."""
        return len(self._free)

    def put(self, item: Any, block: bool = True) -> None:  # noqa: ANN401, ARG002 - as a queue has it
        """Keep a connection, unless there are enough.

        Raises
        ------
        queue.Full
            When there are.
        """
        # Between the two steps another thread may put one, too: one more is kept then.
        if len(self._free) >= self._most:
            raise queue.Full
        self._free.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ANN401, ARG002 - as a queue has it
        """Give the connection that was kept last.

        Raises
        ------
        queue.Empty
            When there is none: urllib3 makes a new one.
        """
        try:
            return self._free.pop()
        except IndexError:
            pass
        raise queue.Empty

    def drop(self) -> None:
        """Close what is kept: in a forked child, whose parent goes on with it."""
        dropped, self._free = self._free, []
        for connection in filter(None, dropped):
            connection.close()


class _PromptPool(HTTPConnectionPool):
    ConnectionCls = _PromptConnection
    QueueCls: Any = Kept


class _PromptTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PromptTLSConnection
    QueueCls: Any = Kept


def pool_maker(base: str) -> Callable[[int], HTTPConnectionPool]:
    """Give what makes pools of connections to an address, each for so many that are kept.

    Parameters
    ----------
    base
        The address.

    Raises
    ------
    ConfigurationError
        When there can be no host of that name, or the environment names certificates to trust
        that are not there.
    """
    host, port = None, None
    with contextlib.suppress(urllib3.exceptions.LocationValueError):
        parts = urllib3.util.parse_url(base)
        host, port = parts.host, parts.port
    if host is None:
        raise ConfigurationError(
            "there can be no host of this name. Check that host is 'http://' or 'https://' and a "
            "name. In a container it is the variable HOST."
        )
    if not base.startswith("https:"):
        return lambda kept: _PromptPool(host, port, maxsize=kept)
    trusted = _trusted_certificates(base)
    kind = "ca_cert_dir" if Path(trusted).is_dir() else "ca_certs"
    trust: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED", kind: trusted}
    return lambda kept: _PromptTLSPool(host, port, maxsize=kept, **trust)


def _trusted_certificates(base: str) -> str:
    """Give the file or folder of the certificates that TLS trusts."""
    # The way to a node's proxy is without TLS, mostly.
    import requests  # noqa: PLC0415

    # For REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, read once and not at each request.
    with requests.Session() as session:
        verify = session.merge_environment_settings(base, {}, None, None, None)["verify"]
    trusted = verify if isinstance(verify, str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
    if not Path(trusted).exists():
        raise ConfigurationError(
            "there is no file at the path that REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names. "
            "Correct it, or unset it."
        )
    return trusted
