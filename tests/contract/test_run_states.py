"""What becomes of runs, and what the server makes of it for their task."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.asking import Asker, encoded, eventually
from tests.contract.networks import IMAGE, Network, forget_run

Runs = dict[int, dict[str, Any]]


def runs_of(ask: Asker, task_id: int) -> Runs:
    """Give a task's runs by organization."""
    return {run["organization"]["id"]: run for run in ask.rows("run", task_id=task_id)}


def status_of(ask: Asker, task_id: int) -> str:
    status = ask.proxy("GET", f"task/{task_id}/status").json()["status"]
    assert ask.proxy("GET", f"task/{task_id}").json()["status"] == status
    return str(status)


def entry(organization: int, method: str, *args: object) -> dict[str, object]:
    return {"id": organization, "input": encoded(method, *args)}


def test_completed(ask: Asker, running: list[int]) -> None:
    task = ask.create(running[:1])
    ask.network.researcher.wait(task["id"])
    run = runs_of(ask, task["id"])[running[0]]
    assert (run["status"], status_of(ask, task["id"])) == ("completed", "completed")
    assert run["started_at"] <= run["finished_at"]
    assert ask.proxy("GET", f"task/{task['id']}").json()["finished_at"] == run["finished_at"]
    assert run["node"]["status"] == "online"


def test_an_organization_whose_node_never_ran(ask: Asker, offline: int) -> None:
    task = ask.create([offline])
    run = runs_of(ask, task["id"])[offline]
    assert (run["status"], status_of(ask, task["id"])) == ("pending", "pending")
    assert (run["started_at"], run["finished_at"], run["log"]) == (None, None, None)
    assert run["node"]["status"] is None


def test_crashed(ask: Asker, running: list[int]) -> None:
    task = ask.create([], organizations=[entry(running[0], "crash")])
    ask.network.researcher.wait(task["id"])
    run = runs_of(ask, task["id"])[running[0]]
    assert (run["status"], status_of(ask, task["id"])) == ("crashed", "crashed")
    assert run["started_at"] <= run["finished_at"]
    assert "Traceback" in run["log"]
    assert "ValueError: as asked" in run["log"]
    [result] = ask.rows("result", task_id=task["id"])
    assert result["result"] == ""
    assert ask.proxy("GET", f"task/{task['id']}").json()["finished_at"] is None


def test_one_failure_fails_the_task_while_others_work_and_those_that_wait(
    ask: Asker, running: list[int], offline: int
) -> None:
    crashing, working = running[0], running[1]
    task = ask.create(
        [],
        organizations=[
            entry(working, "sleep", 30),
            entry(offline, "echo"),
            # The last, so that the others have begun.
            entry(crashing, "crash_once_active", working),
        ],
    )
    eventually(lambda: runs_of(ask, task["id"])[crashing]["status"] == "crashed")
    runs = runs_of(ask, task["id"])
    assert status_of(ask, task["id"]) == "failed"
    assert runs[working]["status"] == "active"
    assert (runs[offline]["status"], runs[offline]["started_at"]) == ("failed", None)
    assert runs[offline]["finished_at"] is not None
    assert runs[offline]["log"] == (
        f"Marked as failed because sibling run id={runs[crashing]['id']} failed with status"
        " 'crashed'."
    )
    results = {row["id"]: row["result"] for row in ask.rows("result", task_id=task["id"])}
    assert results[runs[offline]["id"]] is None
    assert (
        ask.proxy("GET", "run", params={"task_id": task["id"], "state": "open"}).headers[
            "total-count"
        ]
        == "1"
    )
    # A task that the server calls finished can no more be killed: the run works to its end.
    refused = pytest.raises(Exception, match=f"Task {task['id']} already finished with status")
    with refused:
        ask.network.researcher.kill(task["id"])


def test_killed(ask: Asker, running: list[int], offline: int) -> None:
    task = ask.create([], organizations=[entry(running[0], "sleep", 60), entry(offline, "echo")])
    eventually(lambda: runs_of(ask, task["id"])[running[0]]["status"] == "active")
    ask.network.researcher.kill(task["id"])
    eventually(
        lambda: {run["status"] for run in runs_of(ask, task["id"]).values()} == {"killed by user"}
    )
    runs = runs_of(ask, task["id"])
    assert status_of(ask, task["id"]) == "killed by user"
    assert all(run["finished_at"] for run in runs.values())
    assert runs[running[0]]["started_at"] is not None
    assert runs[offline]["started_at"] is None
    assert {row["result"] for row in ask.rows("result", task_id=task["id"])} <= {None, ""}


def test_no_such_image(ask: Asker, running: list[int]) -> None:
    researcher = ask.network.researcher
    task = researcher.create_task("harbor.example/absent", "echo", organizations=running[:1])
    eventually(lambda: runs_of(ask, task["id"])[running[0]]["finished_at"])
    run = runs_of(ask, task["id"])[running[0]]
    expected = "non-existing Docker image"
    assert (run["status"], status_of(ask, task["id"])) == (expected, expected)
    assert run["started_at"] is not None


def test_no_result_is_told_from_null(ask: Asker, running: list[int]) -> None:
    task = ask.create([], organizations=[entry(running[0], "echo"), entry(running[1], "leave")])
    eventually(lambda: all(run["finished_at"] for run in runs_of(ask, task["id"]).values()))
    runs = runs_of(ask, task["id"])
    results = {row["id"]: row["result"] for row in ask.rows("result", task_id=task["id"])}
    assert runs[running[0]]["status"] == "completed"
    assert results[runs[running[0]]["id"]] == "bnVsbA=="
    assert (runs[running[1]]["status"], results[runs[running[1]]["id"]]) == ("crashed", "")


def test_a_task_of_some_statuses(ask: Asker, running: list[int], offline: int) -> None:
    task = ask.create([running[0], offline])
    eventually(lambda: runs_of(ask, task["id"])[running[0]]["status"] == "completed")
    assert status_of(ask, task["id"]) == "pending"


def test_a_task_without_runs_is_completed(ask: Asker, offline: int, network: Network) -> None:
    """The server commits a task before its runs, so one may be left without."""
    task = ask.create([offline])
    forget_run(network, task["id"], offline)
    assert status_of(ask, task["id"]) == "completed"
    found = ask.proxy("GET", f"task/{task['id']}").json()
    assert found["finished_at"] is None
    assert (ask.rows("run", task_id=task["id"]), ask.rows("result", task_id=task["id"])) == ([], [])


def test_standard_output_is_the_log(ask: Asker, network: Network, running: list[int]) -> None:
    task = network.researcher.create_task(IMAGE, "speak", ["hear ä"], organizations=running[:1])
    network.researcher.wait(task["id"])
    assert "hear ä\n" in runs_of(ask, task["id"])[running[0]]["log"]
