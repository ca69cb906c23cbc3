"""When to ask for a task's status: a pure schedule."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

# The floor of the distance between two polls, as a part of wait_for_results' interval.
FLOOR_OF_INTERVAL: Final = 0.1
_JITTER: Final = 0.2


@dataclass(slots=True)
class Schedule:
    """The distance to the next poll grows with the time waited so far.

    With t the seconds since the task was created and d the duration of the last successful poll::

        wait = max(min(cap, max(floor, growth · t)), min(load · d, cap))

    shortened by up to 20 % jitter, and never past the deadline. For a duration that nobody
    knows, geometric distances are optimal up to a constant: a task of T seconds is seen at most
    ``growth · T`` seconds late, with a number of polls that grows with log T. The term with d
    keeps a busy proxy from being made busier.

    Parameters
    ----------
    created
        When the task was created, or when the wait began, on the clock of ``next_delay``.
    floor, growth, cap, load
        Seconds, 1, seconds and 1; see :class:`v6client.settings.Settings`.
    deadline
        The moment of the last poll; ``None`` for none.
    draw
        A uniform random number in [0, 1).
    """

    created: float
    floor: float = 0.1
    growth: float = 0.1
    cap: float = 60.0
    load: float = 20.0
    deadline: float | None = None
    draw: Callable[[], float] = random.random
    _last_duration: float = field(default=0.0, init=False)

    def polled(self, duration: float) -> None:
        """Note how many seconds the last successful poll took."""
        self._last_duration = duration

    def first_delay(self, now: float) -> float:
        """Give the seconds to the first poll: none, unless the task is younger than the floor."""
        delay = max(0.0, self.created + min(self.floor, self.cap) - now)
        return delay if self.deadline is None else min(delay, max(0.0, self.deadline - now))

    def next_delay(self, now: float) -> float:
        """Give the seconds to the next poll."""
        waited = max(0.0, now - self.created)
        grown = min(self.cap, max(self.floor, self.growth * waited))
        spared = min(self.load * self._last_duration, self.cap)
        delay = max(grown, spared) * (1 - _JITTER * self.draw())
        if self.deadline is None:
            return delay
        return min(delay, max(0.0, self.deadline - now))
