"""The collector's privacy barrier: as the schema says, and what is planted is dropped for real."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.observability import barrier, payloads
from tests.observability.processes import eventually
from tests.observability.stack import collector


def test_the_barrier_is_written_from_the_schema() -> None:
    assert barrier.FILE.read_text("utf-8") == barrier.text(), (
        "write it anew: python -m tests.observability.barrier"
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Send what is planted to a node's collector; give what it wrote, by signal."""
    folder = tmp_path_factory.mktemp("barrier")
    with collector(folder, "node-file.yaml") as this:
        this.send("traces", payloads.planted_traces())
        this.send("metrics", payloads.planted_metrics())
        this.send("logs", payloads.planted_logs())
        files = {signal: folder / f"{signal}.jsonl" for signal in ("traces", "metrics", "logs")}
        eventually(lambda: all(path.exists() and path.stat().st_size for path in files.values()))
    return {signal: path.read_text() for signal, path in files.items()}


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_no_canary_leaves(kept: dict[str, str], signal: str) -> None:
    assert payloads.CANARY not in kept[signal]
    assert "canary" not in kept[signal]
    assert "planted" not in kept[signal]


def attributes_of(thing: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in thing.get("attributes", [])}


def test_what_the_schema_names_of_a_span_stays(kept: dict[str, str]) -> None:
    [of_resource] = json.loads(kept["traces"])["resourceSpans"]
    assert attributes_of(of_resource["resource"]) == {"v6client.organization.id": "2"}
    [of_scope] = of_resource["scopeSpans"]
    spans = {one["name"]: one for one in of_scope["spans"]}
    assert spans.keys() == {"task.wait", "run"}
    wait = spans["task.wait"]
    assert attributes_of(wait) == {
        "v6client.task.id": "7",
        "v6client.wait.outcome": "completed",
    }
    assert wait["status"] == {"code": 2}
    [event] = wait["events"]
    assert event["name"] == "run.ended"
    assert attributes_of(event) == {"v6client.run.status": "failed"}
    # A span without events is looked at, too.
    assert attributes_of(spans["run"]) == {}


def test_what_the_schema_names_of_a_point_stays(kept: dict[str, str]) -> None:
    found = {
        metric["name"]: metric
        for of_resource in json.loads(kept["metrics"])["resourceMetrics"]
        for of_scope in of_resource["scopeMetrics"]
        for metric in of_scope["metrics"]
    }
    assert found.keys() == {"v6client.task.twins", "v6client.request.retries"}
    twins = found["v6client.task.twins"]
    assert (twins["description"], twins["unit"]) == (
        "Twins that were found at the server.",
        "{task}",
    )
    for metric in found.values():
        [point] = metric["sum"]["dataPoints"]
        assert attributes_of(point) == {}


def test_what_the_schema_names_of_a_log_record_stays(kept: dict[str, str]) -> None:
    [of_resource] = json.loads(kept["logs"])["resourceLogs"]
    [of_scope] = of_resource["scopeLogs"]
    records = {one["body"]["stringValue"]: one for one in of_scope["logRecords"]}
    assert records.keys() == {"task.partial_results", "run.failed"}
    assert attributes_of(records["task.partial_results"]) == {"task_id": "7"}
    assert attributes_of(records["run.failed"]) == {"error_type": "ValueError", "task_id": "7"}
    assert records["run.failed"]["severityText"] == "ERROR"
