"""Points of many containers add up at the gateway, in whatever order they come."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.observability.payloads import SECOND, metrics
from tests.observability.processes import eventually
from tests.observability.stack import Collector, collector

WRITERS = 12
EXPORTS = 40
ADDED = "otelcol_deltatocumulative_datapoints"

# The gateway without one of its parts: the list of processors, as it would be then.
_REST = "[memory_limiter, filter/schema, transform/schema, filter/deltas, {}]"
WITHOUT_STAMPS = _REST.format(
    "batch/one-after-another, transform/one-resource, delta_to_cumulative"
)


def counters(this: Collector) -> dict[str, float]:
    """Give the counters that a scrape sees, by name and organization."""
    url = f"http://127.0.0.1:{this.ports['metrics']}/metrics"
    response = requests.get(url, timeout=30)
    response.raise_for_status()
    lines = [line for line in response.text.splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def write(this: Collector, seed: int = 1) -> Counter[int]:
    """Send from many containers at once; give the sums, by organization.

    Their clocks differ by a minute, their intervals overlap, and they are of two versions.
    """
    sums: Counter[int] = Counter()

    def container(number: int) -> Counter[int]:
        chance = random.Random(seed * 1000 + number)  # noqa: S311 - nothing to guess
        skew = chance.randint(-60, 60) * SECOND
        mine: Counter[int] = Counter()
        for _ in range(EXPORTS):
            value = chance.randint(1, 9)
            organization = chance.randint(1, 3)
            request = metrics(
                value=value,
                organization=organization,
                version=f"0.{number % 2}",
                end=time.time_ns() + skew,
            )
            this.send("metrics", request.SerializeToString())
            mine[organization] += value
        return mine

    with ThreadPoolExecutor(WRITERS) as pool:
        for mine in pool.map(container, range(WRITERS)):
            sums.update(mine)
    return sums


def by_organization(found: dict[str, float]) -> dict[int, float]:
    return {
        int(name.partition('v6client_organization_id="')[2][0]): value
        for name, value in found.items()
        if name.startswith("v6client_task_twins_total")
    }


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Collector]:
    with collector(
        tmp_path, "gateway.yaml", V6CLIENT_BURST_INTERVAL="700ms", V6CLIENT_BURST_WAIT="510ms"
    ) as this:
        yield this


@pytest.mark.parametrize("seed", [1, 2])
def test_no_point_is_lost_whatever_the_clocks_say(gateway: Collector, seed: int) -> None:
    sums = write(gateway, seed)

    def seen() -> dict[int, float]:
        return by_organization(counters(gateway))

    assert eventually(seen, lambda now: now == sums, seconds=20) == sums
    own = gateway.own()
    assert own[ADDED] == WRITERS * EXPORTS
    assert not [name for name in own if "error=" in name]


def test_a_counter_is_zero_before_it_is_anything_else(gateway: Collector) -> None:
    seen: list[float] = []

    def look() -> bool:
        seen.extend(by_organization(counters(gateway)).values())
        return seen[-1:] == [5.0]

    gateway.send("metrics", metrics(value=5).SerializeToString())
    assert eventually(look, seconds=20)
    assert seen[0] == 0.0
    assert set(seen) == {0.0, 5.0}


def test_without_new_stamps_points_of_overlapping_containers_are_lost(tmp_path: Path) -> None:
    # Why transform/add-up is there: what the plain processor does with the same points.
    overlay = tmp_path / "plain.yaml"
    overlay.write_text(f"service: {{pipelines: {{metrics: {{processors: {WITHOUT_STAMPS}}}}}}}\n")
    with collector(tmp_path, "gateway.yaml", str(overlay)) as this:
        write(this)
        time.sleep(1)
        own = this.own()
    lost = sum(value for name, value in own.items() if name.startswith(ADDED) and "error=" in name)
    assert lost > WRITERS * EXPORTS / 10
