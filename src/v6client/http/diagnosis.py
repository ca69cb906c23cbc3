"""The diagnosis of a masked 500: whether the server refused the request, or is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

# How long an answer holds, in seconds: ten calls that fail together ask once.
_VALID_FOR: Final = 5.0


class Diagnosis:
    """Asks the server one small thing, and remembers the answer for some seconds.

    Parameters
    ----------
    ask
        Makes one attempt at a request that uses token and database; tells whether it succeeded.
    now
        The clock: monotonic seconds.
    """

    def __init__(
        self, ask: Callable[[], bool], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._now = now
        self._answer = False
        self._asked_at = -float("inf")
        self._lock = threading.Lock()

    def server_answers(self) -> bool:
        """Tell whether the server answers this container at all."""
        # Who fails meanwhile waits for the answer instead of asking, too.
        with self._lock:
            if self._now() - self._asked_at >= _VALID_FOR:
                self._answer = self._ask()
                self._asked_at = self._now()
            return self._answer
