"""A deadline that holds on the socket: whatever the peer does, no call outlasts it.

The timeout of a socket runs anew with each byte, so a peer that sends one byte a second is never
late. Here every wait on the socket gets what is left until a moment that does not move.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from typing import Any, Final, TypeVar

T = TypeVar("T")

_NEVER: Final = float("inf")
_thread: Final = threading.local()


@contextmanager
def until(moment: float, *, patience: float = _NEVER) -> Iterator[None]:
    """Bound everything that this thread's connections do to a moment (monotonic seconds).

    Parameters
    ----------
    moment
        Until when.
    patience
        Seconds for each part that is sent: the socket's own timeout is for what is received.
    """
    # A signal's handler may make a request while another one is under way.
    before = _moment(), _patience()
    _thread.moment, _thread.patience = moment, patience
    try:
        yield
    finally:
        _thread.moment, _thread.patience = before


def to_send() -> float:
    """Give the seconds for the next part that is sent.

    Raises
    ------
    TimeoutError
        When none are left.
    """
    return min(remaining(), _patience())


def remaining() -> float:
    """Give the seconds that are left.

    Raises
    ------
    TimeoutError
        When none are: 0 would make a socket non-blocking.
    """
    return _left(_moment())


def _moment() -> float:
    return float(getattr(_thread, "moment", _NEVER))


def _patience() -> float:
    return float(getattr(_thread, "patience", _NEVER))


def _left(moment: float) -> float:
    left = moment - time.monotonic()
    if left <= 0:
        raise TimeoutError("the operation's deadline is over")
    return left


class _BoundedReader(io.RawIOBase):
    """Reads from a socket with what is left as its timeout, and never longer than before."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:  # noqa: ANN401 - socket.SocketIO
        self._raw = raw
        self._sock = sock
        self._timeout = sock.gettimeout() or _NEVER
        self._until = _moment()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        left = min(self._timeout, _left(self._until))
        self._sock.settimeout(None if left == _NEVER else left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedResponse(http.client.HTTPResponse):
    """A response that comes before the deadline, from its status line to its last byte."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **kwargs)
        # Nothing is buffered yet, so the buffer can be changed for one over a bounded reader.
        self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock))


def call_within(seconds: float, function: Callable[[], T], abandon: Callable[[T], None]) -> T:
    """Call what cannot be interrupted, such as a name look-up, and wait only so long for it.

    Parameters
    ----------
    seconds
        How long to wait.
    function
        Is called in a thread of its own.
    abandon
        Gets the result of a call that came too late.

    Raises
    ------
    TimeoutError
        When it takes longer; whatever the function raises, otherwise.
    """
    answer: Future[T] = Future()

    def call() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            with contextlib.suppress(InvalidStateError):
                answer.set_exception(error)
            return
        try:
            answer.set_result(result)
        except InvalidStateError:
            abandon(result)

    threading.Thread(target=call, name="v6client-connect", daemon=True).start()
    try:
        return answer.result(timeout=seconds)
    except FutureTimeoutError:
        # Either this comes first, or the result is there after all.
        if not answer.cancel():
            return answer.result()
    raise TimeoutError("no answer in time")
