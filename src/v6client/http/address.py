"""The address of the API: a protocol and a name, a port, a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from v6client.errors import ConfigurationError, InvalidArgument
from v6client.http.endpoint import checked

_LARGEST_PORT: Final = 65535
_SHORT: Final = 10**9
_USUAL_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API is.

    Parameters
    ----------
    host
        The protocol and the name, such as ``http://localhost``.
    port
        The port; ``None`` where the address needs none.
    path
        Empty, or with a leading slash.
    """

    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, host: object, port: object, path: object) -> Address:
        """Check the three parts.

        Raises
        ------
        ConfigurationError
            When one cannot be right.
        """
        return cls(_checked_host(host), _checked_port(port), _checked_path(path))

    @property
    def url(self) -> str:
        """The full address."""
        return f"{self.host}{'' if self.port is None else f':{self.port}'}{self.path}"

    @property
    def server(self) -> str:
        """The name and port, as an error shows them."""
        return urlsplit(self.url).netloc

    @property
    def server_name(self) -> str:
        """The name alone."""
        return urlsplit(self.host).hostname or ""

    @property
    def server_port(self) -> int:
        """The port, also where it is the protocol's usual one."""
        parts = urlsplit(self.url)
        return parts.port or _USUAL_PORTS[parts.scheme]


def _checked_host(host: object) -> str:
    parts = urlsplit(host) if isinstance(host, str) else None
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not parts.netloc
        or parts.username
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise ConfigurationError(
            "host has to be a protocol and a name, such as 'http://localhost'; port and path "
            "are arguments of their own. In a container it is the variable HOST."
        )
    return f"{parts.scheme}://{parts.netloc}"


def _checked_port(port: object) -> int | None:
    if port is None or port == "":
        return None
    number = int(port) if isinstance(port, str) and port.isdecimal() else port
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _LARGEST_PORT:
        raise ConfigurationError(
            f"port has to be a whole number from 1 to {_LARGEST_PORT}, but is {_shown(port)}. In a "
            "container it is the variable PORT."
        )
    return number


def _shown(port: object) -> str:
    # Not what it is: a token in the wrong place would be printed.
    if isinstance(port, int):
        return str(int(port)) if abs(port) < _SHORT else "too large"
    return f"of type {type(port).__name__}"


def _checked_path(path: object) -> str:
    if not isinstance(path, str):
        raise ConfigurationError(
            f"path has to be a str such as '/api' or '', not {type(path).__name__}. In a "
            "container it is the variable API_PATH."
        )
    stripped = path.strip("/")
    if not stripped:
        return ""
    try:
        return f"/{checked(stripped)}"
    except InvalidArgument:
        pass
    raise ConfigurationError(
        "path has to be empty or a plain path such as '/api'. In a container it is the variable "
        "API_PATH."
    )
