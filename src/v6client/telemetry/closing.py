"""The end: what is left is exported, but the process waits only so long for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

Close = Callable[[], object]


class Closing:
    """Closes things at the end, all at once, each in a thread that is left behind when time is up.

    The threads are started now: from Python 3.12 on none can be when the interpreter is ending.

    Parameters
    ----------
    closes
        What is done at the end, by the name of its signal.
    """

    def __init__(self, closes: Mapping[str, Close]) -> None:
        self._begin = threading.Event()
        self._done: Final = {name: threading.Event() for name in closes}
        for name, close in closes.items():
            threading.Thread(
                target=self._close_at_end,
                args=(close, self._done[name]),
                name=f"v6client-closing-{name}",
                daemon=True,
            ).start()

    def close(self, within: float) -> list[str]:
        """Close all.

        Parameters
        ----------
        within
            Seconds for all of it.

        Returns
        -------
        list of str
            What is not closed yet and left behind.
        """
        ends = time.monotonic() + within
        self._begin.set()
        return [
            name
            for name, done in self._done.items()
            if not done.wait(max(0.0, ends - time.monotonic()))
        ]

    def _close_at_end(self, close: Close, done: threading.Event) -> None:
        self._begin.wait()
        # What fails at the end is told by its exporter, if by anybody.
        with contextlib.suppress(Exception):
            close()
        done.set()
