"""The retry policy: what is tried again, how long to wait, when to stop.

The decisions are functions of plain values; :class:`RetryPolicy` hands them to tenacity.
"""

from __future__ import annotations

import enum
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Final, cast

import tenacity

from v6client.http.budget import RetryBudget
from v6client.http.outcome import Kind, Outcome
from v6client.settings import Settings


class Effect(enum.Enum):
    """What a request does to the server, as far as trying it again is concerned."""

    READ = "read"
    """A GET: it may always be tried again."""
    WRITE = "write"
    """Anything else: tried again only where it was certainly never sent."""

    @classmethod
    def of(cls, method: str) -> Effect:
        """Tell the effect of an HTTP method (RFC 9110, section 9.2.1)."""
        return cls.READ if method == "GET" else cls.WRITE


_ALWAYS_FOR_READ: Final = frozenset({Kind.NO_ANSWER, Kind.OVERLOADED, Kind.INVALID, Kind.OUTAGE})
_OUTAGES: Final = frozenset({Kind.NEVER_SENT, Kind.OUTAGE})
_FEW_TIMES_FOR_READ: Final = frozenset({Kind.MASKED, Kind.FAILED})


def is_retryable(kind: Kind, effect: Effect, *, failures: int, failed_attempts: int) -> bool:
    """Tell whether a request is tried again after this outcome, time permitting.

    Parameters
    ----------
    kind, effect
        What came of the attempt, and what the request does.
    failures
        How many attempts of this operation ended with a 500 so far, this one included.
    failed_attempts
        How many of them there may be: the proxy has tried three times behind each.
    """
    if kind is Kind.NEVER_SENT:
        return True
    if effect is Effect.WRITE:
        return False
    return kind in _ALWAYS_FOR_READ or (kind in _FEW_TIMES_FOR_READ and failures < failed_attempts)


def full_jitter(attempt: int, *, base: float, cap: float, draw: float) -> float:
    """Draw the wait before the next attempt: uniform from 0 to ``min(cap, base · 2ⁿ)``.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Parameters
    ----------
    attempt
        How many attempts there were, from 1.
    base, cap
        Seconds.
    draw
        A uniform random number in [0, 1).
    """
    # Beyond 2^60 every base has met its cap, and floats would overflow at 2^1024.
    return draw * min(cap, base * 2.0 ** min(attempt - 1, 60))


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read ``Retry-After`` (RFC 9110, section 10.2.3): seconds, or an HTTP date.

    Returns
    -------
    float or None
        Seconds from ``now``, never negative; ``None`` where there is none that can be read.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - now).total_seconds())


@dataclass(slots=True)
class OperationClock:
    """The time of one operation: a deadline for what was sent, a budget for what never was.

    Parameters
    ----------
    deadline
        Seconds for the operation, besides outages.
    outage_budget
        Seconds that the other side may be unreachable.
    now
        The clock: monotonic seconds.
    """

    deadline: float
    outage_budget: float
    now: Callable[[], float] = time.monotonic
    started: float = field(init=False)
    outage: float = field(init=False, default=0.0)
    _attempt_started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self._attempt_started = self.now()

    def elapsed(self) -> float:
        """Tell the seconds since the operation began."""
        return self.now() - self.started

    def remaining(self) -> float:
        """Tell the seconds that are left for attempts, the outages not counted."""
        return self.deadline - (self.elapsed() - self.outage)

    def begin_attempt(self) -> None:
        """Note that an attempt begins."""
        self._attempt_started = self.now()

    def end_attempt(self, outcome: Outcome, delay: float) -> None:
        """Count an attempt that met an outage, and the wait after it, as outage."""
        if outcome.kind in _OUTAGES:
            self.outage += self.now() - self._attempt_started + delay

    def allows(self, outcome: Outcome, delay: float) -> bool:
        """Tell whether another attempt after ``delay`` seconds is within deadline and budget."""
        if outcome.kind in _OUTAGES:
            spent = self.outage + self.now() - self._attempt_started
            return spent + delay < self.outage_budget
        return delay < self.remaining()


class Ending(enum.Enum):
    """Why the attempts at an operation ended."""

    SETTLED = "settled"
    """The last outcome is final: a success, or nothing that another attempt could change."""
    DEADLINE = "deadline"
    """Another attempt would begin after the deadline, or after the outage budget."""
    RETRY_AFTER = "retry_after"
    """The server asked for a longer wait than the deadline allows."""
    BUDGET = "budget"
    """The retry budget is empty."""


@dataclass(frozen=True, slots=True)
class Settled:
    """An operation's last outcome, how many attempts there were, and why they ended."""

    outcome: Outcome
    attempts: int
    ending: Ending


@dataclass(frozen=True)
class RetryPolicy:
    """Runs attempts by tenacity until one settles the matter.

    Parameters
    ----------
    settings
        The numbers.
    budget
        The client's retry budget.
    sleep, draw, today
        Time and chance, to be replaced in tests: seconds to sleep, a uniform random number in
        [0, 1), the date and time for an HTTP date in ``Retry-After``.
    """

    settings: Settings
    budget: RetryBudget
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random
    today: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def run(
        self,
        attempt: Callable[[int, int], Outcome],
        *,
        effect: Effect,
        clock: OperationClock,
        before_retry: Callable[[int, Outcome, float], None],
    ) -> Settled:
        """Try until an outcome is final, or time or budget is over.

        Parameters
        ----------
        attempt
            Makes one attempt; takes its number, from 1, and how many before it ended with a 500.
        effect
            What the request does to the server.
        clock
            The operation's time.
        before_retry
            Is told the attempt's number, its outcome and the wait in seconds.

        Returns
        -------
        Settled
            The last outcome, how many attempts there were, and why they ended.
        """
        attempts = failures = 0
        ending = Ending.SETTLED

        def once() -> Outcome:
            nonlocal attempts, failures
            attempts += 1
            clock.begin_attempt()
            outcome = attempt(attempts, failures)
            failures += outcome.kind in _FEW_TIMES_FOR_READ
            return outcome

        def again(outcome: Outcome) -> bool:
            return is_retryable(
                outcome.kind,
                effect,
                failures=failures,
                failed_attempts=self.settings.failed_attempts,
            )

        def stop(state: tenacity.RetryCallState) -> bool:
            nonlocal ending
            ending = self._ending(_outcome(state), state.upcoming_sleep, clock)
            return ending is not Ending.SETTLED

        def before_sleep(state: tenacity.RetryCallState) -> None:
            clock.end_attempt(_outcome(state), state.upcoming_sleep)
            before_retry(attempts, _outcome(state), state.upcoming_sleep)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(again),
            wait=self._wait,
            stop=stop,
            sleep=self.sleep,
            before_sleep=before_sleep,
            retry_error_callback=_outcome,
        )
        last = retrying(once)
        if last.kind is Kind.SUCCESS:
            self.budget.deposit()
        return Settled(last, attempts, ending)

    def _ending(self, outcome: Outcome, delay: float, clock: OperationClock) -> Ending:
        """Say why there is no further attempt; ``SETTLED`` where there is one."""
        if not clock.allows(outcome, delay):
            return Ending.RETRY_AFTER if "Retry-After" in outcome.headers else Ending.DEADLINE
        # What never reached the proxy adds nothing to its load.
        if outcome.kind is not Kind.NEVER_SENT and not self.budget.withdraw():
            return Ending.BUDGET
        return Ending.SETTLED

    def _wait(self, state: tenacity.RetryCallState) -> float:
        asked = retry_after(_outcome(state).headers, now=self.today())
        # "At once" is for one client; all of a node's at once would be the next storm.
        if asked:
            return asked
        return full_jitter(
            state.attempt_number,
            base=self.settings.backoff_base,
            cap=self.settings.backoff_cap,
            draw=self.draw(),
        )


def _outcome(state: tenacity.RetryCallState) -> Outcome:
    # tenacity sets it before it asks.
    return cast("Outcome", cast("tenacity.Future", state.outcome).result())
