"""A model of a node proxy with a crowd of waiting containers: pure functions.

The proxy is a single server: it serves one request at a time, in the order of arrival.

- **Utilisation law**: busy share ρ = λ · s, with λ requests a second of s seconds each.
- **Waiting time** (Pollaczek and Khinchine, M/G/1): W = ρ · s · (1 + c²) / (2 · (1 - ρ)), with c the
  coefficient of variation of the service time; c = 0 is M/D/1.
- **Its tail**, of who has to wait at all: exponential with the mean W / ρ (exact for M/M/1, and what
  every M/G/1 approaches when it is busy; Kingman 1962). So P(wait > x) = ρ · exp(-x · ρ / W).
- **The crowd**: λ = N · requests of a wait / seconds of a wait. A client asks at distances that may
  depend on how long a request takes, which depends on λ: the two are solved together. Where no
  ρ < 1 does, requests wait for each other, and each takes so long that the crowd asks for no more than
  the proxy gives (a closed system; Little's law).
- **In step**: N containers that start together and have no jitter ask together each time. The last
  one waits for all others: N · s, and 95 % of that is p95.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_DURATIONS: Final = 41
_HALVINGS: Final = 60
_SLOWEST: Final = 1e4


@dataclass(frozen=True)
class Proxy:
    """A node's proxy.

    Parameters
    ----------
    service
        Seconds for a request, the mean.
    variation
        The coefficient of variation of that; 0 where all take the same.
    """

    service: float
    variation: float = 0.0


@dataclass(frozen=True)
class Client:
    """How a client waits.

    Parameters
    ----------
    distance
        Seconds from an answer to the next poll, by the number of polls so far, the seconds waited so
        far, and the seconds that the last one took.
    after
        Requests when the task has ended, such as for its results.
    in_step
        Whether containers that start together go on asking together: no jitter.
    """

    distance: Callable[[int, float, float], float]
    after: float
    in_step: bool = False


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
    return Client(lambda polls, *_: min(1.5 ** (polls - 1), 300.0), after, in_step=True)


def ours(  # noqa: PLR0913 - the numbers of the schedule
    *,
    floor: float = 0.1,
    growth: float = 0.1,
    cap: float = 60.0,
    load: float = 20.0,
    jitter: float = 0.1,
    after: float = 2.0,
) -> Client:
    """Give our client, without history; ``jitter`` is what the distances lose on average."""

    def distance(_: int, waited: float, took: float) -> float:
        grown = min(cap, max(floor, growth * waited))
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
    """Give the seconds that a request waits for others on average; infinite where ρ >= 1."""
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
        return proxy.service
    return proxy.service + wait / busy * math.log(busy / (1 - share))


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
        return proxy.service + waiting(proxy, containers * one.requests / one.seconds) - took

    low, high = proxy.service, _SLOWEST
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if missing(middle) > 0 else (low, middle)
    one = wait_of(client, mean, high)
    rate = min(containers * one.requests / one.seconds, (1 - 1e-9) / proxy.service)
    p95 = tail(proxy, rate)
    # In a closed system nobody waits longer than for everybody else.
    p95 = min(p95, max(containers, 1) * proxy.service)
    return Prediction(rate, rate * proxy.service, high, p95, one.late)


def in_step(proxy: Proxy, client: Client, containers: int, mean: float) -> Prediction:
    """Say what becomes of a crowd that started together, with a client that stays in step.

    A client with jitter is soon where :func:`predict` says; for it the two are the same.
    """
    apart = predict(proxy, client, containers, mean)
    if not client.in_step:
        return apart
    p95 = 0.95 * containers * proxy.service
    return Prediction(
        apart.rate,
        apart.utilisation,
        max(apart.mean, containers * proxy.service / 2),
        max(apart.p95, p95),
        apart.late,
    )


def most(
    proxy: Proxy,
    client: Client,
    mean: float,
    within: float,
    predicted: Callable[[Proxy, Client, int, float], Prediction] = predict,
) -> int:
    """Give how many containers a proxy carries with p95 of a request within so many seconds."""
    low, high = 0, 1
    while predicted(proxy, client, high, mean).p95 <= within and high < 1_000_000:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if predicted(proxy, client, middle, mean).p95 <= within:
            low = middle
        else:
            high = middle
    return low
