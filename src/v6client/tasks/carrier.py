"""The carrier: what the end of a subtask's description says about its creation.

``[v6c:<32 hex> <traceparent>]``: a random key, by which the task is found again when the answer to
its creation is lost, and the trace context, which the proxy does not forward as a header. The
description is visible to the collaboration, so nothing else goes there.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from v6client.errors import InvalidArgument

# The server's own limit (vantage6-server 4.15.2, input schema of POST /task).
LONGEST_DESCRIPTION: Final = 1024
# What the keys of a group have in common: 80 bits, and 48 of their own.
_COMMON: Final = 20
_CARRIER: Final = re.compile(
    r"\[v6c:([0-9a-f]{32})(?: (00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})( p)?)?\]\s*\Z"
)
_KEY: Final = re.compile(r"[0-9a-f]{32}\Z")


def new_key() -> str:
    """Draw a key: 32 hexadecimal digits, unique for all practical purposes."""
    return secrets.token_hex(16)


def member_key(key: str, organization: int) -> str:
    """Derive the key of one task of a group that was created as one.

    It begins as the group's does, so that one search finds them all.
    """
    digest = hashlib.sha256(f"{key}/{organization}".encode()).hexdigest()
    return f"{key[:_COMMON]}{digest[: len(key) - _COMMON]}"


def pattern_of_all(keys: Collection[str]) -> str:
    """Give the SQL ``LIKE`` pattern that finds these keys, and as few others as can be."""
    common = os.path.commonprefix(list(keys))  # noqa: RUF071 - no paths: character by character
    return f"%v6c:{common}%"


def checked_key(key: object) -> str:
    """Check a key that a caller gives to resume a creation.

    Raises
    ------
    InvalidArgument
        When it is not 32 lower-case hexadecimal digits.
    """
    if not isinstance(key, str) or not _KEY.match(key):
        raise InvalidArgument(
            "key has to be the .key of the error that an earlier task.create raised: 32 "
            "hexadecimal digits. Nothing was sent."
        )
    return key


@dataclass(frozen=True, slots=True)
class Carried:
    """What a description says about its creation.

    Parameters
    ----------
    key
        The creation's key.
    traceparent
        The context of the span that created the task; empty where there was none.
    is_under_producer
        Whether what belongs to a run hangs under that span itself, since the span of the run has
        no id that could be derived.
    """

    key: str
    traceparent: str
    is_under_producer: bool


def carried(description: object) -> Carried | None:
    """Read the end of a description; ``None`` where it carries nothing."""
    found = _CARRIER.search(description) if isinstance(description, str) else None
    if found is None:
        return None
    key, traceparent, mark = found.groups(default="")
    return Carried(key, traceparent, is_under_producer=bool(mark))


def carrying(
    description: str, key: str, traceparent: str, *, is_under_producer: bool = False
) -> tuple[str, int]:
    """Put the carrier at the end of a description.

    Parameters
    ----------
    description
        The user's own.
    key
        The creation's key.
    traceparent
        The trace context (W3C Trace Context); empty where there is none.
    is_under_producer
        Whether the ids of the runs' spans cannot be derived, because the application brought its
        own tracer provider: a ``p`` behind the context says so.

    Returns
    -------
    tuple of str and int
        The description with its carrier, and how many characters of the user's were cut because
        the server takes 1024 in all.
    """
    mark = " p" if is_under_producer else ""
    carrier = f"[v6c:{key} {traceparent}{mark}]" if traceparent else f"[v6c:{key}]"
    room = LONGEST_DESCRIPTION - len(carrier) - 1
    kept = description[:room]
    return f"{kept} {carrier}", len(description) - len(kept)


def pattern_of(key: str) -> str:
    """Give the SQL ``LIKE`` pattern that finds a key: it has no wildcard of its own."""
    return f"%{key}%"
