from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client.http.budget import RetryBudget
from v6client.http.outcome import Kind, Outcome
from v6client.http.retry import (
    Effect,
    Ending,
    OperationClock,
    RetryPolicy,
    Settled,
    full_jitter,
    is_retryable,
    retry_after,
)
from v6client.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_the_table_of_what_is_tried_again() -> None:
    tried_again = {
        (kind, effect)
        for kind in Kind
        for effect in Effect
        if is_retryable(kind, effect, failures=1, failed_attempts=2)
    }
    assert tried_again == {
        (Kind.NEVER_SENT, Effect.READ),
        (Kind.NEVER_SENT, Effect.WRITE),
        (Kind.NO_ANSWER, Effect.READ),
        (Kind.OVERLOADED, Effect.READ),
        (Kind.INVALID, Effect.READ),
        (Kind.MASKED, Effect.READ),
        (Kind.FAILED, Effect.READ),
        (Kind.OUTAGE, Effect.READ),
    }


@given(st.integers(1, 100), st.integers(1, 10))
def test_a_500_is_tried_so_often(failures: int, failed_attempts: int) -> None:
    for kind in (Kind.MASKED, Kind.FAILED):
        again = is_retryable(kind, Effect.READ, failures=failures, failed_attempts=failed_attempts)
        assert again == (failures < failed_attempts)


def test_other_faults_do_not_count_as_500s() -> None:
    busy, masked = Outcome(Kind.OVERLOADED, "503", 503), Outcome(Kind.MASKED, "500", 500)
    settled, _ = _run(iter([busy, busy, masked, busy, Outcome(Kind.SUCCESS)]))
    assert (settled.outcome.kind, settled.attempts) == (Kind.SUCCESS, 5)
    settled, _ = _run(iter([busy, masked, busy, masked]))
    assert (settled.outcome.kind, settled.attempts) == (Kind.MASKED, 4)


@given(
    st.integers(1, 10**6),
    st.floats(0, 3600),
    st.floats(0, 3600),
    st.floats(0, 1, exclude_max=True),
)
def test_the_backoff_stays_within_its_bounds(
    attempt: int, base: float, cap: float, draw: float
) -> None:
    wait = full_jitter(attempt, base=base, cap=cap, draw=draw)
    assert 0 <= wait <= cap
    assert wait <= base * 2.0 ** min(attempt - 1, 60)


def test_the_backoff_doubles_up_to_its_cap() -> None:
    waits = [full_jitter(n, base=0.5, cap=10, draw=1) for n in range(1, 8)]
    assert waits == [0.5, 1, 2, 4, 8, 10, 10]


@given(st.integers(0, 10**9))
def test_retry_after_in_seconds(seconds: int) -> None:
    assert retry_after({"Retry-After": str(seconds)}, now=NOW) == seconds


@given(st.integers(-(10**6), 10**6))
def test_retry_after_as_a_date_is_never_negative(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"Retry-After": date}, now=NOW) == max(0, seconds)


@given(st.text())
def test_a_retry_after_that_is_neither_is_none(text: str) -> None:
    found = retry_after({"Retry-After": text}, now=NOW)
    assert found is None or found >= 0


def test_no_retry_after() -> None:
    assert retry_after({}, now=NOW) is None


class FakeTime:
    """Time that passes when somebody sleeps, or when an attempt takes some."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def _run(
    outcomes: Iterator[Outcome],
    *,
    effect: Effect = Effect.READ,
    takes: float = 0.0,
    settings: Settings | None = None,
    budget: RetryBudget | None = None,
) -> tuple[Settled, FakeTime]:
    time = FakeTime()
    settings = settings or Settings()
    clock = OperationClock(settings.request_deadline, settings.outage_budget, now=time)
    budget = budget or RetryBudget(100, cost=5, refund=1)
    policy = RetryPolicy(settings, budget, sleep=time.sleep, draw=lambda: 1.0, today=lambda: NOW)

    def attempt(_: int, __: int) -> Outcome:
        time.now += takes
        return next(outcomes)

    settled = policy.run(attempt, effect=effect, clock=clock, before_retry=lambda *_: None)
    return settled, time


def _always(outcome: Outcome) -> Iterator[Outcome]:
    while True:
        yield outcome


def test_success_needs_one_attempt() -> None:
    settled, time = _run(iter([Outcome(Kind.SUCCESS)]))
    assert (settled.attempts, settled.ending, time.slept) == (1, Ending.SETTLED, [])


@pytest.mark.parametrize("kind", [Kind.NEVER_SENT, Kind.OUTAGE])
def test_an_outage_ends_with_its_budget(kind: Kind) -> None:
    # 60 attempts of an outage behind the proxy cost more than the usual retry budget.
    plenty = RetryBudget(1000, cost=5, refund=1)
    settled, time = _run(_always(Outcome(kind, "x")), takes=1, budget=plenty)
    assert (settled.outcome.kind, settled.ending) == (kind, Ending.DEADLINE)
    assert 280 < time.now <= 300


def test_an_outage_does_not_eat_the_deadline() -> None:
    # 150 s of outage, then 100 s of 503: together more than the deadline of 120 s.
    def outcomes() -> Iterator[Outcome]:
        yield from [Outcome(Kind.NEVER_SENT, "connection_refused")] * 3
        yield from [Outcome(Kind.OVERLOADED, "503", 503)] * 2
        yield Outcome(Kind.SUCCESS)

    settled, time = _run(outcomes(), takes=45)
    assert (settled.outcome.kind, settled.attempts) == (Kind.SUCCESS, 6)
    assert time.now > 120


@given(
    takes=st.floats(0.001, 200),
    kind=st.sampled_from([Kind.NO_ANSWER, Kind.OVERLOADED, Kind.INVALID]),
)
def test_no_attempt_begins_after_the_deadline(takes: float, kind: Kind) -> None:
    plenty = RetryBudget(1e9, cost=5, refund=1)
    settled, time = _run(_always(Outcome(kind, "x", 503)), takes=takes, budget=plenty)
    assert (settled.outcome.kind, settled.ending) == (kind, Ending.DEADLINE)
    assert time.now - takes < 120


def test_retry_after_is_obeyed() -> None:
    outcomes = [Outcome(Kind.OVERLOADED, "429", 429, headers={"Retry-After": "7"})]
    settled, time = _run(iter([*outcomes, Outcome(Kind.SUCCESS)]))
    assert (settled.attempts, time.slept) == (2, [7])


def test_at_once_is_with_backoff_all_the_same() -> None:
    busy = Outcome(Kind.OVERLOADED, "503", 503, headers={"Retry-After": "0"})
    _, time = _run(iter([busy, busy, Outcome(Kind.SUCCESS)]))
    assert len(time.slept) == 2
    assert all(time.slept)


def test_a_retry_after_that_does_not_fit_ends_it() -> None:
    settled, time = _run(
        _always(Outcome(Kind.OVERLOADED, "429", 429, headers={"Retry-After": "121"}))
    )
    assert (settled.attempts, settled.ending, time.slept) == (1, Ending.RETRY_AFTER, [])


def test_an_empty_budget_ends_it_at_once() -> None:
    budget = RetryBudget(10, cost=5, refund=1)
    failing = Outcome(Kind.OVERLOADED, "503", 503)
    first, _ = _run(_always(failing), budget=budget)
    assert (first.attempts, first.ending) == (3, Ending.BUDGET)
    second, _ = _run(_always(failing), budget=budget)
    assert (second.attempts, second.ending) == (1, Ending.BUDGET)
    for _ in range(5):
        _run(iter([Outcome(Kind.SUCCESS)]), budget=budget)
    third, _ = _run(_always(failing), budget=budget)
    assert third.attempts == 2


def test_what_was_never_sent_costs_nothing() -> None:
    budget = RetryBudget(10, cost=5, refund=1)
    _run(_always(Outcome(Kind.NEVER_SENT, "connection_refused")), budget=budget)
    assert budget.tokens == 10


@given(
    st.integers(0, 50),
    st.integers(0, 10),
    st.integers(0, 10),
    st.lists(st.booleans(), max_size=200),
)
def test_the_bucket_never_leaves_its_bounds(
    capacity: int, cost: int, refund: int, events: list[bool]
) -> None:
    budget = RetryBudget(capacity, cost=cost, refund=refund)
    for is_retry in events:
        before = budget.tokens
        if is_retry:
            assert budget.withdraw() == (before >= cost)
        else:
            budget.deposit()
        assert 0 <= budget.tokens <= capacity


def test_an_error_of_our_own_is_not_tried_again() -> None:
    def attempt(_: int, __: int) -> Outcome:
        raise KeyError

    policy = RetryPolicy(Settings(), RetryBudget(100, cost=5, refund=1))
    with pytest.raises(KeyError):
        policy.run(
            attempt,
            effect=Effect.READ,
            clock=OperationClock(1, 1),
            before_retry=lambda *_: pytest.fail("tried again"),
        )
