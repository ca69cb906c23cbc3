"""All shapes and medians on all schedules, seeded."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.polling.durations import MEDIANS, SHAPES, Quantile
from benchmarks.polling.optimum import best_polls
from benchmarks.polling.simulation import Tuning, Wait, planned, rounds, scheduled, upstream

UPSTREAM: Final = "upstream"
GEOMETRIC: Final = "geometric"
HISTORY: Final = "history"
BOUNDED: Final = "optimum, cap"
OPTIMUM: Final = "optimum"
SCHEDULES: Final = (UPSTREAM, GEOMETRIC, HISTORY, BOUNDED, OPTIMUM)

WARM_UP: Final = 5
SHARE: Final = 0.01
"""Of the median duration: the lateness that a poll is worth."""
_SHORT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated: algorithms, and rounds of each that are counted; from which seed."""

    algorithms: int = 40
    rounds: int = 40
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Figures:
    """What the waits on one schedule came to."""

    polls: float
    late: float
    late_p95: float
    cost: float


@dataclass(frozen=True, slots=True)
class Case:
    """One shape and median: the figures of each schedule on the same durations."""

    shape: str
    median: float
    price: float
    figures: dict[str, Figures]

    def ratio(self, schedule: str, to: str) -> float:
        """Give a schedule's cost as a multiple of another's."""
        return self.figures[schedule].cost / self.figures[to].cost

    @property
    def fewer_polls(self) -> bool:
        """Whether history polls less than upstream."""
        return self.figures[HISTORY].polls < self.figures[UPSTREAM].polls

    @property
    def sooner(self) -> bool:
        """Whether history is less late than upstream."""
        return self.figures[HISTORY].late < self.figures[UPSTREAM].late


def price_of_a_poll(median: float, share: float = SHARE) -> float:
    """Give the seconds of lateness that a poll is worth.

    One percent of what the task takes: nobody notices that. But for tasks under 10 s as much as
    for those, 0.1 s: a poll keeps a proxy and a server busy, which other tasks use too.
    """
    return share * max(_SHORT, median)


def cases(size: Size) -> Iterator[Case]:
    """Simulate each shape with each median, with the default settings."""
    for median in MEDIANS:
        for shape in SHAPES:
            yield case(shape, median, size)


def case(
    shape: str,
    median: float,
    size: Size,
    *,
    share: float = SHARE,
    tuning: Tuning | None = None,
) -> Case:
    """Simulate one shape with one median."""
    tuning = tuning or Tuning()
    price = price_of_a_poll(median, share)

    def quantile(part: float) -> float:
        return median * SHAPES[shape](part)

    best = best_polls(quantile, price)
    bounded = best_polls(quantile, price, tuning.cap)
    waits: dict[str, list[Wait]] = {schedule: [] for schedule in SCHEDULES}
    for number in range(size.algorithms):
        draw = random.Random(f"{size.seed} {number}")  # noqa: S311 - a simulation
        durations = drawn(quantile, WARM_UP + size.rounds, draw)
        counted = durations[WARM_UP:]
        waits[UPSTREAM] += map(upstream, counted)
        waits[GEOMETRIC] += [scheduled(tuning.schedule(draw.random), one) for one in counted]
        waits[HISTORY] += rounds(durations, tuning, draw)[WARM_UP:]
        waits[BOUNDED] += [planned(bounded, one) for one in counted]
        waits[OPTIMUM] += [planned(best, one) for one in counted]
    return Case(shape, median, price, {name: figures(all_, price) for name, all_ in waits.items()})


def drawn(quantile: Quantile, count: int, draw: random.Random) -> list[float]:
    """Draw durations."""
    return [quantile(max(draw.random(), 1e-12)) for _ in range(count)]


def figures(waits: Sequence[Wait], price: float) -> Figures:
    """Sum up waits."""
    polls = statistics.fmean(wait.polls for wait in waits)
    late = statistics.fmean(wait.late for wait in waits)
    late_p95 = sorted(wait.late for wait in waits)[int(0.95 * len(waits))]
    return Figures(polls, late, late_p95, polls * price + late)


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to rounds that suddenly take a different time."""

    factor: float
    first: dict[str, Figures]
    """The first ten rounds after it."""
    later: dict[str, Figures]


def change(factor: float, size: Size, median: float = 30.0) -> Change:
    """Simulate twenty rounds (lognormal, σ = 0.2) and forty that take ``factor`` times as long."""
    price = price_of_a_poll(median * factor)
    first: dict[str, list[Wait]] = {GEOMETRIC: [], HISTORY: []}
    later: dict[str, list[Wait]] = {GEOMETRIC: [], HISTORY: []}
    for number in range(size.algorithms):
        draw = random.Random(f"{size.seed} {number} {factor}")  # noqa: S311 - a simulation
        before = [median * one for one in drawn(SHAPES["lognormal σ=0.2"], 20, draw)]
        after = [median * factor * one for one in drawn(SHAPES["lognormal σ=0.2"], 40, draw)]
        geometric = [scheduled(Tuning().schedule(draw.random), one) for one in after]
        history = rounds([*before, *after], Tuning(), draw)[len(before) :]
        for name, waits in ((GEOMETRIC, geometric), (HISTORY, history)):
            first[name] += waits[:10]
            later[name] += waits[10:]
    return Change(
        factor,
        {name: figures(waits, price) for name, waits in first.items()},
        {name: figures(waits, price) for name, waits in later.items()},
    )
