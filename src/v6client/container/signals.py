"""SIGTERM and Ctrl-C: a clean end of the run, soon."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

# What the algorithm has to come to an end by itself. Docker kills ten seconds after SIGTERM.
_GRACE_SECONDS: Final = 2.0


class Terminated(BaseException):
    """SIGTERM came. Like ``KeyboardInterrupt`` no ``Exception``, so that few catch it."""


STATUS: Final[dict[type[BaseException], int]] = {
    Terminated: 128 + signal.SIGTERM,
    KeyboardInterrupt: 128 + signal.SIGINT,
}
"""The exit status after each, as a shell has it."""


@contextmanager
def terminable(end: Callable[[], None]) -> Iterator[None]:
    """Raise :class:`Terminated` in the main thread when SIGTERM comes.

    Where the algorithm does not let it through, because it waits for its threads say, the process
    ends without it: a handler alone would be no end then.

    Parameters
    ----------
    end
        Does what is to be done at the end of a run that was terminated. It is called only where
        the block does not end in time.
    """
    ended = threading.Event()
    owner = os.getpid()

    def at_last() -> None:
        if not ended.wait(_GRACE_SECONDS):
            end()
            leave(STATUS[Terminated])

    def on_sigterm(_number: int, _frame: FrameType | None) -> None:
        # A second one ends the process at once; not by default, which the first process of a
        # container is spared.
        signal.signal(signal.SIGTERM, lambda *_: leave(STATUS[Terminated]))
        if os.getpid() != owner:
            # A forked child, such as a pool's worker, which is terminated when it is done.
            os.kill(os.getpid(), signal.SIGTERM)
            return
        threading.Thread(target=at_last, name="v6client-termination", daemon=True).start()
        raise Terminated

    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, on_sigterm)
    try:
        yield
    finally:
        ended.set()
        # The algorithm may have put its own there.
        if is_main and signal.getsignal(signal.SIGTERM) is on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def leave(status: int) -> None:
    """End the process now: other threads, which ``sys.exit`` would wait for, are left behind."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
