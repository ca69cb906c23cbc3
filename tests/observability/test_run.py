"""The whole stack for real: telemetry of the sandbox's containers, to Prometheus and Jaeger.

Healthy work comes first; its figures must be exact, and no alert may fire. Then come the troubles.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.observability import jobs
from tests.observability.observed import ATTEMPTS, WINDOW, Fired, Observed
from tests.observability.processes import eventually


def test_containers_overlapped_and_exported_several_times(observed: Observed) -> None:
    assert observed.healthy.at_once >= 8
    accepted = observed.stack.collector.own()[
        'otelcol_receiver_accepted_metric_points{receiver="otlp",transport="http"}'
    ]
    assert accepted > 3 * jobs.CONTAINERS
    assert observed.healthy.lost == []


@pytest.mark.parametrize(
    ("series", "said"),
    [
        (ATTEMPTS, "requests"),
        ("v6client_task_created_total", "subtasks"),
        ("v6client_wait_polls_sum", "polls"),
        ("v6client_run_outcomes_total", "runs"),
        ("v6client_run_compute_seconds_count", "runs"),
    ],
)
def test_totals_are_what_the_containers_counted(observed: Observed, series: str, said: str) -> None:
    counted = getattr(observed.healthy, said)
    expected = counted.total() if isinstance(counted, Counter) else counted
    assert expected > 0
    assert observed.stack.number(f"sum({series} @ end())") == expected
    # And so what a dashboard shows: nothing is missed where a series begins. As of a scrape: later,
    # increase() extrapolates by the part of a scrape that has passed since: 2 % of a minute.
    at = observed.stack.number(f"max(timestamp({series}))")
    found = observed.stack.number(f"sum(increase({series}[{WINDOW}]))", time=f"{at:.3f}")
    assert found == pytest.approx(expected, rel=0.01)


def test_a_run_is_counted_at_the_organization_that_it_ran_at(observed: Observed) -> None:
    found = observed.stack.query("sum by (v6client_organization_id) (v6client_run_outcomes_total)")
    assert {
        int(labels["v6client_organization_id"]): value for labels, value in found
    } == observed.healthy.runs


def test_a_series_says_where_it_is_from(observed: Observed) -> None:
    found = observed.stack.query(f"group without (instance, server_port) ({ATTEMPTS})")
    assert found
    for labels, _ in found:
        assert labels["job"] == "v6client"
        assert labels["v6client_collaboration_id"] == "1"
        assert labels["deployment_environment_name"] == "test"
        # What would make each container, node or version a series of its own.
        assert not {"service_instance_id", "v6client_task_id", "v6client_node_id"} & labels.keys()
        assert not [name for name in labels if name.startswith(("otel_scope", "telemetry_sdk"))]


def test_the_collector_dropped_nothing(observed: Observed) -> None:
    own = observed.stack.collector.own()
    dropped = {
        name: value
        for name, value in own.items()
        if value and any(word in name for word in ("refused", "failed", "error="))
    }
    assert dropped == {}
    for name in ("filter/schema", "filter/deltas"):
        one = f'otelcol_processor_filter_datapoints_filtered{{filter="{name}"}}'
        assert own.get(one, 0) == 0
    # As many as came were added up, besides those of the one gauge.
    added = own["otelcol_deltatocumulative_datapoints"]
    gauges = own['otelcol_processor_filter_datapoints_filtered{filter="filter/no-gauges"}']
    came = own['otelcol_receiver_accepted_metric_points{receiver="otlp",transport="http"}']
    assert added + gauges == came


def test_each_series_was_seen_at_zero_first(observed: Observed) -> None:
    series = observed.stack.query('group by (__name__) ({job="v6client"})')
    names = {labels["__name__"] for labels, _ in series} - {"v6client_retry_budget"}
    assert len(names) > 20
    late = {name: observed.stack.query(f"min_over_time({name}[{WINDOW}]) > 0") for name in names}
    assert {name: found for name, found in late.items() if found} == {}


def test_healthy_work_fires_nothing(observed: Observed) -> None:
    assert observed.alerts_of_health == []


def test_the_trace_store_gives_the_tree_of_the_job(observed: Observed) -> None:
    def spans() -> list[dict[str, Any]]:
        return observed.stack.trace(observed.healthy.trace_id)

    found = eventually(spans, bool, seconds=20)
    by_id = {one["spanId"]: one for one in found}
    names = Counter(one["name"] for one in found)
    assert names["algorithm"] == observed.healthy.demo_runs
    assert names["run"] == observed.healthy.demo_runs - 1
    # One root, and everything else hangs below it: run below task.create, algorithm below run.
    roots = [one for one in found if one.get("parentSpanId", "") not in by_id]
    assert [one["name"] for one in roots] == ["algorithm"]
    for one in found:
        parent = by_id.get(one.get("parentSpanId", ""))
        if one["name"] == "run":
            assert parent is not None
            assert parent["name"] == "task.create"
        if one["name"] == "algorithm" and one not in roots:
            assert parent is not None
            assert parent["name"] == "run"


# ------------------------------------------------------------------------------------- troubles

TROUBLES = {
    ("V6clientProxyUnreachable", "5"),
    ("V6clientMaskedErrors", "3"),
    ("V6clientOrganizationKeepsFailing", "2"),
    ("V6clientQueueTimeAboveNormal", "4"),
    ("V6clientRetryStorm", "1"),
    ("V6clientTwinsCreated", "1"),
    ("V6clientTelemetryLost", ""),
    ("V6clientCollectorDown", ""),
}


@pytest.mark.parametrize("trouble", sorted(TROUBLES), ids=lambda one: "-".join(one).strip("-"))
def test_a_trouble_fires_its_alert(fired: Fired, trouble: tuple[str, str]) -> None:
    assert trouble in fired.alerts


def test_no_trouble_fires_an_alert_of_another(fired: Fired) -> None:
    # The faulty network's organization has masked errors, too: the proxy makes them of its faults.
    # So has the study's that fails, from just before.
    others = {("V6clientMaskedErrors", "1"), ("V6clientMaskedErrors", str(jobs.FAILING))}
    assert fired.alerts - TROUBLES <= others
