"""Waiting as the client does it: failures, quorums, streams and isolated tasks."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.contract.conftest import client_of
from tests.contract.networks import Container, Network
from v6client import AlgorithmClient, RunResult, TaskFailed, TaskTimeout
from v6client.tasks.runs import State

pytestmark = pytest.mark.also_older
also_encrypted = pytest.mark.also_encrypted


def create(
    client: AlgorithmClient, organizations: list[int], plan: dict[int, list[Any]], **more: Any
) -> int:
    given = {str(one): how for one, how in plan.items()}
    task = client.task.create({"method": "behave", "args": [given]}, organizations, **more)
    return int(task["id"])


@also_encrypted
def test_what_there_is_when_one_crashes(client: AlgorithmClient, running: list[int]) -> None:
    first, second, third = running
    task = create(client, running, {second: ["crash", 0.5], third: ["work", 1.5]})
    with pytest.raises(TaskFailed) as caught:
        client.wait_for_results(task, wait_for="all")
    assert caught.value.results == {first: first, third: third}
    assert caught.value.statuses[second] == "crashed"
    [log] = caught.value.logs().values()
    assert "ValueError: as asked" in str(log)
    assert client.wait_for_results(task, on_failure="partial") == [first, third]


def test_a_quorum_does_not_wait_for_a_node_that_is_offline(
    client: AlgorithmClient, running: list[int], offline: int
) -> None:
    task = create(client, [offline, *running], {running[2]: ["work", 1]})
    assert client.wait_for_results(task, min_results=3) == running
    assert set(client.wait_for_results(task, min_results=2, grace=0)) <= set(running)
    with pytest.raises(TaskTimeout) as caught:
        client.wait_for_results(task, timeout=0.5)
    assert caught.value.results == {one: one for one in running}
    assert caught.value.statuses[offline] == "pending"
    outcomes = {one.organization_id: one for one in client.outcomes(task)}
    assert [one.node_online for one in outcomes.values()] == [False, True, True, True]
    assert outcomes[offline].queue_seconds is None
    assert 1 <= (outcomes[running[2]].compute_seconds or 0) < 30
    # Two clocks, but of one machine here; the server's has no fraction of a second.
    assert 0 <= (outcomes[running[0]].queue_seconds or 0) < 30


@pytest.mark.not_older("its server does not fail runs together with a sibling")
def test_a_failure_takes_those_with_it_that_have_not_started(
    client: AlgorithmClient, running: list[int], offline: int
) -> None:
    task = create(client, [offline, running[0]], {running[0]: ["crash", 0.5]})
    with pytest.raises(TaskFailed) as caught:
        client.wait_for_results(task)
    states = {one.organization_id: one.state for one in caught.value.outcomes}
    assert states == {offline: State.NEVER_STARTED, running[0]: State.FAILED}


@also_encrypted
def test_an_isolated_failure_takes_nobody_with_it(
    client: AlgorithmClient, running: list[int], offline: int
) -> None:
    first, second, third = running
    task = create(
        client,
        [offline, third, second, first],
        {first: ["crash", 0.2], second: ["work", 1]},
        isolated=True,
    )
    assert client.wait_for_results(task, min_results=2) == [third, second]
    outcomes = client.outcomes(task)
    assert [one.status for one in outcomes] == ["pending", "completed", "completed", "crashed"]
    assert len({one.task_id for one in outcomes}) == 4
    with pytest.raises(TaskFailed, match=f"Failed: organization {first}"):
        client.wait_for_results(task)


@also_encrypted
def test_results_stream_as_they_arrive(client: AlgorithmClient, running: list[int]) -> None:
    first, second, third = running
    plan = {first: ["work", 2], second: ["crash", 1]}
    one = create(client, running, plan)
    two = create(client, [first, third], {first: ["work", 0], third: ["work", 3]}, isolated=True)
    found = list(client.as_completed([one, two]))
    by_task = {(result.task_id, result.organization_id): result for result in found}
    assert len(found) == len(by_task) == 5
    mine = [result for result in found if result.task_id == one]
    # In which order is a matter of the machine.
    assert {(each.organization_id, each.status, each.value) for each in mine} == {
        (third, "completed", third),
        (second, "crashed", None),
        (first, "completed", first),
    }
    assert isinstance(found[0], RunResult)
    runs = {row["id"] for row in client.run.from_task(one)}
    assert {each.run_id for each in mine} == runs


def test_somebody_elses_task_can_be_waited_for(
    network: Network, client: AlgorithmClient, container: Container, running: list[int]
) -> None:
    task = create(client, running[::-1], {})
    other = client_of(container)
    # By ascending run id, which is the order in which the server made them.
    assert other.wait_for_results(task) == running[::-1]
    assert {each.value for each in other.as_completed(task)} == set(running)
    assert network.researcher.task(task)["status"] == "completed"


def test_many_tasks_are_asked_for_by_pages(
    client: AlgorithmClient, running: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    tasks = [create(client, [running[n % 3]], {}) for n in range(8)]
    caplog.set_level(logging.DEBUG, "v6client")
    found = {each.task_id: each.value for each in client.as_completed(tasks)}
    assert found == {task: running[n % 3] for n, task in enumerate(tasks)}
    attempts = [vars(record).get("v6client", {}).get("template") for record in caplog.records]
    pages = attempts.count("/task")
    # One at least is the look for twins; statuses one by one come only when few are left.
    assert pages >= 2
    assert attempts.count("/task/{id}/status") <= 2 * pages
