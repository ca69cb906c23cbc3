"""The schedule's promises: how late a finished task is seen at most, and after how many polls."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from v6client.tasks.aim import MOMENTS, Aim
from v6client.tasks.polling import Schedule, most_polls

DURATIONS = st.floats(1e-4, 20_000)
ATTEMPTS = st.floats(1e-4, 5)
DRAWS = st.floats(0, 1, exclude_max=True)


@st.composite
def intervals(draw: st.DrawFn) -> tuple[float, float]:
    high = draw(st.floats(0, 20_000))
    return draw(st.floats(0, 1)) * high, high


AIMS = st.builds(Aim, st.lists(intervals(), min_size=2, max_size=50))


@dataclass(frozen=True)
class Seen:
    late: float
    polls: int
    gaps: list[float]
    """From a poll's end to the next one's start."""


def follow(
    schedule: Schedule, duration: float, attempt: float, patience: float = 1e9, since: float = 0.0
) -> Seen:
    """Wait, in simulated time, for a task of so many seconds; a poll reads at its end."""
    now = since
    gaps = [schedule.first_delay(now)]
    for polls in itertools.count(1):
        now += gaps[-1] + attempt
        schedule.polled(attempt)
        if now - schedule.created >= duration or now >= patience:
            return Seen(now - schedule.created - duration, polls, gaps)
        gaps.append(schedule.next_delay(now))
    raise AssertionError


def geometric_bound(schedule: Schedule, duration: float, attempt: float) -> float:
    grown = min(schedule.cap, schedule.growth * duration)
    return max(schedule.floor, grown, min(schedule.load * attempt, schedule.cap))


def schedules(aim: st.SearchStrategy[Aim | None]) -> st.SearchStrategy[Schedule]:
    def build(floor: float, growth: float, cap: float, seed: int, aim: Aim | None) -> Schedule:
        draw = random.Random(seed).random  # noqa: S311 - jitter
        return Schedule(1000.0, floor=floor, growth=growth, cap=cap, draw=draw, aim=aim)

    floor, growth, cap = st.floats(0.01, 1), st.floats(0.02, 1), st.floats(1, 300)
    return st.builds(build, floor, growth, cap, st.integers(0, 99), aim)


@given(schedules(st.none()), DURATIONS, ATTEMPTS)
def test_a_finished_task_is_seen_within_the_bound(
    schedule: Schedule, duration: float, attempt: float
) -> None:
    seen = follow(schedule, duration, attempt, since=1000)
    assert seen.late <= geometric_bound(schedule, duration, attempt) + attempt + 1e-6


@given(schedules(st.none()), DURATIONS, ATTEMPTS)
def test_the_polls_are_no_more_than_the_formula_says(
    schedule: Schedule, duration: float, attempt: float
) -> None:
    seen = follow(schedule, duration, attempt, since=1000)
    assert seen.polls <= most_polls(
        duration,
        floor=schedule.floor,
        growth=schedule.growth,
        cap=schedule.cap,
        load=schedule.load,
        attempt=attempt,
    )


@pytest.mark.parametrize(
    ("duration", "most"), [(0.05, 2), (1, 14), (30, 59), (600, 98), (86_400, 1886)]
)
def test_the_formula_is_no_looser_than_it_needs_to_be(duration: float, most: int) -> None:
    assert most_polls(duration) == most
    # The worst case is the jitter's, and a poll that takes no time.
    seen = follow(Schedule(0, draw=lambda: 1 - 1e-9), duration, 0)
    assert most - 4 <= seen.polls <= most


@pytest.mark.parametrize(("floor", "growth", "cap"), [(0, 0.1, 60), (0.1, 0, 60), (0.1, 0.1, 0)])
def test_without_a_least_distance_there_is_no_bound(
    floor: float, growth: float, cap: float
) -> None:
    with pytest.raises(ValueError, match="no bound"):
        most_polls(10, floor=floor, growth=growth, cap=cap)


@given(schedules(AIMS), DURATIONS, ATTEMPTS)
def test_an_aim_is_late_by_no_more_than_it_says(
    schedule: Schedule, duration: float, attempt: float
) -> None:
    assert schedule.aim is not None
    reach = schedule.aim.reach if duration < schedule.aim.end else 0
    seen = follow(schedule, duration, attempt, since=1000)
    bound = max(geometric_bound(schedule, duration, attempt), min(schedule.cap, reach))
    assert seen.late <= bound + attempt + 1e-6


@given(schedules(AIMS), DURATIONS, ATTEMPTS)
def test_an_aim_adds_no_more_polls_than_it_has_moments(
    schedule: Schedule, duration: float, attempt: float
) -> None:
    seen = follow(schedule, duration, attempt, since=1000)
    most = most_polls(
        duration,
        floor=schedule.floor,
        growth=schedule.growth,
        cap=schedule.cap,
        load=schedule.load,
        attempt=attempt,
    )
    assert seen.polls <= most + MOMENTS


@given(schedules(st.none() | AIMS), DURATIONS, ATTEMPTS, st.floats(0, 1000))
@example(Schedule(1000.0, draw=lambda: 0.0), 1e4, 0.01, 50.0)
def test_the_last_poll_is_at_the_deadline(
    schedule: Schedule, duration: float, attempt: float, patience: float
) -> None:
    schedule.deadline = 1000 + patience
    seen = follow(schedule, duration, attempt, patience=1000 + patience, since=1000)
    starts = list(itertools.accumulate(seen.gaps, lambda start, gap: start + attempt + gap))
    assert min(seen.gaps) >= 0
    assert starts[-1] <= patience + 1e-6
    if starts[-1] + attempt < duration:
        assert starts[-1] + attempt >= patience - 1e-6


@given(schedules(st.none() | AIMS), DURATIONS, ATTEMPTS)
def test_a_busy_proxy_is_spared_whatever_the_aim(
    schedule: Schedule, duration: float, attempt: float
) -> None:
    seen = follow(schedule, duration, attempt, since=1000)
    least = max(schedule.floor, min(20 * attempt, schedule.cap))
    shortest = least if schedule.aim else 0.8 * least
    assert all(gap >= 0.8 * shortest - 1e-9 for gap in seen.gaps[1:])


@given(st.floats(0, 1e6), st.floats(0, 10), st.floats(0, 100), DRAWS)
def test_the_schedule_is_the_formula(
    waited: float, floor: float, duration: float, draw: float
) -> None:
    schedule = Schedule(created=0, floor=floor, draw=lambda: draw)
    schedule.polled(duration)
    longest = max(min(60, max(floor, 0.1 * waited)), min(20 * duration, 60))
    assert schedule.next_delay(waited) == pytest.approx(longest * (1 - 0.2 * draw))


def constant(seconds: float) -> Aim:
    return Aim([(0.95 * seconds, seconds)] * 5)


@pytest.mark.parametrize("aim", [None, constant(0.05), constant(30)])
def test_the_first_poll_comes_at_once_unless_the_task_is_new(aim: Aim | None) -> None:
    assert Schedule(created=0, floor=0.1, aim=aim).first_delay(5) == 0
    assert Schedule(created=0, floor=0.1, aim=aim).first_delay(0.1) == 0
    assert Schedule(created=0, floor=0.1, deadline=0.05, aim=aim).first_delay(0) <= 0.05


def test_the_first_poll_of_a_new_task_is_at_the_floor_or_aimed() -> None:
    assert Schedule(created=5, floor=0.1).first_delay(5) == pytest.approx(0.1)
    assert Schedule(created=5, floor=0.1, aim=constant(0.05)).first_delay(5) == pytest.approx(0.1)
    assert 15 < Schedule(created=5, floor=0.1, aim=constant(30)).first_delay(5) <= 30


def test_what_is_aimed_has_no_jitter() -> None:
    draws: list[Callable[[], float]] = [lambda: 0.0, lambda: 0.99]
    assert len({Schedule(0, draw=draw, aim=constant(30)).next_delay(10) for draw in draws}) == 1


def test_who_outlived_its_kind_is_asked_geometrically() -> None:
    aim = constant(30)
    schedule = Schedule(created=0, aim=aim, draw=lambda: 0.0)
    assert schedule.next_delay(aim.end) == pytest.approx(0.1 * aim.end)
    assert schedule.next_delay(200) == pytest.approx(20)


def test_an_aim_can_be_set_while_waiting() -> None:
    schedule = Schedule(created=0, draw=lambda: 0.0)
    assert schedule.next_delay(10) == pytest.approx(1)
    schedule.aim = constant(30)
    assert 5 < schedule.next_delay(10) <= 20


def test_no_aim_goes_beyond_the_cap() -> None:
    schedule = Schedule(created=0, cap=60, aim=constant(600))
    assert schedule.next_delay(100) == 60
