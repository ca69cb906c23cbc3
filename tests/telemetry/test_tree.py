"""The tree of a job in its traces: real containers on the sandbox, and what each exported."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from v6client.sandbox import Sandbox
from v6client.server_time import seconds_of
from v6client.tasks.carrier import carried
from v6client.telemetry.propagation import job_trace_id
from v6client.telemetry.run_spans import run_span_id

ALGORITHMS = Path(__file__).parent / "algorithms"
IMAGE = "tree_algorithm"


@dataclass(frozen=True)
class Span:
    """What a test looks at."""

    id: str
    trace: str
    parent: str
    name: str
    kind: int
    start: int
    end: int
    attributes: Mapping[str, Any]
    is_error: bool

    @property
    def organization(self) -> int:
        return int(self.attributes["v6client.organization.id"])

    @property
    def task(self) -> int:
        return int(self.attributes["v6client.task.id"])


def value_of(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    return int(content) if kind == "intValue" else content


def spans_in(folder: Path) -> list[Span]:
    """Read the trace files of all containers."""
    lines = [line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]
    return [
        Span(
            span["spanId"],
            span["traceId"],
            span.get("parentSpanId", ""),
            span["name"],
            span["kind"],
            int(span["startTimeUnixNano"]),
            int(span["endTimeUnixNano"]),
            {one["key"]: value_of(one["value"]) for one in span.get("attributes", [])},
            span.get("status", {}).get("code") == 2,
        )
        for line in lines
        for resource in json.loads(line).get("resourceSpans", [])
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


@dataclass
class Job:
    """A job that has run, and the spans of it."""

    sandbox: Sandbox
    root: int
    spans: list[Span]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def parent_of(self, span: Span) -> Span:
        [parent] = [one for one in self.spans if one.id == span.parent]
        return parent

    @property
    def orphans(self) -> list[Span]:
        ids = {span.id for span in self.spans}
        return [span for span in self.spans if span.parent not in ids]

    def key_of(self, task_id: int) -> str:
        found = carried(self.sandbox.researcher.task(task_id)["description"])
        assert found is not None
        return found.key


@contextmanager
def job(
    folder: Path, method: str, *args: object, exporting: tuple[int, ...] = (1, 2, 3)
) -> Iterator[Job]:
    """Run a job at the first of three organizations; some nodes' containers export."""
    folder.mkdir(exist_ok=True)
    wanted = {"V6CLIENT_TRACE_FILE": str(folder), "OWN_SPANS": str(folder / "own.txt")}
    environments = [wanted if number in exporting else {} for number in (1, 2, 3)]
    with Sandbox(3, algorithm_env=environments, python_path=[ALGORITHMS]) as sandbox:
        researcher = sandbox.researcher
        task = researcher.create_task(IMAGE, method, list(args), organizations=[1])
        for one in researcher.tasks(job_id=task["job_id"]):
            researcher.wait(one["id"])
        for one in researcher.tasks(job_id=task["job_id"]):
            researcher.wait(one["id"])
        yield Job(sandbox, task["id"], spans_in(folder))


def test_three_levels_in_parallel_are_one_tree(tmp_path: Path) -> None:
    with job(tmp_path / "spans", "tree", [2, 3], 2) as this:
        assert len({span.trace for span in this.spans}) == 1
        # One root: the algorithm of the job's first task. Everything else has its parent here.
        [root] = this.orphans
        assert (root.name, root.parent, root.organization) == ("algorithm", "", 1)
        assert Counter(span.name for span in this.spans if "/" not in span.name)["run"] == 4 + 16
        for algorithm in this.named("algorithm"):
            if algorithm is root:
                continue
            run = this.parent_of(algorithm)
            assert (run.name, run.kind) == ("run", 5)  # CONSUMER
            assert (run.organization, run.task) == (algorithm.organization, algorithm.task)
            created = this.parent_of(run)
            assert (created.name, created.kind) == ("task.create", 4)  # PRODUCER
            assert created.task == run.task
            above = this.parent_of(created)
            assert above.name == "algorithm"
            # The parent's part of the tree is the task that the server has as this one's parent.
            assert this.sandbox.researcher.task(run.task)["parent"]["id"] == above.task
        for wait in this.named("task.wait"):
            assert this.parent_of(wait).name == "algorithm"
            assert wait.attributes["v6client.wait.outcome"] == "completed"
        # Polls are counted, and no spans.
        assert not [span for span in this.spans if span.name == "GET /task/{id}/status"]


def test_the_times_of_a_run_are_those_of_the_server(tmp_path: Path) -> None:
    with job(tmp_path / "spans", "tree", [2, 3], 1) as this:
        rows = {
            (row["id"], row["organization"]["id"]): row
            for task in this.sandbox.researcher.tasks()
            for row in this.sandbox.researcher.runs(task["id"])
        }
        for run in this.named("run"):
            row = rows[int(run.attributes["v6client.run.id"]), run.organization]
            began, ended = seconds_of(row["started_at"]), seconds_of(row["finished_at"])
            assert began is not None
            assert ended is not None
            assert run.attributes["v6client.run.compute"] == pytest.approx(ended - began, abs=1e-3)
            assert run.end / 1e9 == pytest.approx(ended, abs=1e-3)
            assert run.attributes["v6client.run.status"] == "completed"
            assert run.attributes["v6client.run.clock_skew"] is False
            assert not run.is_error


def test_children_that_export_nothing_have_their_runs_all_the_same(tmp_path: Path) -> None:
    with job(tmp_path / "spans", "tree", [2, 3], 1, exporting=(1,)) as this:
        assert len(this.named("algorithm")) == 1
        runs = this.named("run")
        assert sorted((run.organization) for run in runs) == [2, 2, 3, 3]
        for run in runs:
            expected = run_span_id(this.key_of(run.task), run.task, run.organization)
            assert run.id == f"{expected:016x}"
        assert len(this.orphans) == 1


def test_children_that_alone_export_are_in_one_trace(tmp_path: Path) -> None:
    with job(tmp_path / "spans", "tree", [2, 3], 2, exporting=(2, 3)) as this:
        task = this.sandbox.researcher.task(this.root)
        expected = job_trace_id(
            task["job_id"], task["collaboration"]["id"], task["created_at"], task["image"]
        )
        assert {span.trace for span in this.spans} == {f"{expected:032x}"}
        # The spans that the root would have made are missing, and those alone.
        for orphan in this.orphans:
            assert orphan.name == "algorithm"
            run = run_span_id(this.key_of(orphan.task), orphan.task, orphan.organization)
            assert orphan.parent == f"{run:016x}"
        assert len(this.orphans) == 4
        assert len(this.named("algorithm")) == 4 + 16


@pytest.mark.parametrize(("method", "runs"), [("waits_twice", 2), ("never_waits", 0)])
def test_a_run_has_one_span_however_often_it_is_waited_for(
    tmp_path: Path, method: str, runs: int
) -> None:
    with job(tmp_path / "spans", method, [2, 3]) as this:
        assert len(this.named("run")) == runs
        assert len(this.named("algorithm")) == 3
        assert len({span.trace for span in this.spans}) == 1


def test_children_of_a_parent_that_dies_are_in_its_trace(tmp_path: Path) -> None:
    with job(tmp_path / "spans", "dies", [2, 3]) as this:
        [trace] = {span.trace for span in this.spans}
        assert {span.name for span in this.orphans} == {"algorithm"}
        assert sorted(span.organization for span in this.orphans) == [2, 3]
        task = this.sandbox.researcher.task(this.root)
        expected = job_trace_id(
            task["job_id"], task["collaboration"]["id"], task["created_at"], task["image"]
        )
        assert trace == f"{expected:032x}"


def test_a_crash_is_an_error_of_its_run(tmp_path: Path) -> None:
    with job(tmp_path / "spans", "sees_a_crash", [2]) as this:
        [run] = this.named("run")
        assert run.is_error
        assert run.attributes["v6client.run.status"] == "crashed"
        [wait] = this.named("task.wait")
        assert wait.attributes["v6client.wait.outcome"] == "failed"
        [crashed] = [one for one in this.named("algorithm") if one.organization == 2]
        assert crashed.attributes["error.type"] == "ValueError"
        assert this.parent_of(crashed) == run
        everything = "".join(file.read_text() for file in (tmp_path / "spans").iterdir())
        assert "canary" not in everything


def test_with_a_provider_of_its_own_children_are_under_the_producer(tmp_path: Path) -> None:
    with job(tmp_path / "spans", "brings_a_provider", [2, 3]) as this:
        lines = (tmp_path / "spans" / "own.txt").read_text().splitlines()
        own = [json.loads(line) for line in lines]
        [created] = [one for one in own if one["name"] == "task.create"]
        children = [one for one in this.named("algorithm") if one.organization != 1]
        assert len(children) == 2
        for child in children:
            assert f"0x{child.parent}" == created["context"]["span_id"]
            assert f"0x{child.trace}" == created["context"]["trace_id"]
        runs = [one for one in own if one["name"] == "run"]
        assert {one["parent_id"] for one in runs} == {created["context"]["span_id"]}
        assert len(runs) == 2
