"""One wait in simulated time, on each of the schedules."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.polling.optimum import Plan
from v6client.tasks.history import History, Kind
from v6client.tasks.polling import FLOOR_OF_INTERVAL, Schedule

ATTEMPT: Final = 0.012
"""Seconds that a poll takes: the median at the real proxy. The server looks in the middle."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What one wait came to."""

    polls: int
    late: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """The settings of v6client that matter here, with their defaults."""

    interval: float = 1.0
    growth: float = 0.1
    cap: float = 60.0

    def schedule(self, draw: Callable[[], float]) -> Schedule:
        """Give the schedule of a task created at 0 and waited for since then."""
        floor = self.interval * FLOOR_OF_INTERVAL
        return Schedule(0.0, floor=floor, growth=self.growth, cap=self.cap, draw=draw)


def upstream(duration: float) -> Wait:
    """Wait as vantage6 4.15.2's client does: at once, then 1 s, 1.5 s, 2.25 s, up to 300 s."""
    return _follow(itertools.accumulate(_upstream_moments()), duration)


def planned(plan: Plan, duration: float) -> Wait:
    """Wait by a plan."""
    return _follow(_moments(plan), duration)


def scheduled(schedule: Schedule, duration: float) -> Wait:
    """Wait on v6client's schedule."""
    now, low = schedule.first_delay(0.0), 0.0
    for polls in itertools.count(1):
        sent, now = now, now + ATTEMPT
        if sent + ATTEMPT / 2 >= duration:
            return Wait(polls, now - duration, low, now)
        low = sent
        schedule.polled(ATTEMPT)
        now += schedule.next_delay(now)
    raise AssertionError


def rounds(durations: Sequence[float], tuning: Tuning, draw: random.Random) -> list[Wait]:
    """Wait for the rounds of one algorithm, each with the history of those before."""
    history, kind = History(), Kind("round #", "partial")
    waits = []
    for duration in durations:
        schedule = tuning.schedule(draw.random)
        schedule.aim = history.aim(kind)
        waits.append(scheduled(schedule, duration))
        history.record(kind, waits[-1].low, waits[-1].high)
    return waits


def _follow(moments: Iterator[float], duration: float) -> Wait:
    for polls, moment in enumerate(moments, 1):
        if moment + ATTEMPT / 2 >= duration:
            return Wait(polls, moment + ATTEMPT - duration, 0.0, moment + ATTEMPT)
    raise AssertionError


def _upstream_moments() -> Iterator[float]:
    """Give the first poll, then the distances to the next ones."""
    interval = 1.0
    yield 0.0
    while True:
        yield interval + ATTEMPT
        interval = min(interval * 1.5, 300.0)


def _moments(plan: Plan) -> Iterator[float]:
    yield from plan.moments
    last = plan.moments[-1]
    while True:
        # The best distance at a hazard of 1/t, for the one in a thousand that outlives the plan.
        last += min(plan.longest, math.sqrt(2 * plan.price * last))
        yield last
