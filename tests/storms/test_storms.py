"""The retry budget under an outage of 30 s: what it bounds, what it does not, and by how much.

Read ``storm.py`` for the model. The bound that the budget gives, with N = rate · duration the
normal number of requests of one container during an outage::

    attempts / arrivals  <=  1 + capacity / (cost · N)

since nothing is refunded while nothing succeeds. With the default numbers it is 1 + 20 / N: 1.13
at 5 requests a second for 30 s, and at most 1.2 where a container makes 100 requests or more
during the outage, which are 3.3 a second for 30 s. Below that the *ratio* is larger, because 20
retries of a client that makes few requests are many times its load; but they are never more than
20 a client. To hold 1.2 at lower rates, lower V6CLIENT_RETRY_BUDGET.

``pytest tests/storms -s`` prints what was measured.
"""

from __future__ import annotations

import math
import sys

import pytest

from tests.storms.storm import Failing, Load, Storm, simulate
from v6client.http.retry import Ending
from v6client.settings import Settings

UNBOUNDED = Settings(retry_budget=1_000_000)
BACK_WITHIN = 10.0
BIN = 2.0


def bound(storm: Storm) -> float:
    """Give the bound on attempts by arrivals during an outage in which nothing succeeds."""
    ours = storm.settings
    return 1 + ours.retry_budget / (ours.retry_cost * storm.rate * storm.duration)


def run(storm: Storm, seed: int) -> Load:
    """Simulate, and print a line of the table."""
    load = simulate(storm, seed)
    sys.stdout.write(
        f"\n{storm.failing.value:>9}, budget {storm.settings.retry_budget:>7}, "
        f"{storm.containers} x {storm.rate:g}/s, seed {seed}: "
        f"outage {load.ratio(storm.begin, storm.end):.2f}, "
        f"its first 5 s {load.ratio(storm.begin, storm.begin + 5):.2f}, "
        f"10 s after it {load.ratio(storm.end, storm.end + BACK_WITHIN):.2f}, "
        f"worst later {worst_later(storm, load):.2f}"
    )
    return load


def worst_later(storm: Storm, load: Load) -> float:
    """Give the worst two seconds from 10 s after the outage on."""
    return load.worst_ratio(storm.end + BACK_WITHIN, storm.end + storm.after, BIN)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_load_of_an_outage_stays_within_a_fifth(seed: int) -> None:
    storm = Storm()
    load = run(storm, seed)
    assert load.ratio(storm.begin, storm.end) <= 1.2
    assert worst_later(storm, load) <= 1.1
    # The price: requests whose error surfaces at once instead of being retried.
    assert load.endings[Ending.BUDGET] > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_without_the_budget_it_more_than_doubles(seed: int) -> None:
    storm = Storm(settings=UNBOUNDED)
    load = run(storm, seed)
    assert load.ratio(storm.begin, storm.end) > 2.0
    assert load.endings[Ending.BUDGET] == 0


@pytest.mark.parametrize(
    ("rate", "settings"),
    [
        (1.0, Settings()),
        (2.0, Settings()),
        (4.0, Settings()),
        (1.0, Settings(retry_budget=30)),
        (5.0, Settings(retry_budget=50, retry_cost=10)),
    ],
)
def test_the_bound_is_the_formula(rate: float, settings: Settings) -> None:
    storm = Storm(rate=rate, settings=settings)
    load = run(storm, seed=4)
    arrived = sum(storm.begin <= one < storm.end for one in load.arrivals)
    retries = storm.containers * (settings.retry_budget // settings.retry_cost)
    # Exactly so many, since each container asks often enough to use up its bucket; the handful
    # more or less are requests that were under way when the outage began or ended.
    assert load.ratio(storm.begin, storm.end) == pytest.approx(1 + retries / arrived, rel=0.005)
    # And with the arrivals that are expected, instead of those that a seed gave.
    expected = storm.containers * rate * storm.duration
    noise = 4 / math.sqrt(expected)
    assert load.ratio(storm.begin, storm.end) == pytest.approx(bound(storm), rel=noise)
    assert worst_later(storm, load) <= 1.1


def test_the_default_numbers_hold_a_fifth_from_100_requests_in_an_outage() -> None:
    assert bound(Storm(rate=100 / 30)) == pytest.approx(1.2)
    assert bound(Storm(rate=1.0)) > 1.2 > bound(Storm(rate=1.0, settings=Settings(retry_budget=25)))


def test_a_proxy_that_hangs_gets_no_more_than_the_arrivals() -> None:
    """A retry comes only after the read timeout, when the outage of 30 s is long over.

    Then all requests of the outage time out at the rate at which they arrived, while others
    succeed and refund. With r retries for each request, of which each success gives back
    refund / cost: r <= capacity / (cost · N) + (1 + r) · refund / cost.
    """
    storm = Storm(failing=Failing.HANGING, after=70.0)
    ours = storm.settings
    load = run(storm, seed=5)
    assert load.ratio(storm.begin, storm.end) == pytest.approx(1.0)
    refund = ours.retry_refund / ours.retry_cost
    retries = (bound(storm) - 1 + refund) / (1 - refund)
    late = storm.begin + ours.read_timeout
    assert load.ratio(late, late + storm.duration) <= 1.02 * (1 + retries)


def test_a_proxy_that_refuses_gets_each_request_once_later() -> None:
    """What never reached the proxy is free of the budget: backoff alone bounds it.

    During the outage that is, in the mean, one attempt, one for each doubling of the backoff, and
    then one each cap / 2 seconds; none of them reaches the proxy. After it every request comes
    once: the load is late, not multiplied, and it has come within the backoff's cap.
    """
    storm = Storm(failing=Failing.REFUSING)
    ours = storm.settings
    load = run(storm, seed=6)
    doublings = math.ceil(math.log2(ours.backoff_cap / ours.backoff_base))
    most = 1 + doublings + 2 * storm.duration / ours.backoff_cap
    assert load.ratio(storm.begin, storm.end) <= most
    assert not [one for one in load.reached if storm.begin <= one < storm.end]
    assert len(load.reached) == len(load.arrivals)
    assert worst_later(storm, load) <= 1.1
    assert load.endings == {Ending.SETTLED: len(load.arrivals)}
