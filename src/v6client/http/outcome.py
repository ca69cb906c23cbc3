"""What came of one attempt at a request."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from v6client.http.reader import Head, Json, Reader
from v6client.http.shapes import Shape

# Literally what the node's proxy says, whatever the server said (vantage6-node 4.15.2).
_MASK: Final = b"Request failed, see node logs"
_OVERLOADED: Final = frozenset({408, 429, 502, 503, 504})
# Not 206: a part of what was asked for, and nobody here asks for parts.
SUCCESSES: Final = frozenset(range(200, 206))
_INTERNAL_SERVER_ERROR: Final = 500


class Kind(enum.Enum):
    """What came of one attempt. The rows of the retry table."""

    SUCCESS = "success"
    NEVER_SENT = "never_sent"
    NO_ANSWER = "no_answer"
    OVERLOADED = "overloaded"
    MASKED = "masked"
    FAILED = "failed"
    REFUSED = "refused"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    OUTAGE = "outage"
    """A masked 500 behind which, as the diagnosis found, the server does not answer at all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt.

    Parameters
    ----------
    kind
        The row of the retry table.
    error_type
        ``error.type`` of the OTel semantic conventions: the status, or a word such as
        ``connection_refused``; empty for a success.
    status
        The HTTP status, where an answer came.
    body
        The decoded body of a success.
    headers
        The answer's headers.
    size
        The length of the answer's body in bytes.
    seconds
        How long the attempt took.
    """

    kind: Kind
    error_type: str = ""
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    seconds: float = 0.0


def classify(status: int, headers: Mapping[str, str], body: bytes, shape: Shape) -> Outcome:
    """Say what an answer is whose body is there as a whole; see :func:`classify_read`."""
    reader = Json() if status in SUCCESSES else Head()
    reader.feed(body)
    return classify_read(status, headers, reader, len(body), shape)


def classify_read(
    status: int, headers: Mapping[str, str], reader: Reader, size: int, shape: Shape
) -> Outcome:
    """Say what an answer is.

    Parameters
    ----------
    status, headers
        The answer's.
    reader
        Has read the whole body: the request's own of a success, a :class:`Head` of an error.
    size
        The body's length in bytes.
    shape
        Tells whether a decoded body is what the API documents for this request.

    Returns
    -------
    Outcome
        The outcome; its body is set for a success only. The content type is not looked at: the
        proxy answers ``POST /task`` with JSON as ``text/html``.
    """
    if status not in SUCCESSES:
        return Outcome(
            _kind_of_error(status, reader.close()), str(status), status, headers=headers, size=size
        )
    try:
        decoded = reader.close()
    except (ValueError, RecursionError):
        return Outcome(Kind.INVALID, "not_json", status, headers=headers, size=size)
    if not shape(decoded):
        return Outcome(Kind.INVALID, "not_as_documented", status, headers=headers, size=size)
    return Outcome(Kind.SUCCESS, "", status, decoded, headers, size)


def _kind_of_error(status: int, body: bytes) -> Kind:
    if status in _OVERLOADED:
        return Kind.OVERLOADED
    if status < _INTERNAL_SERVER_ERROR:
        return Kind.REFUSED
    masked = status == _INTERNAL_SERVER_ERROR and _MASK in body[:200]
    return Kind.MASKED if masked else Kind.FAILED
