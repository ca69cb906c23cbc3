"""An open-loop simulation: containers whose requests come whatever becomes of the earlier ones.

The policy, the budget, the clock of an operation and the settings are the client's own; only the
wire is played. The model, in full:

- Each container makes GETs as a Poisson process of a stated rate. Open loop: a request that fails
  or waits holds back no later one, which is the worst case for the load.
- Each container is one client, with one retry budget, which is full when the storm begins.
- The proxy serves one request at a time, in the order of arrival, each in a stated time; an error
  takes as long as an answer. What a client has abandoned is served all the same.
- For ``duration`` seconds it fails in one of three ways: it says 503, or never answers what came
  meanwhile, or refuses connections.
"""

from __future__ import annotations

import enum
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.storms.clockwork import Clockwork
from v6client.http.budget import RetryBudget
from v6client.http.outcome import Kind, Outcome
from v6client.http.retry import Effect, Ending, OperationClock, RetryPolicy
from v6client.settings import Settings


class Failing(enum.Enum):
    """How the proxy fails."""

    UNAVAILABLE = "503"
    HANGING = "no answer"
    REFUSING = "refused"


@dataclass(frozen=True)
class Storm:
    """What is stated.

    Parameters
    ----------
    failing
        How the proxy fails.
    settings
        The clients' settings.
    containers
        How many.
    rate
        Requests a second, of each container.
    service
        Seconds of the proxy for each request.
    begin, duration, after
        Seconds of normal service, of failure, and of arrivals after it.
    """

    failing: Failing = Failing.UNAVAILABLE
    settings: Settings = field(default_factory=Settings)
    containers: int = 50
    rate: float = 5.0
    service: float = 0.002
    begin: float = 5.0
    duration: float = 30.0
    after: float = 20.0

    @property
    def end(self) -> float:
        """The moment from which the proxy answers again."""
        return self.begin + self.duration

    def fails(self, moment: float, how: Failing) -> bool:
        """Tell whether the proxy fails in this way at this moment."""
        return self.failing is how and self.begin <= moment < self.end


@dataclass
class Load:
    """What happened: moments of arrivals, of attempts, of those that reached the proxy."""

    arrivals: list[float] = field(default_factory=list)
    attempts: list[float] = field(default_factory=list)
    reached: list[float] = field(default_factory=list)
    endings: Counter[Ending] = field(default_factory=Counter)

    def ratio(self, start: float, stop: float) -> float:
        """Give attempts by arrivals of the same seconds: 1 is the normal load."""
        return _between(self.attempts, start, stop) / _between(self.arrivals, start, stop)

    def worst_ratio(self, start: float, stop: float, width: float) -> float:
        """Give the largest such ratio of all spans of this width."""
        starts = [start + width * number for number in range(int((stop - start) / width))]
        return max(self.ratio(one, one + width) for one in starts)


def _between(moments: Sequence[float], start: float, stop: float) -> int:
    return sum(start <= moment < stop for moment in moments)


def simulate(storm: Storm, seed: int) -> Load:
    """Run a storm until every request has ended."""
    world, load = Clockwork(), Load()
    proxy = _Proxy(storm, world, load)
    for number in range(storm.containers):
        dice = random.Random(f"{seed}:{number}")  # noqa: S311 - a simulation
        container = _Container(proxy, dice)
        moment = dice.expovariate(storm.rate)
        while moment < storm.end + storm.after:
            world.at(moment, container.ask)
            load.arrivals.append(moment)
            moment += dice.expovariate(storm.rate)
    world.run()
    return load


class _Proxy:
    def __init__(self, storm: Storm, world: Clockwork, load: Load) -> None:
        self.storm = storm
        self.world = world
        self.load = load
        self._free_at = 0.0

    def serve(self, patience: float) -> Outcome:
        """Answer one attempt, for which its client waits so many seconds at most."""
        storm, world = self.storm, self.world
        self.load.attempts.append(world.now)
        if storm.fails(world.now, Failing.REFUSING):
            return Outcome(Kind.NEVER_SENT, "connection_refused")
        self.load.reached.append(world.now)
        if storm.fails(world.now, Failing.HANGING):
            world.sleep(patience)
            return Outcome(Kind.NO_ANSWER, "read_timeout")
        self._free_at = max(self._free_at, world.now) + storm.service
        wait = self._free_at - world.now
        world.sleep(min(wait, patience))
        if wait > patience:
            return Outcome(Kind.NO_ANSWER, "read_timeout")
        if storm.fails(world.now, Failing.UNAVAILABLE):
            return Outcome(Kind.OVERLOADED, "503", 503)
        return Outcome(Kind.SUCCESS, "", 200)


class _Container:
    def __init__(self, proxy: _Proxy, dice: random.Random) -> None:
        ours = proxy.storm.settings
        budget = RetryBudget(ours.retry_budget, cost=ours.retry_cost, refund=ours.retry_refund)
        self._proxy = proxy
        self._settings = ours
        self._policy = RetryPolicy(ours, budget, sleep=proxy.world.sleep, draw=dice.random)

    def ask(self) -> None:
        """Make one request, with all the attempts that it takes."""
        clock = OperationClock(
            deadline=self._settings.request_deadline,
            outage_budget=self._settings.outage_budget,
            now=lambda: self._proxy.world.now,
        )
        settled = self._policy.run(
            lambda *_: self._proxy.serve(min(self._settings.read_timeout, clock.remaining())),
            effect=Effect.READ,
            clock=clock,
            before_retry=lambda *_: None,
        )
        self._proxy.load.endings[settled.ending] += 1
