"""When to ask for a task's status: a pure schedule, and the most polls that it makes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from v6client.tasks.aim import Aim
from v6client.tasks.pace import Pace

# The floor of the distance between two polls, as a part of wait_for_results' interval.
FLOOR_OF_INTERVAL: Final = 0.1
_JITTER: Final = 0.2


@dataclass(slots=True)
class Schedule:
    """The distance to the next poll grows with the time waited, or aims at what is known.

    With t the seconds since the task was created and d the duration of the last successful poll
    attempt::

        wait = max(min(cap, max(floor, growth · t)), min(load · d, cap))

    shortened by up to 20 % jitter, and never past the deadline. While the proxy is busy, growth
    becomes up to ``busy_growth`` (:class:`v6client.tasks.pace.Pace`). For a duration that nobody
    knows, geometric distances are optimal up to a constant. The term with d keeps a busy proxy
    from being made busier.

    What that promises for a task of T seconds, with d the longest poll:

    - it is seen at most ``max(floor, min(cap, growth · T), min(load · d, cap))`` seconds and one
      round trip after its end, with ``busy_growth`` for growth where the proxy was busy;
    - after at most :func:`most_polls` polls: a number that grows with log T up to
      ``T = cap / growth``, and by one each ``0.8 · cap`` seconds from there.

    With an ``aim`` the next poll comes when the aim says, which can be sooner or later than
    geometric. Never sooner than the floor and ``load · d`` allow; at most :data:`aim.MOMENTS
    <v6client.tasks.aim.MOMENTS>` polls more altogether; and never later than
    ``max(the wait above, min(cap, aim.reach))``, where ``aim.reach`` is the shortest time in
    which an earlier task of the kind was seen to have finished. That is also the bound of how
    late a task is seen. From ``aim.end`` on, where the task has outlived its kind, all is
    geometric again and the first bound holds. What is aimed has no jitter: it would ask just
    before the moment that matters, and durations scatter by themselves.

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
    busy_growth
        What growth becomes at most while the proxy is busy; no more than growth: it does not.
    pace
        How busy the proxy is; shared by the waits of a client.
    aim
        How long tasks of this kind take, as far as that is known. May be set while waiting.
    """

    created: float
    floor: float = 0.1
    growth: float = 0.1
    cap: float = 60.0
    load: float = 20.0
    deadline: float | None = None
    draw: Callable[[], float] = random.random
    aim: Aim | None = None
    busy_growth: float = 0.5
    pace: Pace = field(default_factory=Pace)
    _last_duration: float = field(default=0.0, init=False)

    def polled(self, duration: float) -> None:
        """Note how many seconds the last successful poll attempt took."""
        self._last_duration = duration
        self.pace.note(duration)

    def first_delay(self, now: float) -> float:
        """Give the seconds to the first poll: none, unless the task is younger than the floor.

        To a task that is younger, the first poll comes at the floor, or when the aim says.
        """
        floor = min(self.floor, self.cap)
        waited = max(0.0, now - self.created)
        if waited >= floor:
            return 0.0
        aimed = self._aimed(waited, geometric=floor)
        delay = floor - waited if aimed is None else max(aimed, floor - waited)
        return self._before_deadline(delay, now)

    def next_delay(self, now: float) -> float:
        """Give the seconds to the next poll."""
        waited = max(0.0, now - self.created)
        growth = max(self.growth, min(self.busy_growth, self.growth * self.pace.stretch))
        grown = min(self.cap, max(self.floor, growth * waited))
        spared = min(self.load * self._last_duration, self.cap)
        geometric = max(grown, spared)
        aimed = self._aimed(waited, geometric)
        if aimed is None:
            delay = geometric * (1 - _JITTER * self.draw())
        else:
            delay = max(aimed, min(self.floor, self.cap), spared)
        return self._before_deadline(delay, now)

    def _aimed(self, waited: float, geometric: float) -> float | None:
        """Give the seconds to the moment that is aimed at, if there is one."""
        if self.aim is None:
            return None
        moment = self.aim.after(waited, self._price(self.aim.median))
        if moment is None:
            return None
        aimed = moment - waited
        furthest = min(self.cap, self.aim.reach)
        if aimed <= max(geometric, furthest):
            return aimed
        return furthest if furthest > geometric else None

    def _price(self, median: float) -> float:
        """Give the seconds of lateness that a poll is worth.

        At a hazard of 1/t, which is what an unknown duration has, the best distance is
        √(2 · price · t). At this price that is about geometric's growth · t, so one setting says
        for both how much lateness saves a poll. For short tasks it is the floor, the finest
        distance that is asked for.
        """
        return max(self.floor, self.growth**2 * median)

    def _before_deadline(self, delay: float, now: float) -> float:
        return delay if self.deadline is None else min(delay, max(0.0, self.deadline - now))


def most_polls(  # noqa: PLR0913 - the numbers of the schedule
    duration: float,
    *,
    floor: float = 0.1,
    growth: float = 0.1,
    cap: float = 60.0,
    load: float = 20.0,
    attempt: float = 0.0,
) -> int:
    """Bound the number of polls of a task by a :class:`Schedule` without an aim.

    With e = min(cap, max(floor, load · attempt)), the distance of two polls is at least
    0.8 · min(cap, max(e, growth · t)), t being the time of the earlier one. So at most

    - ceil(a / 0.8e) polls begin in [0, a), with a = min(T, e / growth),
    - ceil(ln(b / a) / ln(1 + 0.8 growth)) in [a, b), with b = min(T, cap / growth),
    - ceil((T - b) / 0.8 cap) in [b, T),

    and one more sees the end. A deadline before T takes T's place. An aim adds at most
    :data:`v6client.tasks.aim.MOMENTS`.

    Parameters
    ----------
    duration
        T, the seconds that the task takes from its creation.
    floor, growth, cap, load
        Seconds, 1, seconds and 1, as in the schedule.
    attempt
        The seconds that the shortest poll takes.

    Returns
    -------
    int
        The bound.

    Raises
    ------
    ValueError
        When there is none: floor and load · attempt, or growth, or cap are 0.
    """
    least = min(cap, max(floor, load * attempt))
    if least <= 0 or growth <= 0:
        raise ValueError("without a least distance and a growth there is no bound")
    shortest = 1 - _JITTER
    first = min(duration, least / growth)
    second = max(first, min(duration, cap / growth))
    polls = math.ceil(first / (shortest * least))
    if second > first:
        polls += math.ceil(math.log(second / first) / math.log1p(shortest * growth))
    return polls + math.ceil((duration - second) / (shortest * cap)) + 1
