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


@dataclass(slots=True)
class _Operation:
    """An operation under way."""

    attempt: Callable[[int, int], Outcome]
    effect: Effect
    clock: OperationClock
    before_retry: Callable[[int, Outcome, float], None]
    attempts: int = 0
    failures: int = 0
    ending: Ending = Ending.SETTLED
    first: Outcome | None = None

    def once(self) -> Outcome:
        self.attempts += 1
        self.clock.begin_attempt()
        outcome = self.attempt(self.attempts, self.failures)
        self.failures += outcome.kind in _FEW_TIMES_FOR_READ
        return outcome

    def next(self) -> Outcome:
        """Give the first outcome, which is there already; then make an attempt each time."""
        first, self.first = self.first, None
        return first or self.once()


class RetryPolicy:
    """Makes attempts until one settles the matter; tenacity drives what follows the first.

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

    def __init__(
        self,
        settings: Settings,
        budget: RetryBudget,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
        today: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.budget = budget
        self._settings = settings
        self._draw = draw
        self._today = today
        self._sleep = sleep

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
        operation = _Operation(attempt, effect, clock, before_retry)
        last = operation.once()
        # Nearly always that was all. tenacity costs as much as a span, so it drives only the rest;
        # and it is a cycle of references, that holds the answer until the garbage is collected.
        if self._is_retryable(last, operation):
            operation.first = last
            # One each: its state is the thread's, and a signal's handler may make a request, too.
            retrying = tenacity.Retrying(
                retry=self._again,
                wait=self._wait,
                stop=self._stop,
                sleep=self._sleep,
                before_sleep=_before_sleep,
                retry_error_callback=_outcome,
            )
            last = retrying(_Operation.next, operation)
        if last.kind is Kind.SUCCESS:
            self.budget.deposit()
        return Settled(last, operation.attempts, operation.ending)

    def _is_retryable(self, outcome: Outcome, operation: _Operation) -> bool:
        return is_retryable(
            outcome.kind,
            operation.effect,
            failures=operation.failures,
            failed_attempts=self._settings.failed_attempts,
        )

    def _again(self, state: tenacity.RetryCallState) -> bool:
        return self._is_retryable(_outcome(state), _operation(state))

    def _stop(self, state: tenacity.RetryCallState) -> bool:
        operation = _operation(state)
        operation.ending = self._ending(_outcome(state), state.upcoming_sleep, operation.clock)
        return operation.ending is not Ending.SETTLED

    def _ending(self, outcome: Outcome, delay: float, clock: OperationClock) -> Ending:
        """Say why there is no further attempt; ``SETTLED`` where there is one."""
        if not clock.allows(outcome, delay):
            return Ending.RETRY_AFTER if "Retry-After" in outcome.headers else Ending.DEADLINE
        # What never reached the proxy adds nothing to its load.
        if outcome.kind is not Kind.NEVER_SENT and not self.budget.withdraw():
            return Ending.BUDGET
        return Ending.SETTLED

    def _wait(self, state: tenacity.RetryCallState) -> float:
        asked = retry_after(_outcome(state).headers, now=self._today())
        # "At once" is for one client; all of a node's at once would be the next storm.
        if asked:
            return asked
        return full_jitter(
            state.attempt_number,
            base=self._settings.backoff_base,
            cap=self._settings.backoff_cap,
            draw=self._draw(),
        )


def _before_sleep(state: tenacity.RetryCallState) -> None:
    operation, outcome, delay = _operation(state), _outcome(state), state.upcoming_sleep
    operation.clock.end_attempt(outcome, delay)
    operation.before_retry(operation.attempts, outcome, delay)


def _operation(state: tenacity.RetryCallState) -> _Operation:
    return cast("_Operation", state.args[0])


def _outcome(state: tenacity.RetryCallState) -> Outcome:
    # tenacity sets it before it asks.
    return cast("Outcome", cast("tenacity.Future", state.outcome).result())
