"""Every method of the client, against what the researcher sees."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

from tests.contract.asking import eventually
from tests.contract.conftest import client_of
from tests.contract.networks import IMAGE, Container, Network, forget_run
from v6client import (
    AlgorithmClient,
    ConnectionFailed,
    InvalidArgument,
    MaskedServerError,
    ResultError,
    Settings,
    TaskFailed,
    TaskTimeout,
)

pytestmark = pytest.mark.also_older
# What encryption touches: inputs and results.
also_encrypted = pytest.mark.also_encrypted


def test_identity(client: AlgorithmClient, container: Container, network: Network) -> None:
    assert client.task_id == container.task_id
    assert client.organization_id == network.organizations[0].id
    assert client.node_id == network.organizations[0].node_id
    assert client.collaboration_id == network.collaboration_id
    assert client.image == IMAGE
    assert (client.study_id, client.store_id, client.databases) == (None, None, [])


def test_collaboration(client: AlgorithmClient, network: Network) -> None:
    assert client.collaboration.get()["id"] == network.collaboration_id


def test_organizations(client: AlgorithmClient, network: Network) -> None:
    listed = client.organization.list()
    assert [one["id"] for one in listed] == [one.id for one in network.organizations]
    assert [one["name"] for one in listed] == [one.name for one in network.organizations]
    last = network.organizations[-1]
    assert client.organization.get(last.id)["name"] == last.name


def test_the_node_is_that_of_the_container(client: AlgorithmClient, network: Network) -> None:
    node = client.node.get()
    assert node["id"] == network.organizations[0].node_id
    assert node["status"] == "online"


@also_encrypted
def test_a_study(network: Network) -> None:
    study = _study_id(network)
    with network.open_container(image=IMAGE, study_id=study) as held:
        client = client_of(held)
        assert client.study_id == study
        assert client.study.get(study)["name"] == "two"
        assert [one["id"] for one in client.organization.list()] == [
            one.id for one in network.organizations[:2]
        ]
        first = network.organizations[0].id
        task = client.task.create({"method": "echo", "args": [1]}, [first])
        assert client.wait_for_results(task["id"]) == [1]
        assert client.task.get(task["id"])["study"]["id"] == study


def test_no_container_may_list_studies(client: AlgorithmClient) -> None:
    with pytest.raises(MaskedServerError):
        client.study.list()


def _study_id(network: Network) -> int:
    studies = network.researcher.request("GET", "study", params={"name": "two"})["data"]
    return int(studies[0]["id"])


@also_encrypted
def test_a_task_with_its_runs_and_results(
    client: AlgorithmClient, container: Container, running: list[int], network: Network
) -> None:
    organizations = list(reversed(running))
    task = client.task.create(
        {"method": "echo", "kwargs": {"value": {"a": [1, None]}}},
        organizations,
        name="my task",
        description="100% of_it",
    )
    assert task["name"] == "my task"
    assert task["description"].startswith("100% of_it [v6c:")
    assert task["parent"]["id"] == container.task_id
    assert client.wait_for_results(task["id"]) == [{"a": [1, None]}] * 3

    assert client.task.get(task["id"])["status"] == "completed"
    runs = client.run.from_task(task["id"])
    assert [one["organization"]["id"] for one in runs] == organizations
    assert [one["id"] for one in runs] == sorted(one["id"] for one in runs)
    assert client.run.get(runs[0]["id"])["status"] == "completed"
    assert client.result.from_task(task["id"]) == [{"a": [1, None]}] * 3
    assert client.result.get(runs[1]["id"]) == {"a": [1, None]}
    assert network.researcher.task(task["id"])["job_id"] == task["job_id"]


@also_encrypted
def test_results_come_in_the_order_of_the_organizations(
    client: AlgorithmClient, running: list[int]
) -> None:
    for organizations in (running, running[::-1], [running[1], running[2], running[0]]):
        tasks = client.task.create({"method": "named", "args": [[running[0]]]}, organizations)
        assert client.wait_for_results(tasks["id"]) == [[one] for one in organizations]


@also_encrypted
def test_values_come_back_as_they_were(client: AlgorithmClient, running: list[int]) -> None:
    value: dict[str, Any] = {
        "text": "ä€𝄞\u0000",
        "numbers": [0.1 + 0.2, 1e308, -(2**70), True, None],
        "deep": [[[{}]]],
    }
    task = client.task.create({"method": "echo", "args": [value]}, running[:1])
    assert client.wait_for_results(task["id"]) == [value]


def test_nan_and_the_infinities_come_back(client: AlgorithmClient, running: list[int]) -> None:
    task = client.task.create({"method": "echo", "args": [[math.nan, -math.inf]]}, running[:1])
    [[nan, infinity]] = client.wait_for_results(task["id"])
    assert math.isnan(nan)
    assert infinity == -math.inf


@also_encrypted
def test_null_is_none_and_not_a_failure(client: AlgorithmClient, running: list[int]) -> None:
    task = client.task.create({"method": "echo"}, running[:2])
    assert client.wait_for_results(task["id"]) == [None, None]


@also_encrypted
def test_a_crash_is_an_error_that_names_the_cause(
    client: AlgorithmClient, running: list[int]
) -> None:
    task = client.task.create({"method": "crash"}, running[:1])
    with pytest.raises(TaskFailed) as caught:
        client.wait_for_results(task["id"])
    assert caught.value.statuses == {running[0]: "crashed"}
    assert f"organization {running[0]}" in str(caught.value)
    assert "as asked" not in str(caught.value)
    run = client.run.from_task(task["id"])[0]
    with pytest.raises(ResultError, match="no result"):
        client.result.get(run["id"])
    assert client.result.from_task(task["id"]) == []


@also_encrypted
def test_a_killed_task_is_an_error(
    client: AlgorithmClient, running: list[int], network: Network
) -> None:
    task = client.task.create({"method": "sleep", "args": [60]}, running[:1])
    killer = threading.Thread(target=_kill_once_active, args=(network, task["id"]))
    killer.start()
    try:
        with pytest.raises(TaskFailed, match="killed by user"):
            client.wait_for_results(task["id"])
    finally:
        killer.join()


def _kill_once_active(network: Network, task_id: int) -> None:
    eventually(lambda: network.researcher.runs(task_id)[0]["status"] == "active")
    network.researcher.kill(task_id)


def test_an_offline_organization_is_waited_for_until_the_timeout(
    client: AlgorithmClient, network: Network
) -> None:
    task = client.task.create({"method": "echo"}, [network.organizations[-1].id])
    with pytest.raises(TaskTimeout, match="goes on"):
        client.wait_for_results(task["id"], timeout=0.5)
    assert client.task.get(task["id"])["status"] == "pending"


@also_encrypted
@pytest.mark.not_older("its server does not fail runs together with a sibling")
def test_siblings_that_never_started_are_told_from_the_cause(
    client: AlgorithmClient, running: list[int], network: Network
) -> None:
    offline = network.organizations[-1].id
    task = client.task.create({"method": "crash"}, [offline, running[0]])
    with pytest.raises(TaskFailed) as caught:
        client.wait_for_results(task["id"])
    text = str(caught.value)
    assert text.index(f"Failed: organization {running[0]}") < text.index(
        f"Never started, because another failed: organization {offline}"
    )


def test_an_unknown_task_ends_a_wait(client: AlgorithmClient) -> None:
    with pytest.raises(MaskedServerError, match=r"/task/\{id\}"):
        client.wait_for_results(999_999)


@also_encrypted
def test_a_task_killed_before_all_its_runs_began(
    client: AlgorithmClient, running: list[int], offline: int, network: Network
) -> None:
    task = client.task.create({"method": "sleep", "args": [60]}, [running[0], offline])
    _kill_once_active(network, task["id"])
    with pytest.raises(TaskFailed) as caught:
        client.wait_for_results(task["id"])
    assert caught.value.statuses == dict.fromkeys((running[0], offline), "killed by user")


def test_an_image_that_does_not_exist_is_an_error(
    client: AlgorithmClient, running: list[int], network: Network
) -> None:
    task = network.researcher.create_task("harbor.example/no", "x", organizations=running[:1])
    with pytest.raises(TaskFailed, match="non-existing Docker image"):
        client.wait_for_results(task["id"])


def test_a_missing_run_is_an_error_that_names_its_organization(
    client: AlgorithmClient, running: list[int], offline: int, network: Network
) -> None:
    """The server saves runs one by one, so some may be missing."""
    task = client.task.create({"method": "echo", "args": [5]}, [running[0], offline])
    forget_run(network, task["id"], offline)
    with pytest.raises(TaskFailed) as caught:
        client.wait_for_results(task["id"])
    assert f"organization {offline}" in str(caught.value)
    assert caught.value.results == {running[0]: 5}


def test_a_task_without_runs_is_an_error_though_the_server_calls_it_completed(
    client: AlgorithmClient, offline: int, network: Network
) -> None:
    task = client.task.create({"method": "echo"}, [offline])
    forget_run(network, task["id"], offline)
    assert network.researcher.task(task["id"])["status"] == "completed"
    with pytest.raises(TaskFailed, match=f"organization {offline}"):
        client.wait_for_results(task["id"])


@also_encrypted
def test_results_that_are_there_come_with_the_failure(
    client: AlgorithmClient, running: list[int]
) -> None:
    """The crash waits until the other has completed."""
    task = client.task.create(
        {"method": "crash_after", "args": [running[0]]}, [running[0], running[1]]
    )
    with pytest.raises(TaskFailed) as caught:
        client.wait_for_results(task["id"])
    assert caught.value.statuses == {running[0]: "completed", running[1]: "crashed"}
    assert caught.value.results == {running[0]: running[0]}


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.task.get(999_999),
        lambda client: client.run.get(999_999),
        lambda client: client.run.from_task(999_999),
        lambda client: client.result.get(999_999),
        lambda client: client.result.from_task(999_999),
        lambda client: client.organization.get(999_999),
        lambda client: client.study.get(999_999),
        lambda client: client.task.create({"method": "echo"}, [999_999]),
        lambda client: client.request("no/such/path"),
    ],
    ids=lambda _: "",
)
def test_what_is_not_there_is_an_error(client: AlgorithmClient, call: Any) -> None:
    with pytest.raises(MaskedServerError, match="node's log"):
        call(client)


@also_encrypted
def test_a_task_is_refused_once_the_parent_has_finished(
    network: Network, running: list[int]
) -> None:
    with network.open_container(image=IMAGE) as held:
        client = client_of(held)
    network.researcher.wait(held.task_id)
    with pytest.raises(MaskedServerError):
        client.task.create({"method": "echo"}, running[:1])


def test_no_addresses_where_there_is_no_vpn(client: AlgorithmClient) -> None:
    assert client.vpn.get_addresses(include_children=True, label="x") == []
    assert client.vpn.get_child_addresses() == []
    assert client.vpn.get_own_address() == []
    assert client.vpn.get_parent_address() == []
    assert client.vpn.get_sibling_addresses() == []
    with pytest.raises(InvalidArgument, match="exclude each other"):
        client.vpn.get_addresses(only_self=True, only_children=True)


def test_a_wrong_token_is_an_error(client: AlgorithmClient, container: Container) -> None:
    head, body, signature = container.token.split(".")
    forged = AlgorithmClient(
        f"{head}.{body}.{'A' * len(signature)}",
        container.host,
        container.port,
        container.path,
        settings=Settings(backoff_base=0),
    )
    with pytest.raises(MaskedServerError):
        forged.organization.list()
    assert client.organization.list()


def test_a_wrong_port_is_an_error(container: Container) -> None:
    client = AlgorithmClient(
        container.token,
        container.host,
        9,
        container.path,
        settings=Settings(first_contact_budget=0.1),
    )
    with pytest.raises(ConnectionFailed, match="Nothing was sent"):
        client.organization.list()


@also_encrypted
@pytest.mark.parametrize("method", ["positional", "named", "waits_twice", "threads", "tree"])
def test_the_call_shapes_of_public_algorithms(
    network: Network, running: list[int], method: str
) -> None:
    more = {"threads": [4], "tree": [2]}.get(method, [])
    task = network.researcher.create_task(
        IMAGE, method, [running[:2], *more], organizations=running[:1], name=method
    )
    assert network.researcher.wait(task["id"])["status"] == "completed"
    first, second = running[:2]
    expected = {
        "positional": [1, 1],
        "named": [first, first],
        "waits_twice": [["x", "x"], ["x", "x"]],
        "threads": [[0, 0], [1, 1], [2, 2], [3, 3]],
        "tree": [first, [[first, [first, second]], [second, [first, second]]]],
    }
    assert network.researcher.results(task["id"]) == [expected[method]]


@also_encrypted
def test_a_subtask_that_nobody_waits_for(network: Network, running: list[int]) -> None:
    task = network.researcher.create_task(
        IMAGE, "never_waits", [running[1:2]], organizations=running[:1]
    )
    network.researcher.wait(task["id"])
    [child] = network.researcher.results(task["id"])
    assert network.researcher.wait(child)["status"] == "completed"
