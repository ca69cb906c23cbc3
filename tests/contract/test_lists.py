"""Lists as the server gives them: pages, orders, filters, totals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.asking import UNEXPECTED, Asker, eventually
from tests.contract.networks import Network

TEXTS = ("abc_x%y", "abcdxZZy", "ABC", "100 %")


@pytest.fixture(scope="module")
def described(ask: Asker, offline: int) -> list[dict[str, Any]]:
    """Create subtasks that differ in their descriptions, and that nobody runs."""
    return [ask.create([offline], description=text, name=f"task {text}") for text in TEXTS]


def test_ten_a_page_unless_told(ask: Asker, offline: int) -> None:
    for _ in range(11):
        ask.create([offline], name="eleven")
    query = {"parent_id": ask.container.task_id, "name": "eleven"}
    default = ask.proxy("GET", "task", params=query)
    assert len(default.json()["data"]) == 10
    assert default.headers["total-count"] == "11"
    everything = ask.proxy("GET", "task", params={**query, "per_page": 1000})
    assert len(everything.json()["data"]) == 11


def test_links_lead_to_the_other_pages(ask: Asker, network: Network) -> None:
    collaboration = network.collaboration_id
    query = {"collaboration_id": collaboration, "page": 2, "per_page": 1, "sort": "id"}
    response = ask.proxy("GET", "organization", params=query)
    address = f"/api/organization?collaboration_id={collaboration}&page={{}}&per_page=1&sort=id"
    pages = {"first": 1, "previous": 1, "self": 2, "next": 3, "last": 4}
    links = {rel: address.format(page) for rel, page in pages.items()}
    assert response.json()["links"] == links
    assert response.headers["Link"] == ",".join(f"<{url}>; rel={rel}" for rel, url in links.items())


def test_a_page_beyond_the_end_is_empty_and_still_tells_the_total(
    ask: Asker, network: Network
) -> None:
    query = {"collaboration_id": network.collaboration_id, "page": 99, "per_page": 3}
    response = ask.proxy("GET", "organization", params=query)
    assert response.json()["data"] == []
    assert response.headers["total-count"] == "4"
    assert set(response.json()["links"]) == {"first", "previous", "self", "last"}


def test_the_number_of_open_runs_takes_few_bytes(
    ask: Asker, running: list[int], offline: int
) -> None:
    task = ask.create([*running, offline])
    query = {"task_id": task["id"], "state": "open", "per_page": 1, "page": 99999}
    response = ask.proxy("GET", "run", params=query)
    assert 1 <= int(response.headers["total-count"]) <= 4
    assert (response.json()["data"], len(response.content) < 300) == ([], True)
    researcher = ask.network.researcher
    eventually(lambda: all(run["finished_at"] for run in researcher.runs(task["id"])[:3]))
    response = ask.proxy("GET", "run", params=query)
    assert response.headers["total-count"] == "1"


@pytest.mark.parametrize(("name", "value"), [("page", 0), ("per_page", 0), ("sort", "nothing")])
def test_a_page_that_cannot_be_is_a_500_with_json(ask: Asker, name: str, value: object) -> None:
    response = ask.server("GET", "organization", params={name: value})
    assert response.status_code == 500
    expected = {
        "page": "page needs to be >= 1",
        "per_page": "per_page needs to be >= 1",
        "sort": "Cannot sort a 'Organization' by 'nothing' because it does not exist",
    }
    assert response.json()["msg"] == expected[name]


def test_organizations_sort(ask: Asker, network: Network) -> None:
    ids = [one.id for one in network.organizations]
    query = {"collaboration_id": network.collaboration_id}
    assert [one["id"] for one in ask.rows("organization", **query, sort="id")] == ids
    assert [one["id"] for one in ask.rows("organization", **query, sort="-id")] == ids[::-1]
    names = [one["name"] for one in ask.rows("organization", **query, sort="-name")]
    assert names == sorted(names, reverse=True)


def test_organizations_of_a_study(ask: Asker, network: Network) -> None:
    [study] = network.researcher.request("GET", "study", params={"name": "two"})["data"]
    listed = ask.rows("organization", study_id=study["id"], sort="id")
    assert [one["id"] for one in listed] == [one.id for one in network.organizations[:2]]


def test_tasks_runs_and_results_come_newest_first_whatever_is_asked(
    ask: Asker, running: list[int]
) -> None:
    task = ask.create(running)
    ask.network.researcher.wait(task["id"])
    for sort in ({}, {"sort": "id"}, {"sort": "-id"}):
        for path in ("run", "result"):
            ids = [row["id"] for row in ask.rows(path, task_id=task["id"], **sort)]
            assert ids == sorted(ids, reverse=True)
            assert len(ids) == 3
        ids = [row["id"] for row in ask.rows("task", **sort)]
        assert ids == sorted(ids, reverse=True)
    listed = ask.rows("run", task_id=task["id"])
    assert [run["organization"]["id"] for run in listed] == running[::-1]


def test_runs_and_results_inside_a_task_come_oldest_first(ask: Asker, running: list[int]) -> None:
    task = ask.create(running)
    found = ask.proxy("GET", f"task/{task['id']}", params={"include": "runs,results"}).json()
    assert [run["organization"]["id"] for run in found["runs"]] == running
    assert [row["id"] for row in found["results"]] == [run["id"] for run in found["runs"]]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("abc", ["ABC"]),
        ("ABC", ["ABC"]),
        ("abc%", ["abc_x%y", "abcdxZZy", "ABC"]),
        ("abc_x%y", ["abc_x%y", "abcdxZZy"]),
        ("%x%", ["abc_x%y", "abcdxZZy"]),
        ("bc", []),
        ("%", list(TEXTS)),
    ],
)
def test_texts_are_searched_with_wildcards_whole_and_whatever_the_case(
    ask: Asker, described: list[dict[str, Any]], pattern: str, found: list[str]
) -> None:
    ids = {task["id"] for task in described}
    for field, prefix in (("description", ""), ("name", "task ")):
        query = {"parent_id": ask.container.task_id, field: prefix + pattern}
        rows = [row for row in ask.rows("task", **query) if row["id"] in ids]
        assert sorted(row[field].removeprefix(prefix) for row in rows) == sorted(found)


def test_tasks_of_a_parent_and_of_a_job(
    ask: Asker, described: list[dict[str, Any]], network: Network
) -> None:
    ids = [task["id"] for task in described]
    children = [row["id"] for row in ask.rows("task", parent_id=ask.container.task_id)]
    assert set(ids) <= set(children)
    job = described[0]["job_id"]
    rows = ask.rows("task", job_id=job)
    assert {row["id"] for row in rows} == {*children, ask.container.task_id}
    assert {row["job_id"] for row in network.researcher.tasks(job)} == {job}
    own = ask.rows("task", job_id=job, is_user_created=1)
    assert [row["id"] for row in own] == [ask.container.task_id]


def test_tasks_by_status_are_refused(ask: Asker) -> None:
    response = ask.server("GET", "task", params={"status": "completed"})
    assert (response.status_code, response.json()) == (500, UNEXPECTED)


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("task", "parent_id", "Parent task id=999999 does not exist!"),
        ("task", "job_id", "Job id=999999 does not exist!"),
        ("run", "task_id", "Task id=999999 does not exist!"),
        ("result", "task_id", "Task id=999999 does not exist!"),
    ],
)
def test_a_filter_by_what_is_not_there_is_refused(
    ask: Asker, path: str, name: str, message: str
) -> None:
    response = ask.server("GET", path, params={name: 999_999})
    assert (response.status_code, response.json()) == (400, {"msg": message})


def test_results_that_come_inside_a_list_of_tasks(ask: Asker, running: list[int]) -> None:
    task = ask.create(running[:1], name="inside")
    ask.network.researcher.wait(task["id"])
    query = {"parent_id": ask.container.task_id, "name": "inside", "include": "runs,results"}
    [row] = ask.rows("task", **query)
    assert [run["status"] for run in row["runs"]] == ["completed"]
    assert row["results"][0]["run"]["id"] == row["runs"][0]["id"]


def test_the_time_of_assignment_is_the_start_of_the_server(
    ask: Asker, running: list[int], network: Network
) -> None:
    """So it says nothing, and neither do the filters that use it."""
    task = ask.create(running[:1])
    network.researcher.wait(task["id"])
    everything = ask.rows("run")
    assert len({run["assigned_at"] for run in everything}) == 1
    assert everything[0]["assigned_at"] < min(run["started_at"] or "9" for run in everything)
