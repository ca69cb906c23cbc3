"""What the node's proxy makes of requests and answers, while the server is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.asking import HTML, JSON, MASK, Asker, encoded

ABSENT = 999_999


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (f"task/{ABSENT}", {}),
        (f"task/{ABSENT}/status", {}),
        (f"run/{ABSENT}", {}),
        (f"organization/{ABSENT}", {}),
        (f"study/{ABSENT}", {}),
        ("run", {"task_id": ABSENT}),
        ("result", {"task_id": ABSENT}),
        ("result", {"task_id": "text"}),
        ("task", {"status": "completed"}),
        ("organization", {"page": 0}),
    ],
)
def test_whatever_the_server_refuses_is_the_same_masked_500(
    ask: Asker, path: str, params: dict[str, Any]
) -> None:
    response = ask.proxy("GET", path, params=params)
    assert (response.status_code, response.json()) == (500, MASK)
    assert response.headers["Content-Type"] == JSON


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"], ids=["none", "nonsense", "parts"])
def test_a_bad_token_is_masked(ask: Asker, token: str, running: list[int]) -> None:
    own = ask.container.organization_id
    refused = [
        ask.proxy("GET", f"organization/{own}", token=token),
        ask.proxy("POST", "task", json=ask.task(running[:1]), token=token),
    ]
    assert [(one.status_code, one.json()) for one in refused] == [(500, MASK)] * 2


def test_a_path_that_the_server_does_not_know_is_masked(ask: Asker) -> None:
    response = ask.proxy("GET", "no/such/path")
    assert (response.status_code, response.json()) == (500, MASK)


def test_a_method_that_the_server_does_not_know_is_masked(ask: Asker) -> None:
    response = ask.proxy("PUT", f"task/{ask.container.task_id}")
    assert (response.status_code, response.json()) == (500, MASK)


def test_a_json_content_type_without_a_body_is_masked(ask: Asker) -> None:
    own = f"organization/{ask.container.organization_id}"
    assert ask.proxy("GET", own).status_code == 200
    response = ask.proxy("GET", own, headers={"Content-Type": JSON})
    assert (response.status_code, response.json()) == (500, MASK)


def test_the_mask_has_no_header_of_the_server(ask: Asker) -> None:
    response = ask.proxy("GET", f"task/{ABSENT}")
    assert set(response.headers) - {"Connection"} == {"Content-Type", "Content-Length", "Date"}


def test_headers_of_the_server_pass(ask: Asker) -> None:
    response = ask.proxy("GET", "run", params={"task_id": ask.container.task_id})
    assert response.headers["total-count"] == "1"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["access-control-expose-headers"] == "total-count, Link"
    assert response.headers["Link"].startswith(f"</api/run?task_id={ask.container.task_id}&page=1>")


def test_no_header_of_the_server_passes_where_the_proxy_looks_inside(
    ask: Asker, running: list[int]
) -> None:
    created = ask.proxy("POST", "task", json=ask.task(running[:1]))
    assert created.status_code == 201
    results = ask.proxy("GET", "result", params={"task_id": created.json()["id"]})
    for response in (created, results):
        assert set(response.headers) - {"Connection"} == {"Content-Type", "Content-Length", "Date"}


def test_a_created_task_is_json_that_calls_itself_html(ask: Asker, running: list[int]) -> None:
    response = ask.proxy("POST", "task", json=ask.task(running[:1]))
    assert response.headers["Content-Type"] == HTML
    assert response.json()["parent"]["id"] == ask.container.task_id
    direct = ask.server("GET", f"task/{response.json()['id']}")
    assert direct.headers["Content-Type"] == JSON


def test_a_single_result_is_always_an_html_500(ask: Asker) -> None:
    response = ask.proxy("GET", f"result/{ask.container.run_id}")
    assert response.status_code == 500
    assert response.headers["Content-Type"] == HTML
    assert response.text.startswith("<!doctype html>")
    assert ask.server("GET", f"result/{ask.container.run_id}").status_code == 200


def test_results_need_a_task(ask: Asker) -> None:
    response = ask.proxy("GET", "result")
    expected = {"msg": "No task id found in request from algorithm..."}
    assert (response.status_code, response.json()) == (400, expected)


def test_a_task_needs_organizations(ask: Asker) -> None:
    response = ask.proxy("POST", "task", json=ask.task([]))
    expected = {"msg": "Organizations missing from input"}
    assert (response.status_code, response.json()) == (400, expected)


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [("{x", {"Content-Type": JSON}, 400), ("{}", {}, 415)],
    ids=["not JSON", "no content type"],
)
def test_a_task_that_cannot_be_read_is_an_html_error(
    ask: Asker, data: str, headers: dict[str, str], status: int
) -> None:
    response = ask.proxy("POST", "task", data=data, headers=headers)
    assert (response.status_code, response.headers["Content-Type"]) == (status, HTML)


def test_the_root_is_an_html_404(ask: Asker) -> None:
    response = ask.proxy("GET", "")
    assert (response.status_code, response.headers["Content-Type"]) == (404, HTML)


def test_a_blob_is_asked_for_once_and_its_404_passes(ask: Asker) -> None:
    blob = "11111111-1111-1111-1111-111111111111"
    response = ask.proxy("GET", f"blobstream/{blob}")
    expected = {"msg": f"No run found with input or result id={blob}"}
    assert (response.status_code, response.json()) == (404, expected)


def test_a_blob_needs_the_key_of_its_receiver(ask: Asker) -> None:
    response = ask.proxy("POST", "blobstream", data=b"xyz")
    expected = {"msg": "Missing X-Public-Key header"}
    assert (response.status_code, response.json()) == (400, expected)


def test_there_is_no_blob_store(ask: Asker) -> None:
    assert ask.proxy("GET", "blobstream/status").json() == {"blob_store_enabled": False}


def test_head_is_answered_like_get(ask: Asker) -> None:
    response = ask.proxy("HEAD", "version")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(ask.proxy("GET", "version").content)


def test_nobody_has_to_log_in_for_the_version(ask: Asker) -> None:
    assert ask.proxy("GET", "version", token="").json() == {"version": "4.15.2"}


def test_an_input_may_have_more_keys(ask: Asker, running: list[int]) -> None:
    organizations = [{"id": running[0], "input": encoded("echo", 5, extra=1)}]
    task = ask.create([], organizations=organizations)
    assert ask.network.researcher.wait(task["id"])["status"] == "completed"
    assert ask.network.researcher.results(task["id"]) == [5]


def test_results_come_in_pages(ask: Asker, running: list[int]) -> None:
    task = ask.create(running)
    ids = [one["id"] for one in ask.rows("run", task_id=task["id"])]
    pages = [
        ask.proxy("GET", "result", params={"task_id": task["id"], "per_page": 2, "page": page})
        for page in (1, 2)
    ]
    assert [[row["id"] for row in page.json()["data"]] for page in pages] == [ids[:2], ids[2:]]
