"""Long lists: all of 25 and of 120, whatever the size of a page."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.asking import Asker, encoded, eventually, report
from tests.contract.conftest import CLIENT, client_of
from tests.contract.networks import IMAGE, Network, Start
from v6client import AlgorithmClient

pytestmark = pytest.mark.also_older

MANY, SOME = 120, 25


@pytest.fixture(scope="module")
def wide(start: Start) -> Iterator[Network]:
    """A hundred and twenty organizations, of which one has a running node; a study of 25."""
    places = [*range(SOME - 1, 0, -1), 0]
    with start(MANY, nodes=1, studies={"some": places}) as this:
        yield this


@pytest.fixture(scope="module")
def ids(wide: Network) -> list[int]:
    return [one.id for one in wide.organizations]


@pytest.fixture(scope="module")
def held(wide: Network) -> Iterator[Asker]:
    """Hold a container of the first organization."""
    with wide.open_container(image=IMAGE) as container:
        yield Asker(wide, container)


def client_with_pages_of(held: Asker, size: int) -> AlgorithmClient:
    return client_of(held.container, replace(CLIENT, page_size=size))


@pytest.mark.parametrize("size", [7, 100, 1000])
def test_all_organizations_of_the_collaboration(held: Asker, ids: list[int], size: int) -> None:
    listed = client_with_pages_of(held, size).organization.list()
    assert [one["id"] for one in listed] == ids


@pytest.mark.parametrize("size", [1, 10, 25])
def test_all_organizations_of_a_study(wide: Network, ids: list[int], size: int) -> None:
    [study] = wide.researcher.request("GET", "study", params={"name": "some"})["data"]
    with wide.open_container(image=IMAGE, study_id=study["id"]) as container:
        client = client_with_pages_of(Asker(wide, container), size)
        assert [one["id"] for one in client.organization.list()] == ids[:SOME]


@pytest.fixture(scope="module")
def task_of_all(held: Asker, ids: list[int]) -> dict[str, Any]:
    """Create one task for all organizations, in descending order."""
    return client_with_pages_of(held, 100).task.create({"method": "echo", "args": [1]}, ids[::-1])


@pytest.mark.parametrize("size", [11, 120, 1000])
def test_all_runs_of_a_task(
    held: Asker, ids: list[int], task_of_all: dict[str, Any], size: int
) -> None:
    runs = client_with_pages_of(held, size).run.from_task(task_of_all["id"])
    assert [one["organization"]["id"] for one in runs] == ids[::-1]
    assert [one["id"] for one in runs] == sorted(one["id"] for one in runs)


@pytest.mark.parametrize("size", [7, 100])
def test_results_of_a_task_of_which_most_are_not_there_yet(
    held: Asker, task_of_all: dict[str, Any], size: int
) -> None:
    client = client_with_pages_of(held, size)
    eventually(lambda: client.result.from_task(task_of_all["id"]) == [1])


@pytest.fixture(scope="module")
def finished(wide: Network, held: Asker, ids: list[int]) -> dict[str, Any]:
    """Create a task for 25 organizations, and complete the runs as their nodes would."""
    members = ids[1 : SOME + 1]
    task = client_with_pages_of(held, 100).task.create({"method": "echo"}, members)
    for run in held.rows("run", task_id=task["id"]):
        organization = run["organization"]["id"]
        result = base64.b64encode(str(organization).encode()).decode()
        report(wide, organization, run["id"], result)
    return {"id": task["id"], "members": members}


@pytest.mark.parametrize("size", [1, 10, 25, 100])
def test_all_results_of_a_task(held: Asker, finished: dict[str, Any], size: int) -> None:
    client = client_with_pages_of(held, size)
    assert client.result.from_task(finished["id"]) == finished["members"]
    assert client.wait_for_results(finished["id"]) == finished["members"]


def test_all_subtasks(held: Asker, ids: list[int]) -> None:
    organization = {"id": ids[1], "input": encoded("echo")}
    names = ["one of some"] * SOME + ["another"] * (MANY - SOME)
    made = []
    for name in names:
        body = held.task([], organizations=[organization], name=name, description="many")
        made.append(held.server("POST", "task", json=body).json()["id"])
    for asked, expected in (("name", made[:SOME]), ("description", made)):
        value = {"name": "one of some", "description": "many"}[asked]
        query = {"parent_id": held.container.task_id, asked: value}
        assert [row["id"] for row in held.rows("task", **query)] == expected[::-1]
        pages = [
            held.proxy("GET", "task", params={**query, "per_page": 50, "page": page}).json()["data"]
            for page in (1, 2, 3)
        ]
        assert [row["id"] for page in pages for row in page] == expected[::-1]
        first = held.proxy("GET", "task", params=query)
        assert (len(first.json()["data"]), first.headers["total-count"]) == (10, str(len(expected)))


def test_runs_by_filter(held: Asker, ids: list[int], task_of_all: dict[str, Any]) -> None:
    query = {"task_id": task_of_all["id"]}
    one = held.rows("run", **query, organization_id=ids[5])
    assert [run["organization"]["id"] for run in one] == [ids[5]]
    node = held.network.organizations[5].node_id
    assert [run["id"] for run in held.rows("run", **query, node_id=node)] == [one[0]["id"]]
    eventually(lambda: len(held.rows("run", **query, state="open")) == MANY - 1)
    beyond = {**query, "state": "open", "per_page": 1, "page": 99999}
    assert held.proxy("GET", "run", params=beyond).headers["total-count"] == str(MANY - 1)
