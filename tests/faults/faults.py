"""The faults: what can happen to a request, and which kind of trouble each is."""

from __future__ import annotations

import contextlib
import enum
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Final

from tests.faults.network import CANARY
from tests.faults.server import Act, Call, refused, reset_at_once
from tests.peer import Answer, answer, masked, reset_after_reading

# Between two bytes of an answer that drips.
_DRIP_SECONDS: Final = 0.02
# After this much of a hung request its client has given up; see the settings in matrix.py.
_ABANDONED_AFTER: Final = 0.4
_BODY: Final = {"msg": "canary-body"}


class Kind(enum.Enum):
    """The kinds of trouble that the rules tell apart."""

    NEVER_SENT = enum.auto()
    LOST = enum.auto()
    """Sent, and no complete answer."""
    RESET = enum.auto()
    """The same for whatever is sent next, since nobody looked at what it was."""
    STALLED = enum.auto()
    """No answer until the read timeout."""
    DRIPPING = enum.auto()
    """An answer that goes on for ever, so that only the deadline ends it."""
    OVERLOADED = enum.auto()
    LATER = enum.auto()
    """Overloaded, with a wait asked for that no deadline has room for."""
    MASKED = enum.auto()
    AWAY = enum.auto()
    """Masked, and so is every other request: the server is away."""
    FAILED = enum.auto()
    REFUSED = enum.auto()
    INVALID = enum.auto()
    MISSHAPEN = enum.auto()
    HALF_CREATED = enum.auto()


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    name
        As the documents show it.
    kind
        What the rules go by.
    act
        Does it.
    error
        The error that stands for it, where it is not survived.
    carried_out
        Whether the request was carried out all the same, and how often.
    for_creation
        Whether it makes sense for ``POST task`` alone.
    """

    name: str
    kind: Kind
    act: Act
    error: str
    carried_out: int = 0
    for_creation: bool = False

    @property
    def is_slow(self) -> bool:
        """Whether it is only over when a time is."""
        return self.kind in {Kind.STALLED, Kind.DRIPPING}


def _head(length: int | None, content: str = "application/json") -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content}\r\n{framing}\r\n\r\n".encode()


def _json_of(call: Call) -> bytes:
    return json.dumps(call.server.network.answer(call.request)[1]).encode()


def _close_after(data: bytes) -> Answer:
    def write(connection: socket.socket) -> bool:
        connection.sendall(data)
        return False

    return write


def _stall_after(call: Call, data: bytes) -> Answer:
    def write(connection: socket.socket) -> bool:
        connection.sendall(data)
        call.server.release.wait(60)
        return False

    return write


def _drip(call: Call, start: bytes, drop: bytes, pause: float = _DRIP_SECONDS) -> Answer:
    def write(connection: socket.socket) -> bool:
        connection.sendall(start)
        with contextlib.suppress(OSError):
            while not call.server.release.wait(pause):
                connection.sendall(drop)
        return False

    return write


def _lost(call: Call) -> Answer:
    call.carry_out()
    return reset_after_reading


def _dripping_body(call: Call) -> Answer:
    return _drip(call, _head(10**9) + _json_of(call)[:5], b" ")


def _dripping_headers(call: Call) -> Answer:
    call.carry_out()
    return _drip(call, b"HTTP/1.1 200 OK\r\nX-Canary: ", b"a")


def _endless_headers(call: Call) -> Answer:
    call.carry_out()
    return _drip(call, b"HTTP/1.1 200 OK\r\n", b"X-Canary: canary\r\n" * 50, 0.001)


def _endless_continues(call: Call) -> Answer:
    call.carry_out()
    return _drip(call, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def _truncated(call: Call) -> Answer:
    body = _json_of(call)
    return _close_after(_head(len(body)) + body[: len(body) // 2])


def _announced_too_long(call: Call) -> Answer:
    body = _json_of(call)
    return _stall_after(call, _head(len(body) + 10) + body)


def _announced_too_short(call: Call) -> Answer:
    body = _json_of(call)
    # Said to be closed, or the next request might go out beside the byte that is left over.
    head = _head(len(body) - 1).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    return _close_after(head + body)


def _bad_chunk(call: Call) -> Answer:
    body = _json_of(call)
    return _close_after(_head(None) + f"{len(body):x}\r\n".encode() + body + b"\r\ncanary\r\n")


def _status(status: int, retry_after: Callable[[], str] | None = None) -> Act:
    def act(_: Call) -> Answer:
        headers = {"Retry-After": retry_after()} if retry_after else None
        return answer(_BODY, status, headers=headers)

    return act


def _html(status: int) -> Act:
    page = f"<html><title>{status}</title>canary-body</html>".encode()
    return lambda _: answer(raw=page, status=status, headers={"Content-Type": "text/html"})


def _date(hours: int) -> str:
    moment = datetime.now(timezone.utc) + timedelta(hours=hours)
    return format_datetime(moment.replace(microsecond=0), usegmt=True)


def _misshapen(call: Call) -> Answer:
    """Answer with the right keys and wrong values."""
    body = call.server.network.answer(call.request)[1]
    assert isinstance(body, dict)
    known = ("id", "data", "status", "addresses")
    return answer({**body, **{key: {CANARY: None} for key in known if key in body}})


def _three_times(call: Call) -> Answer:
    for _ in range(3):
        call.carry_out()
    return masked()


def _second_of_two(call: Call) -> Answer:
    call.carry_out()
    return call.carry_out()


def _carried_out_and(answered: Answer) -> Act:
    def act(call: Call) -> Answer:
        call.carry_out()
        return answered

    return act


def _abandoned(call: Call) -> Answer:
    """Do as a busy proxy: carry out a request whose client has given up."""

    def carry_out() -> None:
        time.sleep(_ABANDONED_AFTER)
        call.carry_out()

    threading.Thread(target=carry_out, daemon=True).start()
    return _stall_after(call, b"")


def _half(runs: int) -> Act:
    def act(call: Call) -> Answer:
        call.server.network.create(call.request, runs=runs)
        return masked()

    return act


_RETRY_AFTER: Final[tuple[tuple[str, Kind, Callable[[], str] | None], ...]] = (
    ("", Kind.OVERLOADED, None),
    (", `Retry-After: 0`", Kind.OVERLOADED, lambda: "0"),
    (", `Retry-After:` a date that is now", Kind.OVERLOADED, lambda: _date(0)),
    (", `Retry-After: 3600`", Kind.LATER, lambda: "3600"),
    (", `Retry-After:` a date in an hour", Kind.LATER, lambda: _date(1)),
    (", `Retry-After:` nonsense", Kind.OVERLOADED, lambda: "canary"),
)

LOST_ANSWER: Final = Fault(
    "carried out, answer lost", Kind.LOST, _lost, "ConnectionFailed", carried_out=1
)

_REQUESTS: Final = (
    Fault("connection refused", Kind.NEVER_SENT, refused, "ConnectionFailed"),
    Fault("reset before it was read", Kind.RESET, reset_at_once, "ConnectionFailed"),
    Fault("reset after it was read", Kind.LOST, lambda _: reset_after_reading, "ConnectionFailed"),
    LOST_ANSWER,
    Fault("hang", Kind.STALLED, lambda call: _stall_after(call, b""), "ConnectionFailed"),
    Fault("body drips", Kind.DRIPPING, _dripping_body, "ConnectionFailed", 1),
    Fault("header drips", Kind.DRIPPING, _dripping_headers, "ConnectionFailed", 1),
    Fault("`100 Continue` without end", Kind.DRIPPING, _endless_continues, "ConnectionFailed", 1),
    Fault("headers without end", Kind.LOST, _endless_headers, "ConnectionFailed", 1),
    Fault("body truncated", Kind.LOST, _truncated, "ConnectionFailed", 1),
    Fault("`Content-Length` too long", Kind.STALLED, _announced_too_long, "ConnectionFailed", 1),
    Fault("`Content-Length` too short", Kind.INVALID, _announced_too_short, "InvalidResponse", 1),
    Fault("bad chunk", Kind.LOST, _bad_chunk, "ConnectionFailed", 1),
    Fault("200, garbage", Kind.INVALID, lambda _: answer(raw=b"{canary"), "InvalidResponse"),
    Fault("200, HTML", Kind.INVALID, _html(200), "InvalidResponse"),
    Fault("200, empty", Kind.INVALID, lambda _: answer(raw=b""), "InvalidResponse"),
    Fault("200, JSON array", Kind.MISSHAPEN, lambda _: answer([CANARY]), "InvalidResponse"),
    Fault("200, `null`", Kind.MISSHAPEN, lambda _: answer(None), "InvalidResponse"),
    Fault("200, values of other types", Kind.MISSHAPEN, _misshapen, "InvalidResponse", 1),
    Fault("HTML 502", Kind.OVERLOADED, _html(502), "ServerError"),
    Fault("HTML 500", Kind.FAILED, _html(500), "ServerError"),
    Fault("masked 500", Kind.MASKED, lambda _: masked(), "MaskedServerError"),
    Fault("masked 500 to all", Kind.AWAY, lambda _: masked(), "MaskedServerError"),
    Fault("302", Kind.REFUSED, _status(302), "StatusError"),
    Fault("400", Kind.REFUSED, _status(400), "BadRequest"),
    Fault("401", Kind.REFUSED, _status(401), "Unauthorized"),
    Fault("403", Kind.REFUSED, _status(403), "Forbidden"),
    Fault("404", Kind.REFUSED, _status(404), "NotFound"),
    Fault("409", Kind.REFUSED, _status(409), "StatusError"),
    Fault("408", Kind.OVERLOADED, _status(408), "StatusError"),
    Fault("502", Kind.OVERLOADED, _status(502), "ServerError"),
    Fault("504", Kind.OVERLOADED, _status(504), "ServerError"),
    *(
        Fault(f"{status}{text}", kind, _status(status, wait), error)
        for status, error in ((429, "RateLimited"), (503, "ServerError"))
        for text, kind, wait in _RETRY_AFTER
    ),
)


def _creation(name: str, kind: Kind, act: Act, error: str, tasks: int = 1) -> Fault:
    return Fault(name, kind, act, error, carried_out=tasks, for_creation=True)


_CREATIONS: Final = (
    _creation("created, masked 500", Kind.MASKED, _carried_out_and(masked()), "MaskedServerError"),
    _creation("created, 504", Kind.OVERLOADED, _carried_out_and(answer(_BODY, 504)), "ServerError"),
    _creation(
        "created thrice by the proxy's tries, masked 500",
        *(Kind.MASKED, _three_times, "MaskedServerError", 3),
    ),
    _creation(
        "created twice by the proxy's tries, the second answered",
        *(Kind.MASKED, _second_of_two, "MaskedServerError", 2),
    ),
    _creation("abandoned, created later", Kind.STALLED, _abandoned, "ConnectionFailed"),
    _creation(
        "created without runs, masked 500", Kind.HALF_CREATED, _half(0), "TaskPartiallyCreated"
    ),
    _creation(
        "created with some of its runs, masked 500",
        *(Kind.HALF_CREATED, _half(1), "TaskPartiallyCreated"),
    ),
)

FAULTS: Final[tuple[Fault, ...]] = (*_REQUESTS, *_CREATIONS)
