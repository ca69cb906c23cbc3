"""Does a client ask less often while the proxy is busy, and only then?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v6client.tasks.pace import Pace
from v6client.tasks.polling import Schedule


def pace_of(*durations: float) -> Pace:
    pace = Pace()
    for one in durations:
        pace.note(one)
    return pace


def test_nothing_is_stretched_before_the_first_poll() -> None:
    assert Pace().stretch == 1


@given(st.lists(st.floats(0.01, 0.02), min_size=1))
def test_polls_that_scatter_up_to_twice_the_shortest_change_nothing(durations: list[float]) -> None:
    assert pace_of(*durations).stretch == 1


def test_a_busy_proxy_is_asked_less_often_by_the_square() -> None:
    # Forty times the shortest: half of that, squared, but for what is forgotten.
    busy = pace_of(0.01, *[0.4] * 30)
    assert 200 < busy.stretch < 400
    # One slow poll alone is a third of it.
    assert 1 < pace_of(0.01, 0.1).stretch < 4


def test_it_ends_when_the_proxy_is_at_rest_again() -> None:
    pace = pace_of(0.01, *[0.4] * 30)
    polls = 0
    while pace.stretch > 1:
        pace.note(0.01)
        polls += 1
    assert 1 < polls <= 12


def test_a_proxy_that_is_slower_for_good_is_taken_as_it_is() -> None:
    pace = pace_of(*[0.01] * 10, *[0.05] * 100)
    assert pace.stretch == 1


@pytest.mark.parametrize(("most", "wanted"), [(0.5, 50), (0.2, 20), (0.05, 10), (0.0, 10)])
def test_the_distance_grows_up_to_its_bound(most: float, wanted: float) -> None:
    schedule = Schedule(
        0, cap=60, busy_growth=most, pace=pace_of(0.001, *[0.1] * 9), draw=lambda: 0.0
    )
    schedule.polled(0.1)
    assert schedule.next_delay(100) == pytest.approx(wanted)


@given(st.floats(0, 1e4), st.lists(st.floats(1e-4, 5), max_size=20))
def test_it_never_asks_sooner_than_without(waited: float, durations: list[float]) -> None:
    delays = []
    for most in (0.5, 0.0):
        schedule = Schedule(0, busy_growth=most, draw=lambda: 0.0)
        for one in durations:
            schedule.polled(one)
        delays.append(schedule.next_delay(waited))
    assert delays[0] >= delays[1]
