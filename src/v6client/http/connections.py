"""The connections: prompt, bound to a deadline, and not shared with a forked child."""

from __future__ import annotations

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

from v6client.errors import ConfigurationError
from v6client.forks import renew_in_child
from v6client.http import deadline

# Only Linux has it. Without it a kept connection costs 42 ms a request at the real proxy, which
# writes headers and body apart and waits for our delayed acknowledgement in between.
_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
KEEPS_CONNECTIONS: Final = _QUICKACK is not None

_POOL_SIZE: Final = 32
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


def new_pool(base: str, trusted: str) -> HTTPConnectionPool:
    """Make a pool of connections to an address, which has none yet.

    Parameters
    ----------
    base
        The address.
    trusted
        The file or folder of the certificates that TLS trusts; empty where there is no TLS.

    Raises
    ------
    ConfigurationError
        When there can be no host of that name.
    """
    kind = "ca_cert_dir" if Path(trusted).is_dir() else "ca_certs"
    trust: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED", kind: trusted} if trusted else {}
    manager = urllib3.PoolManager(maxsize=_POOL_SIZE, **trust)
    manager.pool_classes_by_scheme = {"http": _PromptPool, "https": _PromptTLSPool}
    try:
        return manager.connection_from_url(base)
    except urllib3.exceptions.LocationValueError:
        pass
    raise ConfigurationError(
        "there can be no host of this name. Check that host is 'http://' or 'https://' and a "
        "name. In a container it is the variable HOST."
    )


def trusted_certificates(base: str) -> str:
    """Give the file or folder of the certificates that TLS trusts; empty where there is no TLS.

    Parameters
    ----------
    base
        The address that is meant.

    Raises
    ------
    ConfigurationError
        When the environment names a file that is not there.
    """
    if not base.startswith("https:"):
        return ""
    import requests  # noqa: PLC0415 - the way to a node's proxy is without TLS, mostly
    from requests import certs  # noqa: PLC0415

    # For REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, read once and not at each request.
    with requests.Session() as session:
        verify = session.merge_environment_settings(base, {}, None, None, None)["verify"]
    if not isinstance(verify, str):
        return str(certs.where())  # type: ignore[attr-defined]  # the stubs lack it
    if not Path(verify).exists():
        raise ConfigurationError(
            "there is no file at the path that REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names. "
            "Correct it, or unset it."
        )
    return verify
