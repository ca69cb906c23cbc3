"""The error that an operation's last outcome stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from v6client.errors import (
    BadRequest,
    ConnectionFailed,
    DeadlineExceeded,
    Forbidden,
    InvalidResponse,
    MaskedServerError,
    NotFound,
    RateLimited,
    RequestError,
    ResponseTooLarge,
    ServerError,
    StatusError,
    Unauthorized,
)
from v6client.http.outcome import Kind, Outcome
from v6client.http.request import Request
from v6client.http.retry import Ending, Settled

_DOUBT: Final = " It may have been carried out all the same: look before you repeat it."
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed operation, with what a person needs to act.

    Parameters
    ----------
    request, address
        What was asked, and of whom (host and port).
    settled
        What came of the last attempt, how many there were, and why they ended.
    elapsed
        Seconds from the first attempt to giving up.
    """

    request: Request
    address: str
    settled: Settled
    elapsed: float

    def error(self) -> RequestError:
        """Give the error to raise."""
        # Where answers came, what they were says more than that time was over.
        if self.settled.ending is Ending.DEADLINE and self.outcome.kind is Kind.NO_ANSWER:
            return _deadline_exceeded(self)
        return _BY_KIND[self.outcome.kind](self)

    @property
    def outcome(self) -> Outcome:
        """What came of the last attempt."""
        return self.settled.outcome

    @property
    def asked(self) -> str:
        """What was asked, such as ``GET /task/{id} at localhost:8080``."""
        return f"{self.request.method} {self.request.template} at {self.address}"

    @property
    def spent(self) -> str:
        """What was spent on it, such as ``3 attempts, 1.2 s``."""
        attempts = self.settled.attempts
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        budget = "; the retry budget is empty" if self.settled.ending is Ending.BUDGET else ""
        return f"{tries}, {self.elapsed:.1f} s{budget}"

    @property
    def doubt(self) -> str:
        """The warning that belongs to a request which changes something."""
        return "" if self.request.method == "GET" or self.request.is_transfer else _DOUBT

    @property
    def facts(self) -> dict[str, Any]:
        """The keywords of :class:`v6client.errors.RequestError`."""
        return {
            "method": self.request.method,
            "template": self.request.template,
            "status": self.outcome.status,
            "attempts": self.settled.attempts,
            "elapsed": self.elapsed,
        }


def _never_sent(failure: Failure) -> RequestError:
    return ConnectionFailed(
        f"{failure.asked}: no connection ({failure.outcome.error_type}; {failure.spent}). Nothing "
        "was sent. Check host and port of the client (HOST and PORT of the container), and that "
        "the node's proxy is running.",
        sent=False,
        **failure.facts,
    )


def _deadline_exceeded(failure: Failure) -> RequestError:
    setting = "REQUEST" if failure.request.method == "GET" else "CREATE"
    setting = "BLOB" if failure.request.is_transfer else setting
    return DeadlineExceeded(
        f"{failure.asked}: the time for the operation is over ({failure.spent}; last: "
        f"{failure.outcome.error_type}).{failure.doubt} If the proxy is that slow, raise "
        f"V6CLIENT_{setting}_DEADLINE.",
        **failure.facts,
    )


def _no_answer(failure: Failure) -> RequestError:
    return ConnectionFailed(
        f"{failure.asked}: sent, but no complete answer came ({failure.outcome.error_type}; "
        f"{failure.spent}).{failure.doubt} Look at the log of the node and its proxy.",
        sent=True,
        **failure.facts,
    )


def _invalid(failure: Failure) -> RequestError:
    outcome = failure.outcome
    return InvalidResponse(
        f"{failure.asked}: status {outcome.status}, but its body of {outcome.size} bytes is "
        f"{outcome.error_type.replace('_', ' ')} ({failure.spent}).{failure.doubt} Check that "
        "host, port and path are those of a vantage6 proxy or server, version 4.",
        **failure.facts,
    )


def _too_large(failure: Failure) -> RequestError:
    return ResponseTooLarge(
        f"{failure.asked}: the answer is longer than V6CLIENT_MAX_RESPONSE_BYTES "
        f"({failure.spent}).{failure.doubt} Raise it if the container has the memory.",
        **failure.facts,
    )


def _masked(failure: Failure) -> RequestError:
    return MaskedServerError(
        f"{failure.asked}: the node's proxy says 'Request failed, see node logs' "
        f"({failure.spent}; it tries three times itself). The server answers other requests of "
        "this container, so it refused this one, or failed at it: the node's log says which."
        f"{failure.doubt} Check the ids and arguments first.",
        server_answers=True,
        **failure.facts,
    )


def _outage(failure: Failure) -> RequestError:
    return MaskedServerError(
        f"{failure.asked}: the node's proxy says 'Request failed, see node logs' "
        f"({failure.spent}; it tries three times itself), also to a request that it should not "
        "refuse. The server cannot be reached from the node, or does not accept this container's "
        f"token: the node's log says which.{failure.doubt}",
        server_answers=False,
        **failure.facts,
    )


_BY_STATUS: Final[Mapping[int, tuple[type[StatusError], str]]] = {
    400: (BadRequest, "Check the arguments."),
    401: (Unauthorized, "Check that the token is this run's own, and that it may do this."),
    403: (Forbidden, "The token does not allow this."),
    404: (NotFound, "Check the id, and host, port and path of the client."),
    429: (RateLimited, "Send less, or later."),
}


def _status(failure: Failure) -> RequestError:
    status = failure.outcome.status or 0
    if status >= _SERVER_ERROR:
        error: type[StatusError] = ServerError
        advice = "Look at the log of the node and the server."
        doubt = failure.doubt
    else:
        error, advice = _BY_STATUS.get(status, (StatusError, "Check host, port and path."))
        doubt = ""
    return error(
        f"{failure.asked}: status {status} ({failure.spent}).{doubt} {advice}", **failure.facts
    )


_BY_KIND: Final[Mapping[Kind, Callable[[Failure], RequestError]]] = {
    Kind.NEVER_SENT: _never_sent,
    Kind.NO_ANSWER: _no_answer,
    Kind.OVERLOADED: _status,
    Kind.MASKED: _masked,
    Kind.FAILED: _status,
    Kind.REFUSED: _status,
    Kind.INVALID: _invalid,
    Kind.TOO_LARGE: _too_large,
    Kind.OUTAGE: _outage,
}
