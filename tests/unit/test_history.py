"""What earlier tasks took, and where polls aim by that."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client.tasks.aim import MOMENTS, Aim, Interval
from v6client.tasks.history import ENOUGH, History, Kind, kind_of

NEWTON = Kind("newton #", "partial")
INTERVALS = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1e6) | st.floats(0, 1e300)).map(
        lambda pair: (pair[0] * pair[1], pair[1])
    ),
    min_size=2,
    max_size=80,
)


def moments(aim: Aim, price: float) -> list[float]:
    """Give the polls that an aim plans, from the creation on."""
    planned: list[float] = []
    while (moment := aim.after(planned[-1] if planned else 0.0, price)) is not None:
        planned.append(moment)
    return planned


def recorded(history: History, *durations: Interval, kind: Kind = NEWTON) -> History:
    for low, high in durations:
        history.record(kind, low, high)
    return history


def test_rounds_are_of_one_kind_and_methods_tell_kinds_apart() -> None:
    assert kind_of("newton 1", {"method": "partial"}) == kind_of("newton 12", {"method": "partial"})
    assert kind_of("fold 3 of 10", {}) == kind_of("fold 10 of 10", {})
    assert kind_of("newton 1", {"method": "partial"}) != kind_of("newton 1", {"method": "other"})
    assert kind_of("newton", {"method": "partial"}) != kind_of("summary", {"method": "partial"})


@pytest.mark.parametrize("input_", [None, "text", {}, {"method": 3}, b"bytes"])
def test_an_input_without_a_method_is_a_kind_too(input_: object) -> None:
    assert kind_of("newton 1", input_) == Kind("newton #", "")


def test_nothing_is_aimed_before_five_have_finished() -> None:
    history = recorded(History(), *[(9, 10)] * (ENOUGH - 1))
    assert history.aim(NEWTON) is None
    recorded(history, (9, 10))
    assert history.aim(NEWTON) is not None
    assert history.aim(Kind("another", "partial")) is None


def test_an_aim_is_of_what_was_recorded_last() -> None:
    history = recorded(History(), *[(9, 10)] * 5)
    before = history.aim(NEWTON)
    assert history.aim(NEWTON) is before
    recorded(history, (19, 20))
    after = history.aim(NEWTON)
    assert before is not None
    assert after is not None
    assert before.end < 20 < after.end


@pytest.mark.parametrize(
    "senseless",
    [(2, 1), (-1, 1), (0, 0), (0, float("inf")), (float("nan"), 1), (0, float("nan"))],
)
def test_what_makes_no_sense_is_left_out(senseless: Interval) -> None:
    assert recorded(History(), senseless).durations(NEWTON) == ()


def test_a_wait_that_began_late_tells_nothing_until_polls_are_aimed() -> None:
    history = recorded(History(), (0, 600), *[(1.9, 2)] * 5, (0, 2))
    assert history.durations(NEWTON) == ((1.9, 2),) * 5 + ((0, 2),)


def test_what_is_kept_is_bounded() -> None:
    history = History(kinds=3, kept=6)
    for number in range(10):
        for duration in range(1, 10):
            history.record(Kind(str(number), ""), duration, duration + 1)
        # Used: the first outlives the others.
        assert history.aim(Kind("0", "")) is not None
    kept = [number for number in range(10) if history.durations(Kind(str(number), ""))]
    assert kept == [0, 8, 9]
    assert history.durations(Kind("9", "")) == tuple((d, d + 1) for d in range(4, 10))
    assert len(history._aims) <= 3


def test_threads_can_share_it() -> None:
    history = History(kinds=4)

    def use(seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - test data
        for _ in range(300):
            kind = Kind(str(draw.randrange(8)), "")
            history.record(kind, 9, 10 + draw.random())
            history.aim(kind)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kinds = [Kind(str(number), "") for number in range(8)]
    assert sum(bool(history.durations(kind)) for kind in kinds) == 4


@given(INTERVALS, st.floats(0.001, 100))
def test_the_moments_are_few_and_each_is_later(intervals: list[Interval], price: float) -> None:
    aim = Aim(intervals)
    planned = moments(aim, price)
    assert planned == sorted(set(planned))
    assert 1 <= len(planned) <= MOMENTS
    assert planned[-1] == aim.end
    assert aim.after(aim.end, price) is None
    assert aim.reach > 0
    assert 0 < aim.median <= aim.end


@given(INTERVALS, st.floats(0.001, 100), st.floats(0, 1e6))
def test_the_next_moment_is_later_than_now(
    intervals: list[Interval], price: float, waited: float
) -> None:
    aim = Aim(intervals)
    moment = aim.after(waited, price)
    assert moment is None if waited >= aim.end else moment is not None and moment > waited


def test_one_duration_is_no_distribution() -> None:
    with pytest.raises(ValueError, match="two"):
        Aim([(1, 2)])


def test_a_constant_duration_is_narrowed_down() -> None:
    # Each poll was jittered otherwise, so the intervals differ; 30 lies in all of them.
    draw = random.Random(1)  # noqa: S311 - test data
    intervals = [(30 - draw.random() * 2, 30 + draw.random() * 2) for _ in range(15)]
    aim = Aim(intervals)
    assert aim.median == pytest.approx(30, abs=0.2)
    first = aim.after(0, price=0.3)
    assert first is not None
    assert 30 < first < 30.5


def test_little_is_asked_between_two_modes() -> None:
    fast = [(2 + 0.02 * k, 2.05 + 0.02 * k) for k in range(10)]
    slow = [(30 + 0.3 * k, 31 + 0.3 * k) for k in range(10)]
    planned = moments(Aim(fast + slow), price=0.1)
    assert sum(5 < moment < 28 for moment in planned) <= 5
    assert sum(moment <= 5 for moment in planned) >= 2
    assert sum(28 <= moment <= 35 for moment in planned) >= 4


def test_one_that_took_ten_times_as_long_does_not_spoil_the_aim() -> None:
    usual = [(28 + 0.2 * k, 29 + 0.2 * k) for k in range(15)]
    planned = moments(Aim([*usual, (300, 310)]), price=0.3)
    plain = moments(Aim(usual), price=0.3)
    for one in (planned, plain):
        assert sum(moment < 25 for moment in one) <= 1
        assert sum(27 <= moment <= 34 for moment in one) >= 3


def test_a_dear_poll_is_made_less_often() -> None:
    aim = Aim([(20 + k, 22 + k) for k in range(15)])
    counts = [len(moments(aim, price)) for price in (0.01, 0.1, 1, 10)]
    assert counts == sorted(counts, reverse=True)
    # Lateness grows with the square root of the price: ten times dearer, a third of the polls.
    assert counts[1] / counts[2] == pytest.approx(10**0.5, rel=0.4)


def test_shorter_durations_are_looked_for_when_nothing_says_that_there_are_none() -> None:
    # The tasks have become faster: each of them had finished by the first aimed poll.
    known = [(28 + 0.2 * k, 29 + 0.2 * k) for k in range(8)]
    assert moments(Aim(known), price=0.3)[0] > 20
    assert moments(Aim([*known, *[(0, 28.0)] * 12]), price=0.3)[0] < 20
