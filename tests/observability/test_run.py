"""The whole stack for real: telemetry of the sandbox's containers, to Prometheus and Jaeger.

Healthy work comes first; its figures must be exact, and no alert may fire. Then come the troubles.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.observability import jobs
from tests.observability.payloads import cumulative
from tests.observability.processes import eventually
from tests.observability.stack import Stack, stack, stop_collector
from v6client.sandbox import Sandbox
from v6client.sandbox.faults import Faults
from v6client.telemetry.propagation import job_trace_id

ATTEMPTS = "http_client_request_duration_seconds_count"
WINDOW = "30m"


@dataclass
class Healthy:
    """What the containers of healthy work say that they did."""

    requests: int
    retries: int
    polls: int
    subtasks: int
    runs: Counter[int]
    at_once: int
    trace_id: str
    demo_runs: int
    lost: list[dict[str, Any]]


@dataclass
class Observed:
    """The stack, and what was run while it looked on."""

    stack: Stack
    healthy: Healthy
    alerts_of_health: list[tuple[dict[str, str], float]]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """Run healthy work."""
    folder = tmp_path_factory.mktemp("observability")
    with stack(folder) as this:
        with jobs.hospitals(folder / "hospitals", this.collector.endpoint) as sandbox:
            demo = jobs.run_demo(sandbox)
            busy = jobs.run_containers(sandbox)
            healthy = said(sandbox, demo, busy)
        eventually(lambda: this.number(f"sum({ATTEMPTS})"), lambda now: now >= healthy.requests)
        # Until each rule has been looked at with all of it.
        time.sleep(5)
        alerts = this.query(f"count_over_time(ALERTS[{WINDOW}])")
        yield Observed(this, healthy, alerts)


def said(sandbox: Sandbox, demo: dict[str, Any], busy: list[dict[str, Any]]) -> Healthy:
    researcher = sandbox.researcher
    runs = jobs.all_runs(sandbox)
    tasks = researcher.tasks()
    children = [one for one in tasks if one["parent"]]
    of_children = [run for one in children for run in researcher.runs(one["id"])]
    ids = {one["id"] for one in busy}
    return Healthy(
        requests=jobs.counted(runs, "requests"),
        retries=jobs.counted(runs, "retries"),
        polls=jobs.counted(runs, "polls"),
        subtasks=len(children),
        runs=Counter(run["organization"]["id"] for run in of_children),
        at_once=jobs.most_at_once([run for run in runs if run["task"]["id"] in ids]),
        trace_id=f"{trace_of(researcher.task(demo['id'])):032x}",
        demo_runs=len(of_children) + 1,
        lost=[e for run in runs for e in jobs.events_of(run) if e["event"].startswith("telemetry")],
    )


def trace_of(task: dict[str, Any]) -> int:
    return job_trace_id(
        task["job_id"], task["collaboration"]["id"], task["created_at"], task["image"]
    )


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
QUEUE_SECONDS = 35.0


@pytest.fixture(scope="module")
def fired(observed: Observed) -> set[tuple[str, str]]:
    """Bring all troubles about; give the alerts that were fired until then."""
    this = observed.stack
    endpoint = this.collector.endpoint
    plain = jobs.variables(endpoint)
    # The node's variables win: a proxy where nobody listens.
    lonely = {**plain, "PORT": "1", "V6CLIENT_FIRST_CONTACT_BUDGET": "10"}
    quick = {
        **plain,
        "V6CLIENT_BACKOFF_BASE": "0.01",
        "V6CLIENT_BACKOFF_CAP": "0.05",
        "V6CLIENT_RETRY_BUDGET": "100000",
    }
    faults = Faults(0.4, seed=3, server_share=0.4)
    seen: set[tuple[str, str]] = set()

    def look() -> set[tuple[str, str]]:
        seen.update(this.firing())
        return seen

    def wait_for(*names: str) -> None:
        eventually(look, lambda now: set(names) <= {name for name, _ in now}, seconds=150)

    with (
        Sandbox(5, algorithm_env=[plain] * 4 + [lonely], python_path=[jobs.ALGORITHMS]) as troubled,
        Sandbox(1, algorithm_env=quick, faults=faults, python_path=[jobs.ALGORITHMS]) as faulty,
    ):

        def give(sandbox: Sandbox, organization: int, method: str, *args: object) -> int:
            task = sandbox.researcher.create_task(
                jobs.IMAGE, method, list(args), organizations=[organization]
            )
            return int(task["id"])

        troubled.stop_node(4)
        waits = give(troubled, 1, "rounds", "nothing", [4], 3)
        begun = time.monotonic()
        for _ in range(2):
            give(troubled, 5, "lonely")
        give(troubled, 3, "insistent", 999_999, 6)
        give(troubled, 1, "rounds", "crash", [2], 4)
        for _ in range(4):
            give(faulty, 1, "insistent", 1, 60)
        wait_for(
            *("V6clientProxyUnreachable", "V6clientMaskedErrors", "V6clientRetryStorm"),
            "V6clientOrganizationKeepsFailing",
        )
        # Which requests meet a fault depends on their order, so whether there is a twin does, too.
        for _ in range(12):
            created = give(faulty, 1, "rounds", "nothing", [1], 4)
            faulty.researcher.wait(created, timeout=120)
            if this.query("v6client_task_twins_total > 0"):
                break
        wait_for("V6clientTwinsCreated")
        time.sleep(max(0.0, begun + QUEUE_SECONDS - time.monotonic()))
        troubled.start_node(4)
        troubled.researcher.wait(waits)
        wait_for("V6clientQueueTimeAboveNormal")
    this.collector.send("metrics", cumulative())
    wait_for("V6clientTelemetryLost")
    stop_collector(this)
    wait_for("V6clientCollectorDown")
    return seen


@pytest.mark.parametrize("trouble", sorted(TROUBLES), ids=lambda one: "-".join(one).strip("-"))
def test_a_trouble_fires_its_alert(fired: set[tuple[str, str]], trouble: tuple[str, str]) -> None:
    assert trouble in fired


def test_no_trouble_fires_an_alert_of_another(fired: set[tuple[str, str]]) -> None:
    # The faulty network's organization has masked errors, too: the proxy makes them of its faults.
    assert fired - TROUBLES <= {("V6clientMaskedErrors", "1")}
