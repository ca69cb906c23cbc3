"""Metrics: each recording function, and what it records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData

from tests.conftest import ClientOf
from tests.peer import answer, peer
from v6client.http.budget import RetryBudget
from v6client.telemetry import barrier, metrics, schema

Measured = Callable[[], dict[str, list[Any]]]


@pytest.fixture
def measured() -> Iterator[Measured]:
    """Give the data points of each metric that a test records."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    instruments = metrics.Instruments(provider.get_meter("v6client"))

    def points() -> dict[str, list[Any]]:
        data = reader.get_metrics_data()
        checked = barrier.checked_metrics(data) if data else MetricsData([])
        return {
            metric.name: list(metric.data.data_points)
            for of_resource in checked.resource_metrics
            for scope in of_resource.scope_metrics
            for metric in scope.metrics
        }

    with mock.patch.object(metrics.place, "api", instruments):
        yield points


def plain(points: list[Any]) -> list[tuple[dict[str, object], float]]:
    return [(dict(one.attributes), one.sum if hasattr(one, "sum") else one.value) for one in points]


def test_a_retry_is_counted_by_its_reason(client_of: ClientOf, measured: Measured) -> None:
    with peer(answer({"msg": "busy"}, 503), answer({"id": 2, "name": "a"})) as server:
        client_of(server).organization.get(2)
    assert plain(measured()["v6client.request.retries"]) == [
        (
            {
                "http.request.method": "GET",
                "url.template": "/organization/{id}",
                "v6client.retry.reason": "overloaded",
            },
            1,
        )
    ]


def test_the_retry_budget_is_that_of_the_client_with_the_fewest(measured: Measured) -> None:
    with mock.patch.object(metrics, "_buckets", []):
        assert "v6client.retry_budget" not in measured()
        full, used = (RetryBudget(10, cost=4, refund=1) for _ in range(2))
        metrics.watch_budget(full)
        metrics.watch_budget(used)
        used.withdraw()
        assert plain(measured()["v6client.retry_budget"]) == [({}, 6)]
        del used
        assert plain(measured()["v6client.retry_budget"]) == [({}, 10)]


def test_a_client_shows_its_budget(client_of: ClientOf, measured: Measured) -> None:
    with mock.patch.object(metrics, "_buckets", []), peer() as server:
        client = client_of(server)
        assert plain(measured()["v6client.retry_budget"]) == [({}, client.settings.retry_budget)]


def test_a_creation(measured: Measured) -> None:
    metrics.record_creation("created", 0)
    metrics.record_creation("found", 2)
    metrics.record_twins(1)
    found = measured()
    assert plain(found["v6client.task.created"]) == [
        ({"v6client.task.creation": "created"}, 1),
        ({"v6client.task.creation": "found"}, 1),
    ]
    assert plain(found["v6client.task.twins"]) == [({}, 3)]


def test_a_wait(measured: Measured) -> None:
    metrics.record_wait(12.5, 7, 0.4, "completed")
    metrics.record_wait(3.0, 2, None, "timeout")
    metrics.record_wait(1.0, 1, -0.1, "completed")
    found = measured()
    completed = {"v6client.wait.outcome": "completed"}
    timeout = {"v6client.wait.outcome": "timeout"}
    assert plain(found["v6client.wait.duration"]) == [(completed, 13.5), (timeout, 3.0)]
    assert plain(found["v6client.wait.polls"]) == [(completed, 8), (timeout, 2)]
    assert plain(found["v6client.wait.overshoot"]) == [(completed, 0.4)]


def test_a_run(measured: Measured) -> None:
    metrics.record_run("completed", 3, 1.5, 20.0)
    metrics.record_run("canary", 4, 2.0, None)
    metrics.record_run("failed", 4, None, None)
    found = measured()
    third, fourth = {"v6client.organization.id": 3}, {"v6client.organization.id": 4}
    assert plain(found["v6client.run.outcomes"]) == [
        ({**third, "v6client.run.status": "completed"}, 1),
        ({**fourth, "v6client.run.status": "other"}, 1),
        ({**fourth, "v6client.run.status": "failed"}, 1),
    ]
    assert plain(found["v6client.run.queue"]) == [(third, 1.5), (fourth, 2.0)]
    assert plain(found["v6client.run.compute"]) == [(third, 20.0)]


def test_payloads(measured: Measured) -> None:
    metrics.record_payload("sent", 1000)
    metrics.record_payload("received", 3)
    assert plain(measured()["v6client.payload.size"]) == [
        ({"v6client.payload.direction": "sent"}, 1000),
        ({"v6client.payload.direction": "received"}, 3),
    ]


def test_an_instrument_is_as_the_schema_says(measured: Measured) -> None:
    metrics.record_run("completed", 3, 1.5, 20.0)
    [point] = measured()["v6client.run.compute"]
    assert tuple(point.explicit_bounds) == schema.RUN_COMPUTES.buckets


def test_an_attribute_that_the_schema_does_not_name_is_refused(measured: Measured) -> None:
    with pytest.raises(ValueError, match=r"v6client\.task\.twins has no such attribute"):
        metrics.place.of_api().record(schema.TASKS_TWINS, 1, {schema.TASK_ID: 5})
    assert "v6client.task.twins" not in measured()
