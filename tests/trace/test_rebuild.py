"""Spans from rows of the server: ids, and which may be missing in a backend. No network."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from v6client.cli.trace.assemble import jobs_of
from v6client.cli.trace.job import State
from v6client.cli.trace.rebuild import RunRow, TaskRow, rebuilt
from v6client.server_time import seconds_of
from v6client.tasks.carrier import Carried
from v6client.telemetry.propagation import job_trace_id
from v6client.telemetry.run_spans import run_span_id

NOW = 1_800_000_000.0
KEY = "0123456789abcdef" * 2
TRACE = "a" * 32
PARENT = f"00-{TRACE}-{'b' * 16}-01"
ROOT_IMAGE = "image"


def time(second: float) -> str:
    return f"2026-01-01T12:00:{second:09.6f}"


def run(organization: int, end: float | None = 5, status: str = "completed") -> RunRow:
    finished = None if end is None else time(end)
    return RunRow(100 + organization, organization, status, time(1), finished)


def task(
    task_id: int,
    runs: Sequence[RunRow],
    *,
    parent: int | None = 1,
    creator: int | None = 1,
    carried: Carried | None = None,
) -> TaskRow:
    return TaskRow(
        task_id, 7, 3, ROOT_IMAGE, time(task_id / 10), parent, creator, carried, tuple(runs)
    )


def root(end: float | None = 9, status: str = "completed") -> TaskRow:
    return task(1, [run(1, end, status)], parent=None, creator=None)


def names(records: Sequence[object]) -> list[tuple[str, object]]:
    return [(one.name, one.whole("v6client.task.id")) for one in records]  # type: ignore[attr-defined]


def test_the_ids_are_those_of_the_live_trace() -> None:
    found = rebuilt([root(), task(2, [run(2)], carried=Carried(KEY, PARENT, False))], now=NOW)
    assert {one.trace_id for one in found.records} == {TRACE}
    [created] = [one for one in found.records if one.name == "task.create"]
    assert (created.span_id, created.task_id, created.organization_id) == ("b" * 16, 1, 1)
    [child] = [
        one for one in found.records if one.name == "run" and one.whole("v6client.task.id") == 2
    ]
    assert child.span_id == f"{run_span_id(KEY, 2, 2):016x}"
    assert child.parent_id == "b" * 16


def test_of_a_creator_that_completed_what_it_saw_end_is_not_missing() -> None:
    carried = Carried(KEY, PARENT, False)
    found = rebuilt([root(end=9), task(2, [run(2, 5), run(3, 10)], carried=carried)], now=NOW)
    assert [one.whole("v6client.organization.id") for one in found.missing] == [3]
    assert names(found.sendable) == [("run", 2), ("run", 2), ("task.create", 2)]


@pytest.mark.parametrize(("end", "status"), [(9, "crashed"), (None, "active")])
def test_of_a_creator_that_did_not_complete_all_may_be_missing(
    end: float | None, status: str
) -> None:
    carried = Carried(KEY, PARENT, False)
    found = rebuilt([root(end, status), task(2, [run(2, 5)], carried=carried)], now=NOW)
    assert names(found.missing) == [("run", 2), ("task.create", 2)]


def test_of_a_creator_that_exports_nothing_all_is_missing_and_has_one_root() -> None:
    grandchild = task(3, [run(4)], parent=2, creator=2, carried=Carried(KEY[::-1], "", False))
    found = rebuilt(
        [root(), task(2, [run(2), run(3)], carried=Carried(KEY, "", False)), grandchild], now=NOW
    )
    assert names(found.missing) == [("run", 1), ("run", 2), ("run", 2), ("run", 3)]
    expected = job_trace_id(7, 3, time(0.1), ROOT_IMAGE)
    assert {one.trace_id for one in found.missing} == {f"{expected:032x}"}
    by_id = {one.span_id: one for one in found.missing}
    parents = [by_id[one.parent_id].whole("v6client.task.id") for one in found.missing[1:]]
    assert parents == [1, 1, 2]
    assert found.missing[0].parent_id == ""


def test_a_run_that_is_not_over_is_shown_and_not_sent() -> None:
    found = rebuilt(
        [root(None, "active"), task(2, [run(2, None, "active")], carried=Carried(KEY, "", False))],
        now=NOW,
    )
    assert not found.missing
    [job] = jobs_of(found.records)
    assert [one.state for one in job.all_runs()] == [State.OPEN, State.OPEN]
    assert all(one.ended is None for one in job.all_runs())


@pytest.mark.parametrize(
    "carried",
    [None, Carried(KEY, PARENT, True), Carried(KEY, PARENT[:-2] + "00", False)],
    ids=["no key", "a provider of its own", "not sampled"],
)
def test_what_has_no_id_of_the_live_trace_is_shown_and_not_sent(carried: Carried | None) -> None:
    found = rebuilt([root(None, "crashed"), task(2, [run(2)], carried=carried)], now=NOW)
    assert not [one for one in found.sendable if one.whole("v6client.task.id") == 2]
    [job] = jobs_of(found.records)
    assert [one.task_id for one in job.all_tasks()] == [1, 2]
    assert job.problems == []


def test_a_status_that_is_not_known_is_other() -> None:
    found = rebuilt([root(status="<script>")], now=NOW)
    [record] = found.records
    assert record.text("v6client.run.status") == "other"
    assert record.is_error


def test_rows_keep_neither_name_nor_input_nor_result_nor_log() -> None:
    row = {
        "id": 5,
        "name": "canary-name",
        "description": f"canary-text [v6c:{KEY} {PARENT}]",
        "databases": [{"label": "canary-label"}],
        "job_id": 7,
        "image": "image",
        "created_at": time(0),
        "collaboration": {"id": 3},
        "parent": {"id": 1},
        "init_org": {"id": 2},
    }
    run_row = {
        "id": 9,
        "organization": {"id": 2},
        "status": "completed",
        "started_at": time(1),
        "finished_at": time(2),
        **dict.fromkeys(("input", "result", "log"), "canary-data"),
    }
    found = TaskRow.of(row, [RunRow.of(run_row)])
    assert "canary" not in repr(found)
    assert found.carried == Carried(KEY, PARENT, False)
    assert (found.parent_id, found.creator_id, found.collaboration_id) == (1, 2, 3)


def test_a_created_at_that_is_no_time_is_survived() -> None:
    odd = TaskRow(2, 7, 3, "image", "not a time", 1, 1, None, (run(2),))
    found = rebuilt([root(), odd], now=NOW)
    began = seconds_of(time(1))
    assert began is not None
    [child] = [one for one in found.records if one.whole("v6client.run.id") == 102]
    assert child.start == round(began * 1e9)
