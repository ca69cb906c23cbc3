"""The model of a proxy: its known cases, and simulated crowds that know nothing of its formulas."""

from __future__ import annotations

import math

import pytest
from benchmarks.capacity import simulation
from benchmarks.capacity.figures import point_of, proxy_of
from benchmarks.capacity.model import (
    Client,
    Proxy,
    highest_rate,
    most,
    ours,
    predict,
    tail,
    upstream,
    wait_of,
    waiting,
)

PROXY = Proxy(0.012, 0.25)


def test_the_waiting_time_is_the_one_of_the_books() -> None:
    # M/D/1 at half load: half a service time; M/M/1: one.
    assert waiting(Proxy(0.01), 50) == pytest.approx(0.005)
    assert waiting(Proxy(0.01, 1.0), 50) == pytest.approx(0.01)
    assert waiting(Proxy(0.01), 100) == math.inf
    assert waiting(Proxy(0.01), 0) == 0


def test_the_tail_is_exact_for_exponential_service() -> None:
    # M/M/1: P(wait > x) = u exp(-x (1 - u) / s); the service itself is not in it.
    busy, service = 0.8, 0.01
    exact = service / (1 - busy) * math.log(busy / 0.05)
    assert tail(Proxy(service, 1.0), busy / service) == pytest.approx(service + exact)
    assert tail(Proxy(service), 0.01) == service
    assert tail(Proxy(service), 101) == math.inf


def test_the_rate_within_a_bound_is_where_the_tail_reaches_it() -> None:
    assert tail(PROXY, highest_rate(PROXY, 0.25)) == pytest.approx(0.25, rel=1e-3)


def test_a_wait_of_vantage6s_client_is_its_series() -> None:
    # At 0, 1, 2.5, 4.75, 8.125, 13.2, 20.8, 32.2 and 49.3 s, for tasks of about 30 s.
    # Of 0.25 to 0.75 s there is one poll too early, one in time, and one request for results.
    assert wait_of(upstream(), 0.5, 0.0).requests == 3
    one = wait_of(Client(lambda polls, *_: 1.5 ** (polls - 1), 0.0), 30, 0.0)
    assert 7 <= one.requests <= 9
    assert one.seconds == pytest.approx(30 + one.late)


@pytest.mark.parametrize("containers", [10, 50, 100, 200])
@pytest.mark.parametrize(
    ("client", "kind"),
    [
        (upstream(), simulation.UPSTREAM),
        (ours(shortest=0.012), simulation.ours()),
        (ours(shortest=0.012, growth=0.5), simulation.ours(growth=0.5)),
    ],
)
def test_it_predicts_what_a_simulated_crowd_meets(
    client: Client, kind: simulation.Kind, containers: int
) -> None:
    said = predict(PROXY, client, containers, 30)
    seen = simulation.simulated(PROXY, kind, containers, 30)
    assert said.rate == pytest.approx(seen.rate, rel=0.45)
    assert said.mean == pytest.approx(seen.mean, rel=0.4)
    assert said.p95 == pytest.approx(seen.p95, rel=0.7)
    assert said.late == pytest.approx(seen.late, rel=0.25, abs=2.2)


def test_no_crowd_asks_for_more_than_the_proxy_gives() -> None:
    for client in (upstream(), ours(shortest=0.012)):
        crowd = predict(PROXY, client, 5000, 30)
        assert crowd.utilisation <= 1
        assert crowd.mean > 1
        assert crowd.p95 <= 5000 * 0.012


def test_the_most_is_the_last_that_keeps_the_bound() -> None:
    client = upstream()
    count = most(PROXY, client, 30, 0.25)
    assert predict(PROXY, client, count, 30).p95 <= 0.25
    assert predict(PROXY, client, count + 1, 30).p95 > 0.25


def test_a_busy_proxy_is_spared_without_being_late_like_vantage6s_client() -> None:
    """The reason for the growth while it is busy."""
    crowd = 200
    before = simulation.simulated(PROXY, simulation.ours(busy_growth=0.1), crowd, 30)
    now = simulation.simulated(PROXY, simulation.ours(), crowd, 30)
    theirs = simulation.simulated(PROXY, simulation.UPSTREAM, crowd, 30)
    assert now.p95 < before.p95 / 2
    assert now.late < theirs.late


def test_a_proxy_is_told_from_what_one_and_many_measured() -> None:
    alone = {"samples": [[0.010 + 0.001 * (n % 3 - 1), "GET", True] for n in range(90)]}
    alone["samples"].append([1.0, "GET", True])
    full = {"samples": [[0.4, "GET", True]] * 1000, "seconds": 8.0}
    proxy = proxy_of(alone, full)
    assert proxy.service == pytest.approx(0.008)
    # The one that met something else counts for the mean alone.
    assert proxy.alone == pytest.approx(0.021, rel=0.05)
    assert proxy.variation < 0.1


def test_a_point_is_made_of_what_was_measured() -> None:
    samples = [[0.01, "GET", True]] * 95 + [[0.2, "GET", False]] * 5
    point = point_of("v6client", 7, {"samples": samples, "lates": [1.0, 3.0], "seconds": 10}, 0.01)
    assert point.failed == 5
    assert point.measured.rate == 10
    assert point.measured.utilisation == pytest.approx(0.1)
    assert point.measured.p95 == 0.2
    assert point.measured.late == 2
