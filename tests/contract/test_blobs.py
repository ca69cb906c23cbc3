"""Blobs: what server and proxy do with them, and what the client makes of that."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.asking import Asker, encoded
from tests.contract.conftest import client_of
from tests.contract.networks import IMAGE, Network
from v6client import AlgorithmClient, ResultError, TaskFailed

pytestmark = pytest.mark.only_blobs

LONG = "x" * 600_000
NOBODYS = "11111111-1111-4111-8111-111111111111"
OCTETS = "application/octet-stream"


@pytest.fixture
def client(ask: Asker) -> AlgorithmClient:
    """The client of the module's container."""
    return client_of(ask.container)


@pytest.fixture
def key(ask: Asker) -> str:
    """The public key of the container's organization; some text where nothing is encrypted."""
    own = ask.proxy("GET", f"organization/{ask.container.organization_id}").json()
    return own["public_key"] or "none"


def upload(ask: Asker, data: Any, key: str) -> Any:
    headers = {"X-Public-Key": key, "Content-Type": OCTETS}
    return ask.proxy("POST", "blobstream", data=data, headers=headers)


def test_it_says_so(ask: Asker) -> None:
    assert ask.proxy("GET", "blobstream/status").json() == {"blob_store_enabled": True}


def test_a_subtask_and_its_results(client: AlgorithmClient, running: list[int]) -> None:
    task = client.task.create({"method": "echo", "args": [LONG]}, running[::-1])
    assert client.wait_for_results(task["id"]) == [LONG] * 3
    assert client.result.from_task(task["id"]) == [LONG] * 3
    runs = client.run.from_task(task["id"])
    assert client.result.get(runs[0]["id"]) == LONG
    assert len({run["input"] for run in runs}) == 3


def test_an_algorithm_that_starts_subtasks(network: Network, running: list[int]) -> None:
    task = network.researcher.create_task(IMAGE, "echo", [LONG], organizations=running)
    network.researcher.wait(task["id"])
    assert network.researcher.results(task["id"]) == [LONG] * 3


def test_the_row_of_a_result_has_the_name_of_a_blob(
    ask: Asker, client: AlgorithmClient, running: list[int]
) -> None:
    task = client.task.create({"method": "echo", "args": ["canary"]}, running[:1])
    client.wait_for_results(task["id"])
    [row] = ask.rows("result", task_id=task["id"])
    [run] = ask.rows("run", task_id=task["id"])
    assert (row["blob_storage_used"], run["blob_storage_used"]) == (True, True)
    answer = ask.proxy("GET", f"blobstream/{row['result']}")
    assert answer.content == b'"canary"'
    assert answer.headers["Content-Type"] == OCTETS
    assert "Content-Length" not in answer.headers
    # What the server has is sealed.
    direct = ask.server("GET", f"blobstream/{row['result']}").content
    encrypted = ask.proxy("GET", f"collaboration/{ask.network.collaboration_id}").json()
    if encrypted["encrypted"]:
        assert len(direct.split(b"$", 2)) == 3
        assert b"canary" not in direct
    else:
        assert base64.b64decode(direct) == b'"canary"'


def test_a_run_that_failed_has_an_empty_one(client: AlgorithmClient, running: list[int]) -> None:
    task = client.task.create({"method": "crash"}, running[:1])
    with pytest.raises(TaskFailed):
        client.wait_for_results(task["id"])
    assert client.result.from_task(task["id"]) == []


def test_an_upload_needs_chunks_and_a_key(ask: Asker, key: str) -> None:
    assert upload(ask, iter([b"{}"]), key).status_code == 201
    with_length = upload(ask, b"{}", key)
    assert (with_length.status_code, with_length.json()) == (
        500,
        {"msg": "Error uploading result!"},
    )
    without = ask.proxy("POST", "blobstream", data=iter([b"{}"]))
    assert (without.status_code, without.json()) == (400, {"msg": "Missing X-Public-Key header"})


def test_a_blob_of_no_run_is_not_given(ask: Asker, key: str) -> None:
    blob = upload(ask, iter([b"{}"]), key).json()["uuid"]
    for one in (blob, NOBODYS):
        answer = ask.proxy("GET", f"blobstream/{one}")
        expected = {"msg": f"No run found with input or result id={one}"}
        assert (answer.status_code, answer.json()) == (404, expected)


def test_an_input_has_to_be_a_blob(ask: Asker, running: list[int]) -> None:
    entries = [{"id": running[0], "input": encoded("echo")}]
    answer = ask.server("POST", "task", json=ask.task([], organizations=entries))
    expected = (
        "Your task's input cannot be parsed. Note that if you are using the user interface or"
        " Python client, this should be done for you."
    )
    assert (answer.status_code, answer.json()) == (400, {"msg": expected})


def test_a_result_that_another_organization_asked_for(
    ask: Asker, network: Network, running: list[int]
) -> None:
    with network.open_container(running[1], image=IMAGE) as held:
        task = client_of(held).task.create({"method": "echo", "args": [7]}, running[:1])
        assert client_of(held).wait_for_results(task["id"]) == [7]
    ours = client_of(ask.container)
    if ours.collaboration.get()["encrypted"]:
        with pytest.raises(ResultError, match="encrypted for another organization"):
            ours.wait_for_results(task["id"])
    else:
        assert ours.wait_for_results(task["id"]) == [7]


def test_a_blob_goes_with_the_run_that_has_it(ask: Asker, network: Network, key: str) -> None:
    """Why each organization gets a blob of its own: a shared one is deleted with one task."""
    shared = upload(ask, iter([json.dumps({"method": "echo", "args": [1]}).encode()]), key)
    entry = {"id": ask.container.organization_id, "input": shared.json()["uuid"]}
    first, second = (ask.create([], organizations=[entry]) for _ in range(2))
    for task in (first, second):
        assert network.researcher.wait(task["id"])["status"] == "completed"
    answer = ask.proxy("GET", f"blobstream/{entry['input']}")
    assert answer.status_code == 200
    _delete(network, first["id"])
    answer = ask.proxy("GET", f"blobstream/{entry['input']}")
    assert (answer.status_code, answer.json()) == (500, {"msg": "Error streaming result!"})


def _delete(network: Network, task_id: int) -> None:
    network.researcher.request("DELETE", f"task/{task_id}")
