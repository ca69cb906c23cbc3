"""A model of a node proxy with a crowd of waiting containers: pure functions.

The proxy is a single server: it serves one request at a time, in the order of arrival.

- **Utilisation law**: the share of time in which it is busy is u = rate · s, with s seconds of
  service for each request.
- **Waiting time** (Pollaczek and Khinchine, M/G/1): W = u · s · (1 + c²) / (2 · (1 - u)), with c
  the coefficient of variation of the service time; c = 0 is M/D/1.
- **Its tail**, of who has to wait at all: exponential with the mean W / u (exact for M/M/1, and
  what every M/G/1 approaches when it is busy; Kingman 1962): P(wait > x) = u · exp(-x · u / W).
- **The crowd**: rate = N · requests of a wait / seconds of a wait. A client asks at distances that
  may depend on how long a request takes, which depends on the rate: the two are solved together.
  Where no u < 1 does, requests wait for each other, and each takes so long that the crowd asks for
  no more than the proxy gives (a closed system; Little's law).

Containers that start together ask together only once: their answers come s apart, and so do their
next polls.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_DURATIONS: Final = 41
_HALVINGS: Final = 60
_SLOWEST: Final = 1e4
_MANY: Final = 1_000_000


@dataclass(frozen=True)
class Proxy:
    """A node's proxy.

    Parameters
    ----------
    service
        Seconds for a request, the mean.
    variation
        The coefficient of variation of that; 0 where all take the same.
    outside
        Seconds of a request in which the proxy serves others already: connecting, and the client.
    """

    service: float
    variation: float = 0.0
    outside: float = 0.0

    @property
    def alone(self) -> float:
        """Seconds of a request where nobody else asks."""
        return self.outside + self.service


@dataclass(frozen=True)
class Client:
    """How a client waits.

    Parameters
    ----------
    distance
        Seconds from an answer to the next poll, by the number of polls so far, the seconds waited
        so far, and the seconds that the last one took.
    after
        Requests when the task has ended, such as for its results.
    """

    distance: Callable[[int, float, float], float]
    after: float


@dataclass(frozen=True)
class Wait:
    """A wait on average: its requests, its seconds, and how late the end is seen."""

    requests: float
    seconds: float
    late: float


@dataclass(frozen=True)
class Prediction:
    """What becomes of a crowd.

    Parameters
    ----------
    rate
        Requests a second.
    utilisation
        The share of time in which the proxy is busy.
    mean, p95
        Seconds of a request.
    late
        Seconds from a task's end to the answer that tells it, on average.
    """

    rate: float
    utilisation: float
    mean: float
    p95: float
    late: float


def upstream(after: float = 1.0) -> Client:
    """Give vantage6 4.15.2's client: 1 s, 1.5 s, 2.25 s and so on up to 300 s."""
    return Client(lambda polls, *_: min(1.5 ** (polls - 1), 300.0), after)


def ours(  # noqa: PLR0913 - the numbers of the schedule
    *,
    shortest: float,
    floor: float = 0.1,
    growth: float = 0.1,
    busy_growth: float = 0.5,
    cap: float = 60.0,
    load: float = 20.0,
    jitter: float = 0.1,
    after: float = 2.0,
) -> Client:
    """Give our client, without history.

    ``shortest`` is the shortest poll that it has seen; ``jitter`` what distances lose on average.
    The others are those of the schedule, :class:`v6client.tasks.polling.Schedule`.
    """

    def distance(_: int, waited: float, took: float) -> float:
        stretched = growth * max(1.0, took / (2 * shortest)) ** 2
        now = max(growth, min(busy_growth, stretched))
        grown = min(cap, max(floor, now * waited))
        return (1 - jitter) * max(grown, min(load * took, cap))

    return Client(distance, after)


def wait_of(client: Client, mean: float, took: float) -> Wait:
    """Give the average wait for tasks of 0.5 to 1.5 times a mean duration, equally likely.

    Parameters
    ----------
    client
        How it waits.
    mean
        Seconds that a task takes.
    took
        Seconds that a request takes.
    """
    requests = seconds = late = 0.0
    for number in range(_DURATIONS):
        duration = mean * (0.5 + (number + 0.5) / _DURATIONS)
        now, polls = took, 1
        while now < duration:
            now += client.distance(polls, now, took) + took
            polls += 1
        requests += polls + client.after
        seconds += now + client.after * took
        late += now + client.after * took - duration
    return Wait(requests / _DURATIONS, seconds / _DURATIONS, late / _DURATIONS)


def waiting(proxy: Proxy, rate: float) -> float:
    """Give the seconds that a request waits for others on average; infinite for too many."""
    busy = rate * proxy.service
    if busy >= 1:
        return math.inf
    return busy * proxy.service * (1 + proxy.variation**2) / (2 * (1 - busy))


def tail(proxy: Proxy, rate: float, share: float = 0.95) -> float:
    """Give the seconds that this share of the requests does not exceed."""
    busy, wait = rate * proxy.service, waiting(proxy, rate)
    if busy >= 1:
        return math.inf
    if busy <= 1 - share:
        return proxy.alone
    return proxy.alone + wait / busy * math.log(busy / (1 - share))


def predict(proxy: Proxy, client: Client, containers: int, mean: float) -> Prediction:
    """Say what becomes of a crowd whose containers started at different times.

    Parameters
    ----------
    proxy, client
        Who serves, and who asks.
    containers
        How many wait, each for one task after the other.
    mean
        Seconds that a task takes; 0.5 to 1.5 times that, equally likely.
    """

    def missing(took: float) -> float:
        """Give how much longer a request would take than was assumed."""
        one = wait_of(client, mean, took)
        return proxy.alone + waiting(proxy, containers * one.requests / one.seconds) - took

    low, high = proxy.alone, _SLOWEST
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if missing(middle) > 0 else (low, middle)
    one = wait_of(client, mean, high)
    rate = min(containers * one.requests / one.seconds, (1 - 1e-9) / proxy.service)
    p95 = tail(proxy, rate)
    # In a closed system nobody waits longer than for everybody else.
    p95 = min(p95, proxy.outside + max(containers, 1) * proxy.service)
    return Prediction(rate, rate * proxy.service, high, p95, one.late)


def highest_rate(proxy: Proxy, within: float) -> float:
    """Give the requests a second at which p95 of one is so many seconds."""
    low, high = 0.0, 1 / proxy.service
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(proxy, middle) <= within else (low, middle)
    return low


def most(proxy: Proxy, client: Client, mean: float, within: float) -> int:
    """Give how many containers a proxy carries with p95 of a request within so many seconds."""
    low, high = 0, 1
    while predict(proxy, client, high, mean).p95 <= within and high < _MANY:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if predict(proxy, client, middle, mean).p95 <= within:
            low = middle
        else:
            high = middle
    return low
