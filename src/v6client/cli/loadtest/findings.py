"""What the counts of a load test say: pure functions over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from v6client.cli.loadtest.histogram import quantile
from v6client.cli.loadtest.plan import FLOOD
from v6client.cli.loadtest.tally import LONGEST, Counts, add

WINDOW: Final = 5
"""Seconds over which a rate and a percentile are taken."""
_SLOWER: Final = 3.0
_FULL: Final = 0.9
_SETTLE: Final = 10
"""Seconds of normal load that are compared with what comes after a restart."""


@dataclass(frozen=True)
class Window:
    """Some seconds of a load test.

    Parameters
    ----------
    start
        The first second, since the epoch.
    users
        How many there were, on average.
    rate
        Attempts a second.
    failed
        How many of the attempts failed.
    p50, p95
        Seconds of an attempt.
    """

    start: int
    users: float
    rate: float
    failed: int
    p50: float
    p95: float


@dataclass(frozen=True)
class Saturation:
    """Where more users got no more answers, only slower ones."""

    users: float
    rate: float
    p95_before: float
    p95: float


@dataclass(frozen=True)
class Fairness:
    """How evenly the users of one scenario were answered.

    Parameters
    ----------
    scenario, users
        Which, and how many.
    least, most
        Answers of the user with the fewest, and with the most.
    starved
        How many users had none.
    longest
        Seconds of the longest attempt of any of them.
    index
        Jain's: 1 where all had the same, 1/n where one had everything (Jain, Chiu and Hawe 1984).
    """

    scenario: str
    users: int
    least: int
    most: int
    starved: int
    longest: float
    index: float


@dataclass(frozen=True)
class AfterRestart:
    """The load after a restart, against the one before: attempts a second."""

    normal: float
    worst: float
    worst_second: int

    @property
    def ratio(self) -> float:
        """Worst window after by the normal load."""
        return self.worst / self.normal if self.normal else 0.0


def windows(seconds: Mapping[str, Any], width: int = WINDOW) -> list[Window]:
    """Cut a test into windows of so many seconds; an incomplete one at the end is left out."""
    moments = sorted(map(int, seconds))
    if not moments:
        return []
    starts = range(moments[0], moments[-1] - width + 2, width)
    return [_window(seconds, start, width) for start in starts]


def _window(seconds: Mapping[str, Any], start: int, width: int) -> Window:
    rows: Counts = {}
    told = 0
    for moment in range(start, start + width):
        row = seconds.get(str(moment), {})
        told += "users" in row
        add(rows, row)
    times = rows.get("times", {})
    return Window(
        start=start,
        users=rows.get("users", 0) / max(1, told),
        rate=rows.get("attempts", 0) / width,
        failed=rows.get("failed", 0),
        p50=quantile(times, 0.5),
        p95=quantile(times, 0.95),
    )


def saturation(some: Sequence[Window]) -> Saturation | None:
    """Find where it saturates: p95 three times the least, at nine tenths of the highest rate.

    Returns
    -------
    Saturation or None
        The first such window; ``None`` where there is none.
    """
    busy = [one for one in some if one.rate > 0]
    if not busy:
        return None
    before = min(one.p95 for one in busy)
    highest = max(one.rate for one in busy)
    for one in busy:
        if one.p95 >= _SLOWER * before and one.rate >= _FULL * highest:
            return Saturation(one.users, one.rate, before, one.p95)
    return None


def fairness(users: Mapping[str, Any]) -> list[Fairness]:
    """Say how evenly users were answered, one row a scenario."""
    found = []
    for scenario in sorted(users):
        rows = users[scenario].values()
        answered = [int(row["answered"]) for row in rows]
        squares = sum(one**2 for one in answered)
        found.append(
            Fairness(
                scenario=scenario,
                users=len(answered),
                least=min(answered),
                most=max(answered),
                starved=answered.count(0),
                longest=max(row[LONGEST] for row in rows),
                index=sum(answered) ** 2 / (len(answered) * squares) if squares else 0.0,
            )
        )
    return found


def after_restart(
    seconds: Mapping[str, Any], began: float, ended: float, width: int = WINDOW
) -> AfterRestart | None:
    """Compare the load after a restart with the one before.

    Parameters
    ----------
    seconds
        The counts by second.
    began, ended
        When the proxy was away, in seconds since the epoch.
    width
        Seconds of the windows after it, of which the worst counts.

    Returns
    -------
    AfterRestart or None
        ``None`` where the test was too short to tell.
    """
    first, last = (pick(map(int, seconds), default=0) for pick in (min, max))
    before = range(max(first, int(began) - _SETTLE), int(began))
    after = range(int(ended), last - width + 1)
    if not before or not after or not ended:
        return None
    normal = _attempts(seconds, before) / len(before)
    worst, moment = max(
        (_attempts(seconds, range(start, start + width)) / width, start) for start in after
    )
    return AfterRestart(normal, worst, moment - int(ended))


def _attempts(seconds: Mapping[str, Any], moments: Iterable[int]) -> float:
    return float(sum(seconds.get(str(one), {}).get("attempts", 0) for one in moments))


def starved(rows: Sequence[Fairness]) -> int:
    """Count the users whom nobody answered, but those that flood."""
    return sum(row.starved for row in rows if row.scenario != FLOOD)
