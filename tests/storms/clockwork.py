"""Simulated time for blocking code: each activity is a greenlet, and sleeping switches to the next.

The retry policy is a loop that sleeps. Here its ``sleep`` costs nothing: the activity is put
aside until simulated time has come so far, and whoever is next goes on.
"""

from __future__ import annotations

import gc
import heapq
from collections.abc import Callable
from itertools import count

from greenlet import getcurrent, greenlet


class Clockwork:
    """Runs activities in the order of simulated time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._hub = getcurrent()
        self._number = count()
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []

    def at(self, moment: float, activity: Callable[[], object]) -> None:
        """Begin an activity at a moment."""
        self._push(moment, lambda: greenlet(activity, self._hub).switch())

    def sleep(self, seconds: float) -> None:
        """Let the activity that calls this go on so many seconds later."""
        self._push(self.now + seconds, getcurrent().switch)
        self._hub.switch()

    def run(self) -> None:
        """Run until nothing is left to do."""
        # Thousands of sleeping stacks: to search them for garbage takes longer than the simulation.
        gc.disable()
        try:
            while self._waiting:
                self.now, _, go_on = heapq.heappop(self._waiting)
                go_on()
        finally:
            gc.enable()

    def _push(self, moment: float, go_on: Callable[[], object]) -> None:
        heapq.heappush(self._waiting, (moment, next(self._number), go_on))
