"""What is loaded, and the guard: nothing but this machine, unless its owner says so."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from v6client.cli.addresses import http_parts
from v6client.errors import ConfigurationError


@dataclass(frozen=True)
class Target:
    """A node's proxy, and the token of a container that may use it."""

    host: str
    port: int | None
    path: str
    token: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Give it as what JSON can hold; with the token, so for a pipe alone."""
        return {"host": self.host, "port": self.port, "path": self.path, "token": self.token}


def target_of(address: str, token: str, *, is_owned: bool) -> Target:
    """Read an address, and refuse one that is not on this machine.

    Parameters
    ----------
    address
        Such as ``http://127.0.0.1:8080``.
    token
        A container's.
    is_owned
        Whether who starts the test says that the proxy is theirs.

    Raises
    ------
    ConfigurationError
        When it is no address, or elsewhere and not owned.
    """
    parts = http_parts(address)
    if parts is None or parts.username or parts.password:
        raise ConfigurationError("--address: write it as http://127.0.0.1:8080, without a login")
    host = parts.hostname or ""
    if not is_owned and not is_on_this_machine(host):
        raise ConfigurationError(
            "the address is not on this machine. A load test slows everybody down who uses that "
            "proxy, and its server. If both are yours to load, add --i-own-this-proxy"
        )
    shown = f"[{host}]" if ":" in host else host
    return Target(f"{parts.scheme}://{shown}", parts.port, parts.path, token)


def is_on_this_machine(host: str, resolve: Callable[[str], Iterable[str]] | None = None) -> bool:
    """Tell whether every address of a name is one of this machine's own.

    Parameters
    ----------
    host
        A name or an address.
    resolve
        Gives the addresses of a name; the system's own by default.
    """
    try:
        addresses = list((resolve or _resolved)(host))
    except (OSError, UnicodeError):
        return False
    return bool(addresses) and all(map(_is_own, addresses))


def _resolved(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _is_own(address: str) -> bool:
    """Try to listen there: only at one's own address the system allows it."""
    if address in {"0.0.0.0", "::"}:  # noqa: S104 - which the system would let us have
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.bind((address, 0))
    except OSError:
        return False
    return True
