"""The endpoint of a request: checked before the wire, and as a template for telemetry."""

from __future__ import annotations

import re
from typing import Final

from v6client.errors import InvalidArgument

# What the API's paths are made of. Anything else is shown as {segment}: a template is a value in
# telemetry, so it may hold only what we know (OTel: url.template is of low cardinality).
_KNOWN: Final = frozenset(
    {
        *("addresses", "algorithm", "algorithmstore", "api", "blobstream", "collaboration"),
        *("container", "health", "job", "kill", "node", "organization", "port", "result", "role"),
        *("rule", "run", "status", "study", "task", "token", "user", "version", "vpn"),
    }
)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~-]+\Z")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_LARGEST: Final = 2**63 - 1


def identifier(value: object, what: str) -> int:
    """Check an id, so that nothing but a number becomes part of a path.

    Parameters
    ----------
    value
        What the caller gave: an ``int``, or another integer type such as numpy's.
    what
        What it is the id of, for the error.

    Returns
    -------
    int
        The id.

    Raises
    ------
    InvalidArgument
        When it is not a positive whole number that fits in 63 bits.
    """
    number: int | None = None
    if not isinstance(value, bool) and hasattr(value, "__index__"):
        number = int(value.__index__())
    if number is None or not 1 <= number <= _LARGEST:
        shown = f"{number}" if number is not None else f"of type {type(value).__name__}"
        raise InvalidArgument(
            f"the {what} has to be a whole number from 1, but is {shown}. "
            f"Nothing was sent. Give the id as the server gave it, such as task['id']."
        )
    return number


def checked(endpoint: object) -> str:
    """Check that an endpoint is a plain path below the API, without its leading slash.

    Raises
    ------
    InvalidArgument
        When it is empty, leaves the API (``..``, a host), or holds a query, a fragment or
        characters that a path of this API never has.
    """
    if not isinstance(endpoint, str):
        raise InvalidArgument(
            f"the endpoint has to be a str such as 'task/12', not {type(endpoint).__name__}."
        )
    path = endpoint.strip("/")
    segments = path.split("/")
    if any(not _SEGMENT.match(one) or set(one) == {"."} for one in segments):
        raise InvalidArgument(
            "the endpoint has to be a path below the API such as 'task/12/status': letters, "
            "digits and '-._~' between single slashes, no '..'. Give a query with params=. "
            "Nothing was sent."
        )
    return path


def template_of(endpoint: str) -> str:
    """Turn an endpoint into its template: ``task/12/status`` gives ``/task/{id}/status``."""
    return "".join(f"/{_placeholder(one)}" for one in endpoint.strip("/").split("/"))


def _placeholder(segment: str) -> str:
    if segment in _KNOWN:
        return segment
    if segment.isdecimal():
        return "{id}"
    return "{uuid}" if _UUID.match(segment) else "{segment}"
