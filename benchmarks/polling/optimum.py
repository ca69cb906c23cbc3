"""The best polls for a distribution that is known: Barlow, Hunter and Proschan 1963.

Dynamic programming over candidate moments. It knows what no client can know, so it is a bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.polling.durations import Quantile

_SAMPLE = 20_000
_LEVELS = 500
_TAIL = 0.001
# Candidates in one longest distance.
_FINE = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """Moments of polls, in seconds since a task's creation, and what they were chosen for."""

    moments: list[float]
    price: float
    longest: float


def best_polls(
    quantile: Quantile, price: float, longest: float = math.inf, *, sample: int = _SAMPLE
) -> Plan:
    """Give the moments of the polls with the least expected cost.

    Parameters
    ----------
    quantile
        The durations, in seconds.
    price
        Of a poll, in seconds of lateness.
    longest
        Seconds: the most between two polls.

    Returns
    -------
    Plan
        The moments, up to where one task in a thousand still runs.
    """
    parts = (np.arange(sample) + 0.5) / sample
    durations = np.array([quantile(float(part)) for part in parts])
    moments = _candidates(durations, longest)
    counts = np.searchsorted(durations, moments, side="right")
    below = counts / sample
    spent = np.concatenate([[0.0], np.cumsum(durations)])[counts] / sample
    # `least[k]` is A(y) of what v6client.tasks.aim says, for the poll at moment k.
    least = np.zeros(len(moments))
    after = np.zeros(len(moments), dtype=np.intp)
    least[-1] = moments[-1] * below[-1] - spent[-1]
    for k in range(len(moments) - 2, -1, -1):
        # At least the next candidate, so that rounding leaves no gap.
        end = max(k + 2, int(np.searchsorted(moments, moments[k] + longest, side="right")))
        costs = least[k + 1 : end] - moments[k + 1 : end] * below[k]
        after[k] = k + 1 + int(np.argmin(costs))
        to_come = price * (1 - below[k]) + spent[k] + float(costs.min())
        least[k] = moments[k] * below[k] - spent[k] + to_come
    polls, k = [], 0
    while k < len(moments) - 1:
        k = int(after[k])
        polls.append(float(moments[k]))
    return Plan(polls, price, longest)


def _candidates(durations: NDArray[np.float64], longest: float) -> NDArray[np.float64]:
    size = len(durations)
    last = float(durations[-1 - int(size * _TAIL)])
    levels = durations[np.linspace(0, size - 1, _LEVELS).astype(np.intp)]
    tail = durations[-1 - np.geomspace(size * _TAIL, size / 10, _LEVELS // 5).astype(np.intp)]
    moments = np.concatenate([[0.0, last], levels, tail])
    if last > longest:
        moments = np.concatenate([moments, np.arange(0.0, last, longest / _FINE)])
    return np.unique(moments[moments <= last])
