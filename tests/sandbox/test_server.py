"""The server's answers to a container."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import jwt
import pytest

from tests.sandbox.asking import ask_server, encoded, subtask
from v6client.sandbox import Container, Sandbox
from v6client.sandbox.server.status import task_status
from v6client.sandbox.server.task_schema import task_errors

IMAGE = "v6client.sandbox.algorithm"


@pytest.fixture
def held(wide: Sandbox) -> Iterator[Container]:
    with wide.open_container(3, databases=[{"label": "d", "query": "q"}]) as container:
        yield container


def get(sandbox: Sandbox, container: Container, path: str) -> Any:
    response = ask_server(sandbox, container, "GET", path)
    assert response.status_code == 200, response.text
    return response.json()


def test_ten_a_page_with_links_and_the_total(wide: Sandbox, held: Container) -> None:
    response = ask_server(wide, held, "GET", "organization")
    page = response.json()
    assert [row["id"] for row in page["data"]] == list(range(1, 11))
    assert page["links"] == {
        "first": "/api/organization?page=1",
        "self": "/api/organization?page=1",
        "next": "/api/organization?page=2",
        "last": "/api/organization?page=3",
    }
    assert response.headers["total-count"] == "25"
    assert response.headers["Link"].startswith("</api/organization?page=1>; rel=first,")
    assert [row["id"] for row in get(wide, held, "organization?page=3")["data"]] == [
        21,
        22,
        23,
        24,
        25,
    ]
    assert len(get(wide, held, "organization?per_page=1000")["data"]) == 25


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=0", "page needs to be >= 1"),
        ("per_page=0", "per_page needs to be >= 1"),
        ("page=x", "invalid literal for int() with base 10: 'x'"),
        ("sort=colour", "Cannot sort a 'Task' by 'colour' because it does not exist"),
        ("status=active", "An unexpected error occurred on the server!"),
    ],
)
def test_a_bad_list_query_is_a_500(
    wide: Sandbox, held: Container, query: str, message: str
) -> None:
    response = ask_server(wide, held, "GET", f"task?{query}")
    assert (response.status_code, response.json()) == (500, {"msg": message})


def test_a_page_beyond_the_end_tells_the_open_runs(wide: Sandbox, held: Container) -> None:
    task = ask_server(wide, held, "POST", "task", json=subtask(IMAGE, 1, 2, 3)).json()
    response = ask_server(
        wide, held, "GET", f"run?task_id={task['id']}&state=open&per_page=1&page=99999"
    )
    assert response.headers["total-count"] == "3"
    assert response.json()["data"] == []
    assert len(response.content) < 300


def test_names_and_descriptions_are_searched_with_like(wide: Sandbox, held: Container) -> None:
    description = "sum of ages [v6c:0123456789abcdef]"
    body = subtask(IMAGE, 1, description=description, name="one of many")
    task = ask_server(wide, held, "POST", "task", json=body).json()
    other = ask_server(wide, held, "POST", "task", json=subtask(IMAGE, 1)).json()
    parent = f"task?parent_id={held.task_id}"
    assert [row["id"] for row in get(wide, held, parent)["data"]] == [other["id"], task["id"]]
    for query in ("description=%25v6c:0123456789abcdef%25", "name=one%25", "name=one_of_many"):
        assert [row["id"] for row in get(wide, held, f"{parent}&{query}")["data"]] == [task["id"]]
    # Without a wildcard the whole field has to match.
    assert get(wide, held, f"{parent}&description=v6c:0123456789abcdef")["data"] == []


def test_runs_and_results_come_with_a_task(wide: Sandbox, held: Container) -> None:
    task = ask_server(wide, held, "POST", "task", json=subtask(IMAGE, 7, 5)).json()
    assert task["runs"] == f"/api/run?task_id={task['id']}"
    both = get(wide, held, f"task/{task['id']}?include=runs,results")
    assert [run["organization"]["id"] for run in both["runs"]] == [7, 5]
    assert [result["result"] for result in both["results"]] == [None, None]
    newest_first = get(wide, held, f"run?task_id={task['id']}")["data"]
    assert [run["organization"]["id"] for run in newest_first] == [5, 7]
    assert newest_first[0]["node"]["status"] is None
    assert newest_first[0]["blob_storage_used"] is False


def test_times_are_utc_without_a_zone(wide: Sandbox, held: Container) -> None:
    task = get(wide, held, f"task/{held.task_id}")
    created = datetime.fromisoformat(task["created_at"])
    assert created.tzinfo is None
    (run,) = get(wide, held, f"run?task_id={held.task_id}")["data"]
    # The real server gives each run the time of its own start.
    assert datetime.fromisoformat(run["assigned_at"]) < created
    assert run["started_at"] >= task["created_at"]


def test_the_token_says_who_the_container_is(wide: Sandbox, held: Container) -> None:
    claims = jwt.decode(held.token, options={"verify_signature": False, "verify_sub": False})
    assert claims["client_type"] == "container"
    assert "exp" not in claims
    assert claims["sub"] == {
        "client_type": "container",
        "node_id": wide.organizations[2].node_id,
        "organization_id": 3,
        "collaboration_id": 1,
        "study_id": None,
        "store_id": None,
        "task_id": held.task_id,
        "image": IMAGE,
        "databases": [{"query": "q", "label": "d"}],
    }


@pytest.mark.parametrize(
    ("authorization", "status", "message"),
    [
        ("", 401, "Missing Authorization Header"),
        ("Bearer nonsense", 422, "Not enough segments"),
        (
            "Basic abc",
            401,
            "Missing 'Bearer' type in 'Authorization' header.",
        ),
        (
            f"Bearer {jwt.encode({'sub': 1}, 'another secret, of enough bytes for this')}",
            422,
            "Signature",
        ),
    ],
)
def test_a_bad_token(
    wide: Sandbox, held: Container, authorization: str, status: int, message: str
) -> None:
    response = ask_server(wide, held, "GET", "organization", Authorization=authorization)
    assert response.status_code == status
    assert response.json()["msg"].startswith(message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "node"),
        ("GET", "node/2"),
        ("GET", "collaboration"),
        ("GET", "study"),
        ("GET", "user/1"),
        ("POST", "kill/task"),
        ("DELETE", "task/1"),
        ("PATCH", "run/1"),
        ("PATCH", "organization/3"),
        ("POST", "token/container"),
    ],
)
def test_what_a_container_may_not_is_a_500(
    wide: Sandbox, held: Container, method: str, path: str
) -> None:
    response = ask_server(wide, held, method, path, json={"id": 1})
    assert response.status_code == 500
    assert response.json() == {"msg": "An unexpected error occurred on the server!"}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("organization/99", 404, "Organization id=99 not found!"),
        ("collaboration/9", 404, "collaboration having id=9 not found"),
        ("study/9", 404, "Study with id=9 not found"),
        ("task/9999", 404, "task id=9999 is not found"),
        ("task/9999/status", 404, "Task id=9999 not found"),
        ("run/9999", 404, "Run id=9999 not found!"),
        ("run?task_id=9999", 400, "Task id=9999 does not exist!"),
        ("run?organization_id=99", 401, "You lack the permission to view runs for organization"),
        ("task?parent_id=9999", 400, "Parent task id=9999 does not exist!"),
        ("task?job_id=9999", 400, "Job id=9999 does not exist!"),
        ("organization?collaboration_id=2", 401, "You lack the permission to get all"),
        ("vpn/algorithm/addresses?only_self=1&only_parent=1", 400, "You can only specify one"),
    ],
)
def test_what_is_not_there_is_said(
    wide: Sandbox, held: Container, path: str, status: int, message: str
) -> None:
    response = ask_server(wide, held, "GET", path)
    assert response.status_code == status
    assert response.json()["msg"].startswith(message)


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"image": "another"}, 401, "Container-token is not valid"),
        ({"collaboration_id": 2}, 404, "Collaboration id=2 not found!"),
        ({"study_id": 9}, 404, "Study id=9 not found"),
        (
            {"organizations": [{"id": 99, "input": encoded()}]},
            400,
            "At least one of the supplied organizations in not within the collaboration.",
        ),
        (
            {"organizations": [{"id": 1, "input": encoded()}] * 2},
            400,
            "Cannot create this task because there are no nodes registered for the following",
        ),
        (
            {"organizations": [{"id": 1, "input": base64.b64encode(b"\xff\xfe").decode()}]},
            400,
            "Your task's input cannot be parsed.",
        ),
        ({"organizations": [{"id": 1}]}, 500, "An unexpected error occurred"),
        ({"description": "x" * 1025}, 400, "Request body is incorrect"),
        ({"surprise": 1}, 400, "Request body is incorrect"),
    ],
)
def test_a_task_that_is_refused(
    wide: Sandbox, held: Container, changes: dict[str, object], status: int, message: str
) -> None:
    body = subtask(IMAGE, 1) | changes
    response = ask_server(wide, held, "POST", "task", json=body)
    assert response.status_code == status
    assert response.json()["msg"].startswith(message)


def test_a_finished_parent_gets_no_subtask(wide: Sandbox) -> None:
    with wide.open_container() as held:
        assert ask_server(wide, held, "POST", "task", json=subtask(IMAGE, 1)).status_code == 201
    response = ask_server(wide, held, "POST", "task", json=subtask(IMAGE, 1))
    assert (response.status_code, response.json()["msg"]) == (401, "Container-token is not valid")


def test_a_study_limits_its_tasks(sandbox: Sandbox) -> None:
    with sandbox.open_container(study_id=1) as held:
        claims = jwt.decode(held.token, options={"verify_signature": False, "verify_sub": False})
        assert claims["sub"]["study_id"] == 1
        study = get(sandbox, held, "study/1")
        assert (study["name"], study["collaboration"]["id"]) == ("first two", 1)
        members = get(sandbox, held, "organization?study_id=1")["data"]
        assert [row["id"] for row in members] == [1, 2]
        assert ask_server(sandbox, held, "GET", "study/2").status_code == 401
        image = claims["sub"]["image"]
        body = subtask(image, 3, study_id=1)
        response = ask_server(sandbox, held, "POST", "task", json=body)
        assert response.status_code == 400
        assert response.json()["msg"].endswith("not within the specified study.")


def test_addresses_come_from_the_ports_of_runs(wide: Sandbox, held: Container) -> None:
    addresses = "vpn/algorithm/addresses"
    assert get(wide, held, addresses) == {"addresses": []}
    wide.add_port(held.run_id, 8888, label="mpi")
    (own,) = get(wide, held, addresses)["addresses"]
    assert own == {
        "port": 8888,
        "label": "mpi",
        "ip": "127.0.0.1",
        "organization_id": 3,
        "task_id": held.task_id,
        "parent_id": None,
    }
    assert get(wide, held, f"{addresses}?only_siblings=1") == {"addresses": []}
    assert len(get(wide, held, f"{addresses}?only_self=1&label=mpi")["addresses"]) == 1
    assert get(wide, held, f"{addresses}?label=other") == {"addresses": []}
    assert get(wide, held, f"{addresses}?only_children=1") == {"addresses": []}


def test_deleting_a_task_deletes_its_tree(wide: Sandbox) -> None:
    with wide.open_container() as held:
        child = ask_server(wide, held, "POST", "task", json=subtask(IMAGE, 1)).json()
        wide.researcher.request("DELETE", f"task/{held.task_id}")
        ids = {task["id"] for task in wide.researcher.tasks()}
        assert not ids & {held.task_id, child["id"]}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], "completed"),
        (["completed", "completed"], "completed"),
        (["completed", "pending"], "pending"),
        (["initializing", "pending"], "initializing"),
        (["pending", "active"], "active"),
        (["active", "crashed"], "crashed"),
        (["active", "crashed", "failed"], "failed"),
        (["killed by user", "killed by user"], "killed by user"),
    ],
)
def test_a_tasks_status_follows_from_its_runs(runs: list[str], expected: str) -> None:
    assert task_status(runs) == expected


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({}, {}),
        ({"databases": None}, {}),
        ({"name": ""}, {"name": ["Name cannot be empty"]}),
        ({"name": "12"}, {"name": ["Name cannot a number"]}),
        ({"name": "x" * 129}, {"name": ["Name cannot be longer than 128 characters"]}),
        ({"name": 3}, {"name": ["Not a valid string."]}),
        ({"description": None}, {"description": ["Field may not be null."]}),
        ({"image": ""}, {"image": ["Shorter than minimum length 1."]}),
        ({"collaboration_id": 0}, {"collaboration_id": ["Must be greater than or equal to 1."]}),
        ({"collaboration_id": "x"}, {"collaboration_id": ["Not a valid integer."]}),
        ({"collaboration_id": True}, {"collaboration_id": ["Not a valid integer."]}),
        ({"organizations": []}, {"organizations": ["At least one organization is required"]}),
        (
            {"organizations": [{}]},
            {"organizations": ["Organization id is required for each organization"]},
        ),
        ({"organizations": [1]}, {"organizations": {"0": ["Not a valid mapping type."]}}),
        ({"databases": "default"}, {"databases": ["Not a valid list."]}),
        ({"databases": [{}]}, {"databases": ["Database label is required for each database"]}),
        (
            {"databases": [{"label": "a", "arguments": 1}]},
            {"databases": ["Database arguments must be a dict"]},
        ),
        ({"server_url": "x"}, {"server_url": ["Not a valid URL."]}),
        ({"foo": 1}, {"foo": ["Unknown field."]}),
    ],
)
def test_the_schema_of_a_task(changes: dict[str, object], errors: dict[str, object]) -> None:
    assert task_errors(subtask("image", 1) | changes) == errors


def test_a_task_needs_an_image_organizations_and_a_place() -> None:
    missing = ["Missing data for required field."]
    assert task_errors({}) == {"image": missing, "organizations": missing}
    assert task_errors([]) == {"_schema": ["Invalid input type."]}
    assert task_errors({"image": "i", "organizations": [{"id": 1}]}) == {
        "_schema": ["Collaboration_id or study_id is required"]
    }
