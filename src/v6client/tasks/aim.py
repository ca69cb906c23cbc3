"""Where to aim polls, once it is known how long tasks of a kind take.

What is known of an earlier task is an interval: it was open at one poll and finished at the next.
From intervals to moments in three steps:

1. *How the duration is distributed within the intervals*: some steps of the self-consistent
   estimate for interval-censored data (Turnbull 1976). Each interval's weight moves to where
   other intervals say that tasks end; one that says little ("finished at the first poll") hardly
   counts, but enough of them in a row give weight to shorter durations, and these are looked for.
2. *What that says of the next*: between two neighbouring of n durations the next one falls with a
   probability of 1/(n + 1), and with the same beyond each end (Hill 1968). No width to choose, and
   it holds for five durations as for thirty, equal ones, two modes or heavy tails.
3. *The polls with the least expected cost*, a poll costing its price and lateness its seconds: the
   optimum over a grid of moments by dynamic programming (Barlow, Hunter and Proschan 1963). Where
   the distribution is smooth it comes to a density of polls proportional to the square root of the
   hazard (Keller 1974); where it is not, as with a constant duration, it stays right.

References: Turnbull, J. R. Stat. Soc. B 38 (1976) 290; Hill, J. Am. Stat. Assoc. 63 (1968) 677;
Barlow, Hunter and Proschan, J. SIAM 11 (1963) 1078; Keller, Management Science 21 (1974) 256.
"""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

Interval = tuple[float, float]
"""Seconds from a task's creation: it was open at the first and finished at the second."""

MOMENTS: Final = 99
"""The most moments that an aim chooses from, so the most polls that it adds."""

# Few: more would take away the weight that lets shorter durations be looked for.
_STEPS: Final = 4
# Of the distribution, so that the plan costs the same however many durations are known.
_MOST_QUANTILES: Final = 31
# Seconds, and a part: durations are not told apart more finely.
_FINEST: Final = 1e-3
# Seconds, more than any wait: within this range no sum of probabilities loses its smallest part.
_LONGEST: Final = 1e8


class Aim:
    """The moments at which to ask for a task of which the kind is known.

    Parameters
    ----------
    intervals
        Of earlier tasks, each with 0 ≤ low ≤ high. At least two.

    Attributes
    ----------
    reach
        Seconds: the shortest time in which one of them was seen to have finished.
    median
        Seconds: their median, as estimated.
    end
        Seconds: what has taken longer has outlived its kind.

    Raises
    ------
    ValueError
        When there are fewer than two intervals.
    """

    __slots__ = ("_below", "_moments", "_plan", "_spent", "end", "median", "reach")

    def __init__(self, intervals: Sequence[Interval]) -> None:
        if len(intervals) < 2:  # noqa: PLR2004 - the tail is as long as the last two are apart
            raise ValueError("an aim needs at least two durations")
        ends = [min(max(high, _FINEST), _LONGEST) for _, high in intervals]
        spans = [
            (min(low, end * (1 - _FINEST)), end)
            for (low, _), end in zip(intervals, ends, strict=True)
        ]
        durations = _quantiles(spans, min(len(spans), _MOST_QUANTILES))
        self.reach = min(ends)
        self.median = statistics.median(durations)
        self._moments, masses = _predicted(durations)
        self.end = self._moments[-1]
        # Up to each moment: the probability, and the expectation of the duration.
        self._below = list(accumulate(masses))
        middles = [(a + b) / 2 for a, b in pairwise([self._moments[0], *self._moments])]
        self._spent = list(
            accumulate(mass * middle for mass, middle in zip(masses, middles, strict=True))
        )
        self._plan: tuple[float, list[float]] | None = None

    def after(self, waited: float, price: float) -> float | None:
        """Give the moment of the best next poll.

        Parameters
        ----------
        waited
            Seconds since the task was created; it is not known to have finished.
        price
            Of a poll: the seconds of lateness that it may cost.

        Returns
        -------
        float or None
            Seconds since the task was created, more than ``waited``; ``None`` where that is
            beyond what is known.
        """
        later = bisect_right(self._moments, waited)
        if later == len(self._moments):
            return None
        below = 0.0
        if later:
            start, end = self._moments[later - 1 : later + 1]
            part = (waited - start) / (end - start)
            below = self._below[later - 1] * (1 - part) + self._below[later] * part
        costs = self._costs(price)
        best = min(range(later, len(costs)), key=lambda k: costs[k] - self._moments[k] * below)
        return self._moments[best]

    def _costs(self, price: float) -> list[float]:
        """Give the cost of polling next at each moment, without what depends on the last poll.

        With F the distribution and L(x) the integral of s dF(s) up to x, a poll at y after one at
        x costs y (F(y) - F(x)) - (L(y) - L(x)) in lateness, and what follows V(y). Without the
        terms of x alone that is A(y) - y F(x), with A(y) = y F(y) - L(y) + V(y).
        """
        if self._plan is not None and self._plan[0] == price:
            return self._plan[1]
        costs: list[float] = []  # from the last moment to the first
        for y, below, spent in zip(
            reversed(self._moments), reversed(self._below), reversed(self._spent), strict=True
        ):
            to_come = 0.0
            if costs:
                later = zip(costs, reversed(self._moments), strict=False)
                to_come = price * (1 - below) + spent + min(a - z * below for a, z in later)
            costs.append(y * below - spent + to_come)
        costs.reverse()
        self._plan = price, costs
        return costs


def _quantiles(intervals: Sequence[Interval], count: int) -> list[float]:
    """Give the k/(count + 1) quantiles of the durations, uniform between two edges."""
    edges = sorted({edge for interval in intervals for edge in interval})
    up_to = [0.0, *accumulate(_masses(intervals, edges))]
    quantiles = []
    for k in range(1, count + 1):
        level = up_to[-1] * k / (count + 1)
        # The cell that the level falls into: its mass is not 0.
        right = bisect_right(up_to, level)
        part = (level - up_to[right - 1]) / (up_to[right] - up_to[right - 1])
        quantiles.append(edges[right - 1] + part * (edges[right] - edges[right - 1]))
    return quantiles


def _masses(intervals: Sequence[Interval], edges: Sequence[float]) -> list[float]:
    """Spread one unit of probability over the cells between the edges: Turnbull's estimate."""
    index = {edge: k for k, edge in enumerate(edges)}
    spans = [(index[low], index[high]) for low, high in intervals]
    widths = [end - start for start, end in pairwise(edges)]
    up_to = list(edges)
    masses = widths
    for _ in range(_STEPS + 1):
        # Each interval gives 1/n, in the proportion of the masses that its cells had before.
        changes = [0.0] * len(edges)
        for first, last in spans:
            share = 1 / (up_to[last] - up_to[first]) / len(spans)
            changes[first] += share
            changes[last] -= share
        # What is left of a sum that should be 0 must not become mass.
        masses = [
            mass * max(0.0, share) for mass, share in zip(masses, accumulate(changes), strict=False)
        ]
        up_to = [0.0, *accumulate(masses)]
    return masses


def _predicted(durations: Sequence[float]) -> tuple[list[float], list[float]]:
    """Spread the next duration over a grid: moments, and the probability of ending up to each."""
    last, before = durations[-1], durations[-2]
    # Beyond the ends it could be anywhere: half as short; longer in the proportion of the last two.
    knots = [durations[0] / 2, *durations, last * min(2.0, last / before)]
    gaps = len(knots) - 1
    parts = max(2, (MOMENTS - 1) // gaps)
    moments, masses = [knots[0]], [0.0]
    for number, (start, end) in enumerate(pairwise(knots)):
        inner = 0 < number < gaps - 1
        # Half of what lies beyond the longest is left for what nobody knows.
        mass = (0.5 if number == gaps - 1 else 1) / (gaps * parts)
        for k in range(1, parts + 1):
            part = _near_the_ends(k / parts) if inner else k / parts
            moments.append(max(moments[-1], start + part * (end - start)))
            masses.append(mass)
    return moments, masses


def _near_the_ends(part: float) -> float:
    """Crowd a gap's moments at its ends: between two modes, the next is likelier near one."""
    return 4 * part**3 if part < 0.5 else 1 - 4 * (1 - part) ** 3  # noqa: PLR2004 - its middle
