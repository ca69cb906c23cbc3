"""The keys of every resource and the types of their values, as a container gets them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import jwt
import pytest

from tests.contract.asking import Asker
from tests.contract.networks import IMAGE, Network

Shape = dict[str, Any]
"""By key: a type, a tuple of types, another shape, or what checks a value."""


def moment(value: object) -> bool:
    """Say whether it is a time without a zone."""
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is None


def moment_or_none(value: object) -> bool:
    """Say whether it is a time, or nothing yet."""
    return value is None or moment(value)


LINK: Final[Shape] = {"id": int, "link": str, "methods": list}
VERSION: Final[Shape] = {"version": str}
STATUS: Final[Shape] = {"status": str}
BLOB_STORE: Final[Shape] = {"blob_store_enabled": bool}
ADDRESSES: Final[Shape] = {"addresses": list}
PAGE: Final[Shape] = {"data": list, "links": {"first": str, "self": str, "last": str}}
ORGANIZATION: Final[Shape] = {
    "id": int,
    "name": str,
    "domain": str,
    "address1": str,
    "address2": str,
    "zipcode": str,
    "country": str,
    "public_key": str,
    **dict.fromkeys(("collaborations", "nodes", "users", "tasks", "runs", "studies"), str),
}
COLLABORATION: Final[Shape] = {
    "id": int,
    "name": str,
    "encrypted": bool,
    **dict.fromkeys(("organizations", "nodes", "tasks", "algorithm_stores", "studies"), str),
}
STUDY: Final[Shape] = {
    "id": int,
    "name": str,
    "collaboration": LINK,
    "organizations": str,
    "tasks": str,
}
TASK: Final[Shape] = {
    "id": int,
    "name": str,
    "description": str,
    "image": str,
    "job_id": int,
    "status": str,
    "created_at": moment,
    "finished_at": moment_or_none,
    "collaboration": LINK,
    "study": type(None),
    "algorithm_store": type(None),
    "parent": LINK,
    "init_org": LINK,
    "init_user": LINK,
    "runs": str,
    "results": str,
    "children": str,
    "databases": list,
}
RUN: Final[Shape] = {
    "id": int,
    "status": str,
    "input": str,
    "log": (str, type(None)),
    "assigned_at": moment,
    "started_at": moment_or_none,
    "finished_at": moment_or_none,
    "cleanup_at": type(None),
    "blob_storage_used": bool,
    "task": LINK,
    "organization": LINK,
    "results": LINK,
    "ports": list,
    "node": {"id": int, "ip": type(None), "status": str, "name": str},
}
RESULT: Final[Shape] = {
    "id": int,
    "result": str,
    "run": LINK,
    "task": LINK,
    "cleanup_at": type(None),
    "blob_storage_used": bool,
}


def check(value: Any, shape: Any, where: str) -> None:
    """Fail where a value is not of a shape."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        assert value.keys() == shape.keys(), where
        for key, expected in shape.items():
            check(value[key], expected, f"{where}.{key}")
    elif isinstance(shape, (type, tuple)):
        assert isinstance(value, shape), f"{where} is {value!r}"
        assert shape is not int or not isinstance(value, bool), f"{where} is {value!r}"
    else:
        assert shape(value), f"{where} is {value!r}"


@pytest.fixture(scope="module")
def finished(ask: Asker, running: list[int]) -> dict[str, Any]:
    """Create a subtask for one organization and wait for its end."""
    task = ask.create(running[:1], databases=[{"label": "default"}], description="shapes")
    ask.network.researcher.wait(task["id"])
    return task


def test_what_has_no_id(ask: Asker) -> None:
    for path, shape in (
        ("version", VERSION),
        ("blobstream/status", BLOB_STORE),
        ("vpn/algorithm/addresses", ADDRESSES),
        (f"task/{ask.container.task_id}/status", STATUS),
    ):
        check(ask.proxy("GET", path).json(), shape, path)


def test_an_organization(ask: Asker) -> None:
    listed = ask.rows("organization")[0]
    check(listed, ORGANIZATION, "organization")
    assert ask.proxy("GET", f"organization/{listed['id']}").json() == listed


def test_a_collaboration(ask: Asker) -> None:
    found = ask.proxy("GET", f"collaboration/{ask.network.collaboration_id}").json()
    check(found, COLLABORATION, "collaboration")
    assert found["encrypted"] is False


def test_a_study(ask: Asker) -> None:
    studies = ask.network.researcher.request("GET", "study", params={"name": "two"})["data"]
    found = ask.proxy("GET", f"study/{studies[0]['id']}").json()
    check(found, STUDY, "study")
    assert found["organizations"] == f"/api/organization?study_id={found['id']}"


def test_a_new_task(finished: dict[str, Any], ask: Asker) -> None:
    check(finished, TASK, "task")
    assert finished["status"] == "pending"
    assert finished["parent"]["link"] == f"/api/task/{ask.container.task_id}"
    assert finished["databases"] == [{"label": "default", "parameters": "{}"}]


def test_a_finished_task(finished: dict[str, Any], ask: Asker) -> None:
    found = ask.proxy("GET", f"task/{finished['id']}").json()
    check(found, {**TASK, "finished_at": moment}, "task")
    same = set(TASK) - {"status", "finished_at", "collaboration", "init_org", "init_user", "parent"}
    assert {key: found[key] for key in same} == {key: finished[key] for key in same}
    assert found["runs"] == f"/api/run?task_id={found['id']}"
    assert found["results"] == f"/api/result?task_id={found['id']}"


def test_a_root_task_has_no_parent(ask: Asker) -> None:
    found = ask.proxy("GET", f"task/{ask.container.task_id}").json()
    check(found, {**TASK, "parent": type(None)}, "task")


def test_a_finished_run(finished: dict[str, Any], ask: Asker) -> None:
    [run] = ask.rows("run", task_id=finished["id"])
    check(run, {**RUN, "started_at": moment, "finished_at": moment, "log": str}, "run")
    single = ask.proxy("GET", f"run/{run['id']}").json()
    assert {**single, "node": 0} == {**run, "node": 0}


def test_a_run_with_its_task(finished: dict[str, Any], ask: Asker) -> None:
    [run] = ask.rows("run", task_id=finished["id"], include="task")
    without_runs = {key: value for key, value in TASK.items() if key != "runs"}
    check(run["task"], without_runs, "task")


def test_a_task_with_its_runs_and_results(finished: dict[str, Any], ask: Asker) -> None:
    """A comma list, or the same word twice; the proxy hands on only the first of those."""
    for include in ("runs,results", "results,runs"):
        found = ask.proxy("GET", f"task/{finished['id']}", params={"include": include}).json()
        check(found, {**TASK, "runs": list, "results": list}, "task")
        check(found["runs"][0], RUN, "run")
        check(found["results"][0], RESULT, "result")
    params = [("include", "runs"), ("include", "results")]
    found = ask.proxy("GET", f"task/{finished['id']}", params=params).json()
    check(found, {**TASK, "runs": list}, "task")


def test_a_result(finished: dict[str, Any], ask: Asker) -> None:
    for ask_it in (ask.proxy, ask.server):
        response = ask_it("GET", "result", params={"task_id": finished["id"]})
        check(response.json(), PAGE, "page")
        [row] = response.json()["data"]
        check(row, RESULT, "result")
        assert row["id"] == row["run"]["id"]


def test_a_page(ask: Asker) -> None:
    for path in ("organization", "task", "run"):
        check(ask.proxy("GET", path, params={"per_page": 1000}).json(), PAGE, path)


def test_the_token_of_a_container(network: Network) -> None:
    with network.open_container(
        image=IMAGE, databases=[{"label": "default", "query": "q", "sheet_name": "s"}]
    ) as held:
        claims = jwt.decode(held.token, options={"verify_signature": False})
    assert claims.keys() == {
        *("sub", "type", "fresh", "jti", "csrf", "iat", "nbf"),
        *("client_type", "roles"),
    }
    assert (claims["type"], claims["client_type"]) == ("access", "container")
    assert claims["sub"] == {
        "client_type": "container",
        "node_id": network.organizations[0].node_id,
        "organization_id": network.organizations[0].id,
        "collaboration_id": network.collaboration_id,
        "study_id": None,
        "store_id": None,
        "task_id": held.task_id,
        "image": IMAGE,
        "databases": [{"label": "default", "query": "q", "sheet_name": "s"}],
    }


def test_the_databases_of_a_token_can_be_sent_back(ask: Asker, running: list[int]) -> None:
    databases = [{"label": "default", "query": "q", "sheet_name": "s"}]
    task = ask.create(running[:1], databases=databases)
    expected = [{"label": "default", "parameters": '{"query":"q","sheet_name":"s"}'}]
    assert task["databases"] == expected
