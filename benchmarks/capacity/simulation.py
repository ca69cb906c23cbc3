"""A crowd at a proxy in simulated time: with the client's own schedule, and no formula."""

from __future__ import annotations

import heapq
import itertools
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.capacity.model import Prediction, Proxy
from v6client.tasks.pace import Pace
from v6client.tasks.polling import Schedule

_LEAST: Final = 0.2
_TASKS: Final = 4


class Asking(Protocol):
    """When a wait asks."""

    def polled(self, duration: float) -> None:
        """Note how long a poll took."""

    def next_delay(self, now: float) -> float:
        """Give the seconds to the next one."""


class Upstream:
    """As vantage6 4.15.2's client asks."""

    def __init__(self) -> None:
        self._interval = 1.0

    def polled(self, duration: float) -> None:
        """Nothing: it does not look."""

    def next_delay(self, now: float) -> float:
        """Give half as much again each time."""
        del now
        interval, self._interval = self._interval, min(1.5 * self._interval, 300.0)
        return interval


@dataclass(frozen=True)
class Kind:
    """A client: makes what asks, for a wait that begins now; and its requests afterwards."""

    begin: Callable[[float, random.Random, Pace], Asking]
    after: int


UPSTREAM: Final = Kind(lambda *_: Upstream(), 1)


def ours(*, growth: float = 0.1, busy_growth: float = 0.5, cap: float = 60.0) -> Kind:
    """Give our client with these settings."""

    def begin(now: float, dice: random.Random, pace: Pace) -> Asking:
        return Schedule(
            now, growth=growth, busy_growth=busy_growth, cap=cap, draw=dice.random, pace=pace
        )

    return Kind(begin, 2)


class Crowd:
    """Containers that wait for one task after the other.

    Parameters
    ----------
    proxy, kind
        Who serves, and who asks.
    containers, mean
        How many, and the seconds of their tasks: 0.5 to 1.5 times that.
    seed
        Another one gives other tasks.
    """

    def __init__(self, proxy: Proxy, kind: Kind, containers: int, mean: float, seed: int) -> None:
        self._proxy, self._kind, self._mean = proxy, kind, mean
        self._dice = random.Random(seed)  # noqa: S311 - a simulation
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._free_at = self._busy = 0.0
        # The first half of the time is for getting into the steady state.
        self._length = _TASKS * mean
        self._from = self._length / 2
        self._times: list[float] = []
        self._lates: list[float] = []
        for _ in range(containers):
            self._begin(self._dice.uniform(0, mean), Pace())

    def run(self) -> Prediction:
        """Give what was measured in the second half."""
        while self._events and self._events[0][0] <= self._length:
            heapq.heappop(self._events)[2]()
        times, seconds = sorted(self._times), self._length - self._from
        return Prediction(
            rate=len(times) / seconds,
            utilisation=self._busy / seconds,
            mean=statistics.mean(times),
            p95=times[int(0.95 * len(times))],
            late=statistics.mean(self._lates),
        )

    def _at(self, moment: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._number), what))

    def _request(self, now: float, answered: Callable[[float, float], None]) -> None:
        service = self._proxy.service
        takes = max(_LEAST * service, self._dice.gauss(service, self._proxy.variation * service))
        self._free_at = max(self._free_at, now) + takes
        end = self._free_at

        def arrive() -> None:
            if end > self._from:
                self._busy += takes
                self._times.append(end - now)
            answered(end, end - now)

        self._at(end, arrive)

    def _begin(self, moment: float, pace: Pace) -> None:
        """Let a container begin at a moment, and go on for ever."""

        def start(now: float) -> None:
            end = now + self._dice.uniform(0.5, 1.5) * self._mean
            asking = self._kind.begin(now, self._dice, pace)

            def answered(now: float, took: float) -> None:
                asking.polled(took)
                if now >= end:
                    self._finish(now, end, self._kind.after, start)
                    return
                moment = now + asking.next_delay(now)
                self._at(moment, lambda: self._request(moment, answered))

            self._request(now, answered)

        self._at(moment, lambda: start(moment))

    def _finish(self, now: float, end: float, left: int, start: Callable[[float], None]) -> None:
        if left:
            self._request(now, lambda then, _: self._finish(then, end, left - 1, start))
            return
        if now > self._from:
            self._lates.append(now - end)
        start(now)


def simulated(proxy: Proxy, kind: Kind, containers: int, mean: float, seed: int = 1) -> Prediction:
    """Let a crowd wait in simulated time, and give what came of it."""
    return Crowd(proxy, kind, containers, mean, seed).run()
