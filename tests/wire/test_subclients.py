"""What the sub-clients make of the server's answers, also of answers that are not as usual."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import QUICK, ClientOf
from tests.peer import Answer, Received, answer, masked, peer
from v6client import InvalidResponse, MaskedServerError, ResultError, TaskFailed


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def page(*rows: dict[str, Any], more: bool = False) -> Answer:
    return answer({"data": list(rows), "links": {"next": "/api/x"} if more else {}})


def test_all_pages_are_read_and_each_row_is_there_once(client_of: ClientOf) -> None:
    # Newest first, and row 3 moved to the next page while the list was read.
    with peer(page({"id": 4}, {"id": 3}, more=True), page({"id": 3}, {"id": 2})) as server:
        rows = client_of(server, replace(QUICK, page_size=2)).organization.list()
    assert [row["id"] for row in rows] == [2, 3, 4]
    queries = [parse_qs(urlsplit(one.target).query) for one in server.received]
    assert [query["page"] for query in queries] == [["1"], ["2"]]
    assert queries[0]["per_page"] == ["2"]
    assert queries[0]["sort"] == ["id"]


def test_a_list_that_never_ends_ends(client_of: ClientOf) -> None:
    with peer(page({"id": 1}, more=True), page(more=True)) as server:
        assert client_of(server).organization.list() == [{"id": 1}]


def test_a_list_is_complete_or_an_error(client_of: ClientOf) -> None:
    with peer(page({"id": 4}, more=True), answer({"msg": "no"}, 400)) as server:
        with pytest.raises(Exception, match="400"):
            client_of(server).organization.list()


def test_organizations_of_the_study_where_there_is_one(client_of: ClientOf) -> None:
    with peer(page(), page()) as server:
        client_of(server).organization.list()
        client_of(server, study_id=9).organization.list()
    queries = [parse_qs(urlsplit(one.target).query) for one in server.received]
    assert queries[0]["collaboration_id"] == ["1"]
    assert "collaboration_id" not in queries[1]
    assert queries[1]["study_id"] == ["9"]


def test_the_node_comes_from_the_containers_run(client_of: ClientOf) -> None:
    run = {"id": 5, "status": "active", "organization": {"id": 2}}
    node = {"id": 3, "name": "node", "ip": None, "status": "online"}
    with peer(page({**run, "node": node}), page(run)) as server:
        client = client_of(server)
        assert client.node.get() == node
        with pytest.raises(InvalidResponse, match="without its node"):
            client.node.get()


def test_addresses_that_are_not_there_are_the_documented_message(client_of: ClientOf) -> None:
    with peer(answer({"msg": "no"}), answer({"addresses": [{"ip": "10.0.0.1"}]})) as server:
        client = client_of(server)
        assert client.vpn.get_addresses() == {"message": "Obtaining VPN addresses failed!"}
        assert client.vpn.get_addresses(only_self=True, label="x") == [{"ip": "10.0.0.1"}]
    assert [one.target for one in server.received] == [
        "/vpn/algorithm/addresses",
        "/vpn/algorithm/addresses?only_self=1&label=x",
    ]


def test_a_single_result_is_the_only_one_of_its_organization(client_of: ClientOf) -> None:
    run = {"id": 5, "status": "completed", "task": {"id": 9}, "organization": {"id": 3}}
    with peer(answer(run), page({"id": 5, "result": encoded(None)})) as server:
        assert client_of(server).result.get(5) is None
    # The others of the task, which may weigh hundreds of megabytes, are not fetched.
    assert [one.target for one in server.received] == [
        "/run/5",
        "/result?task_id=9&per_page=1&page=1&organization_id=3",
    ]


@pytest.mark.parametrize("organization", [{"id": 3}, {"id": "3"}, None])
def test_a_single_result_that_is_not_there_is_looked_up_in_its_tasks_list(
    client_of: ClientOf, organization: object
) -> None:
    run = {"id": 5, "status": "completed", "task": {"id": 9}, "organization": organization}
    other = {"id": 4, "result": encoded("other")}
    with peer() as server:
        server.by_request = lambda request: {
            "/run/5": answer(run),
            "/result": page(other, *([] if "organization_id" in request.target else [MINE])),
        }[request.path]
        assert client_of(server).result.get(5) == "mine"


MINE = {"id": 5, "result": encoded("mine")}


def test_a_run_without_a_result_or_a_task_is_an_error(client_of: ClientOf) -> None:
    run = {"id": 5, "status": "active", "task": {"id": 9}}
    with peer(answer(run), page({"id": 5, "result": ""}), answer({"id": 5})) as server:
        client = client_of(server)
        with pytest.raises(ResultError, match=r"status active.*wait_for_results"):
            client.result.get(5)
        with pytest.raises(InvalidResponse, match="without its task"):
            client.result.get(5)


def status_missing(request: Received) -> Answer:
    """Be a server of vantage6 4.9, which has no status route."""
    if request.path.endswith("/status"):
        return masked()
    return {
        "/organization/2": answer({"id": 2}),
        "/task/9": answer({"id": 9, "status": "completed"}),
        "/run": page({"id": 5, "status": "completed", "organization": {"id": 2}}),
        "/result": page({"id": 5, "result": encoded("value")}),
    }[request.path]


def test_a_missing_status_route_is_worked_around(client_of: ClientOf) -> None:
    with peer() as server:
        server.by_request = status_missing
        client = client_of(server)
        for _ in range(4):
            assert client.wait_for_results(9) == ["value"]
    asked = [one.path for one in server.received].count("/task/9/status")
    # Two waits tried it (two attempts each); then it is known to be missing.
    assert asked == 4


def test_an_unknown_task_is_not_taken_for_a_missing_route(client_of: ClientOf) -> None:
    with peer() as server:
        server.by_request = lambda request: (
            answer({"id": 2}) if request.path == "/organization/2" else masked()
        )
        with pytest.raises(MaskedServerError, match=r"/task/\{id\}/status"):
            client_of(server).wait_for_results(9)


def test_a_task_without_runs_is_not_complete(client_of: ClientOf) -> None:
    with peer(answer({"status": "completed"}), page()) as server:
        with pytest.raises(TaskFailed, match="no run of it"):
            client_of(server).wait_for_results(9)


def test_a_task_is_posted_as_its_parent_is(client_of: ClientOf) -> None:
    databases = [{"label": "default", "query": "SELECT 1"}, {"label": "second"}]
    with peer(
        answer({"blob_store_enabled": False}), answer({"id": 8}, 201), page({"id": 8})
    ) as server:
        client = client_of(server, study_id=4, store_id=5, databases=databases)
        client.task.create({"method": "x", "args": [1]}, [3, 2], "a name", "a description")
    [body] = server.bodies()
    assert body.pop("description").startswith("a description [v6c:")
    text = encoded({"method": "x", "args": [1]})
    assert body == {
        "name": "a name",
        "image": "harbor.example/average",
        "collaboration_id": 1,
        "study_id": 4,
        "store_id": 5,
        "databases": databases,
        "organizations": [{"id": 3, "input": text}, {"id": 2, "input": text}],
    }


def test_a_task_outside_a_study_has_none(client_of: ClientOf) -> None:
    with peer(
        answer({"blob_store_enabled": False}), answer({"id": 8}, 201), page({"id": 8})
    ) as server:
        client_of(server).task.create({"method": "x"}, [2])
    [body] = server.bodies()
    assert not {"study_id", "store_id"} & body.keys()
    assert body["name"] == "subtask"
    assert body["description"].startswith("task from container on node_id=3 [v6c:")


def test_results_come_in_the_order_of_creation_not_of_the_rows(client_of: ClientOf) -> None:
    runs = [
        {"id": number, "status": "completed", "organization": {"id": organization}}
        for number, organization in enumerate([2, 3, 5], 1)
    ]
    results = [{"id": number, "result": encoded(f"run {number}")} for number in (3, 1, 2)]
    with peer(
        answer({"blob_store_enabled": False}),
        answer({"id": 8}, 201),
        page({"id": 8}),
        answer({"status": "completed"}),
        page(*runs[::-1]),
        page(*results),
        page({"id": 8}),
    ) as server:
        client = client_of(server)
        client.task.create({"method": "x"}, [5, 2, 3])
        assert client.wait_for_results(8) == ["run 3", "run 1", "run 2"]


def test_another_resource_than_asked_for_is_no_answer(client_of: ClientOf) -> None:
    with peer() as server:
        server.default = answer({"id": 777})
        with pytest.raises(InvalidResponse):
            client_of(server).task.get(5)
