"""The node's proxy, with its warts."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from flask.testing import FlaskClient

from tests.sandbox.asking import ask_proxy, encoded, subtask
from v6client.sandbox import Container, Sandbox
from v6client.sandbox.node.collaboration import Collaboration
from v6client.sandbox.node.link import ServerLink
from v6client.sandbox.node.proxy import create_proxy
from v6client.sandbox.secrecy import Secrecy

MASK = {"msg": "Request failed, see node logs"}
TOKEN = {"Authorization": "Bearer x"}


class Upstream(BaseHTTPRequestHandler):
    """A server that notes what comes and answers as it is told."""

    requests: ClassVar[list[tuple[str, str, dict[str, str]]]] = []
    status = 200
    body = b'{"msg": "of the server"}'
    content_type = "application/json"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body = self.status, self.body
        if self.path == "/api/collaboration/1":
            status, body = 200, b'{"encrypted": false}'
        else:
            self.requests.append((self.command, self.path, dict(self.headers)))
        self.send_response(status)
        self.send_header("Content-Type", self.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("total-count", "7")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[tuple[type[Upstream], str]]:
    kind: type[Upstream] = type("Script", (Upstream,), {"requests": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield kind, f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def proxy_of(server_url: str) -> FlaskClient:
    link = ServerLink(server_url, "", threading.Event())
    return create_proxy(Collaboration(link, 1), Secrecy()).test_client()


@pytest.fixture
def client(upstream: tuple[type[Upstream], str]) -> FlaskClient:
    return proxy_of(upstream[1])


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_every_error_is_tried_three_times_and_hidden(
    upstream: tuple[type[Upstream], str], client: FlaskClient, pauses: list[float], status: int
) -> None:
    upstream[0].status = status
    response = client.get("/organization/1", headers=TOKEN)
    assert (response.status_code, response.json) == (500, MASK)
    assert "total-count" not in response.headers
    assert [path for _, path, _ in upstream[0].requests] == ["/api/organization/1"] * 3
    assert pauses == []


def test_an_error_that_is_not_json_costs_a_second_each_time(
    upstream: tuple[type[Upstream], str], client: FlaskClient, pauses: list[float]
) -> None:
    upstream[0].status, upstream[0].body = 502, b"<html>Bad gateway</html>"
    assert client.get("/organization", headers=TOKEN).status_code == 500
    assert (len(upstream[0].requests), pauses) == (3, [1, 1, 1])


def test_a_server_that_is_away_costs_a_second_each_time(pauses: list[float]) -> None:
    client = proxy_of("http://127.0.0.1:1/api")
    response = client.get("/organization", headers=TOKEN)
    assert (response.status_code, response.json) == (500, MASK)
    assert pauses == [1, 1, 1]


def test_a_task_is_posted_three_times_too(
    upstream: tuple[type[Upstream], str], client: FlaskClient
) -> None:
    upstream[0].status = 500
    response = client.post("/task", json=subtask("i", 1), headers=TOKEN)
    assert (response.status_code, response.json) == (500, MASK)
    assert [method for method, _, _ in upstream[0].requests] == ["POST"] * 3


def test_only_authorization_travels_on_and_headers_come_back(
    upstream: tuple[type[Upstream], str], client: FlaskClient
) -> None:
    headers = {**TOKEN, "traceparent": "00-1-2-01", "Idempotency-Key": "k"}
    response = client.get("/task?name=a%25&name=b", headers=headers)
    assert response.headers["total-count"] == "7"
    ((_, path, sent),) = upstream[0].requests
    # Of a key that is given twice, the first value alone arrives.
    assert path == "/api/task?name=a%25"
    assert sent["Authorization"] == "Bearer x"
    assert not {"traceparent", "Idempotency-Key"} & sent.keys()


def test_a_json_content_type_without_a_body_is_masked(
    upstream: tuple[type[Upstream], str], client: FlaskClient
) -> None:
    headers = {**TOKEN, "Content-Type": "application/json"}
    response = client.get("/organization", headers=headers)
    assert (response.status_code, response.json) == (500, MASK)
    assert upstream[0].requests == []


def test_a_created_task_comes_as_html_without_headers(container: Container) -> None:
    body = subtask("harbor.example/average:1", 1)
    response = ask_proxy(container, "POST", "task", json=body)
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.json()["parent"]["id"] == container.task_id


def test_a_task_without_organizations_is_refused_here(container: Container) -> None:
    response = ask_proxy(container, "POST", "task", json={"name": "x"})
    assert response.status_code == 400
    assert response.json() == {"msg": "Organizations missing from input"}


def test_results_need_a_task(container: Container) -> None:
    response = ask_proxy(container, "GET", "result")
    assert response.status_code == 400
    assert response.json() == {"msg": "No task id found in request from algorithm..."}


def test_results_of_a_task_page_by_page(sandbox: Sandbox, container: Container) -> None:
    task = sandbox.researcher.create_task(
        "v6client.sandbox.algorithm", "echo", [{"a": 1}], organizations=[1, 2]
    )
    sandbox.researcher.wait(task["id"])
    path = f"result?task_id={task['id']}&per_page=1"
    page = ask_proxy(container, "GET", path).json()
    assert list(page) == ["data", "links"]
    (row,) = page["data"]
    assert json.loads(base64.b64decode(row["result"])) == {"a": 1}
    assert "next" in page["links"]


def test_a_single_result_never_works(container: Container) -> None:
    response = ask_proxy(container, "GET", "result/1")
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Internal Server Error" in response.text


def test_what_the_server_refuses_is_masked_at_once(container: Container) -> None:
    response = ask_proxy(container, "GET", "task/99999")
    assert (response.status_code, response.json()) == (500, MASK)
    assert response.elapsed.total_seconds() < 2


def test_blobs_are_not_in_use(container: Container) -> None:
    response = ask_proxy(container, "GET", "blobstream/status")
    assert response.json() == {"blob_store_enabled": False}
    assert ask_proxy(container, "GET", "blobstream/abc").status_code == 404


def test_an_input_is_passed_on_as_it_is(sandbox: Sandbox, container: Container) -> None:
    body = subtask("harbor.example/average:1", 4)
    task = ask_proxy(container, "POST", "task", json=body).json()
    (run,) = sandbox.researcher.runs(task["id"])
    assert run["input"] == encoded(value=4)
