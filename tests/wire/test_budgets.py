"""What each operation may cost: requests, connections and spans. Times are a benchmark's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tests.conftest import ClientOf
from tests.peer import Answer, Peer, Received, answer, peer
from v6client import AlgorithmClient
from v6client.telemetry import schema, spans

ORGANIZATIONS = 500
THREADS = 16


class Server:
    """What a container asks of the node's proxy, counted."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []

    def respond(self, request: Received) -> Answer:
        query = {name: one[0] for name, one in parse_qs(urlsplit(request.target).query).items()}
        if request.method == "POST":
            body = json.loads(request.body)
            members = [one["id"] for one in body["organizations"]]
            task = {"id": 100 + len(self.tasks), "description": body["description"]}
            self.tasks.append({**task, "status": "completed", "members": members})
            return answer(task, 201)
        answers: dict[str, Callable[[], Any]] = {
            "/blobstream/status": lambda: {"blob_store_enabled": False},
            "/organization": lambda: _page([{"id": n} for n in range(1, ORGANIZATIONS + 1)], query),
            "/task": lambda: _page(self._found(query), query),
            "/run": lambda: _page(self._rows(query, {"status": "completed"}), query),
            "/result": lambda: _page(self._rows(query, {"result": "MQ=="}), query),
        }
        if request.path in answers:
            return answer(answers[request.path]())
        kind, id_ = request.path.strip("/").split("/")[:2]
        return answer({"id": int(id_), "status": "completed", "kind": kind})

    def _found(self, query: dict[str, str]) -> list[dict[str, Any]]:
        wanted = query.get("description", "").strip("%")
        return [one for one in reversed(self.tasks) if wanted in one["description"]]

    def _rows(self, query: dict[str, str], more: dict[str, Any]) -> list[dict[str, Any]]:
        task_id = int(query["task_id"])
        return [
            {"id": 1000 * task_id + n, "organization": {"id": n}, "run": {"id": n}, **more}
            for n in reversed(self.tasks[task_id - 100]["members"])
        ]


def _page(rows: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    number, size = int(query.get("page", "1")), int(query.get("per_page", "10"))
    last = number * size
    links = {"next": "there is more"} if last < len(rows) else {}
    return {"data": rows[last - size : last], "links": links}


@pytest.fixture
def server() -> Iterator[Peer]:
    with peer() as this:
        this.by_request = Server().respond
        yield this


@contextmanager
def counted_spans() -> Iterator[Callable[[], Counter[str]]]:
    """Give what counts the spans so far: operations by name, attempts as ``attempt``."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer(schema.INSTRUMENTATION)
    with pytest.MonkeyPatch.context() as patch:
        # Another test's provider is the process's for good.
        patch.setattr(spans, "tracer", lambda: tracer)
        yield lambda: Counter(
            "attempt" if one.kind is SpanKind.CLIENT else one.name
            for one in exporter.get_finished_spans()
        )
    provider.shutdown()


def asked(server: Peer) -> dict[str, int]:
    """Count the requests by endpoint."""
    return dict(Counter(f"{one.method} {one.path}" for one in server.received))


def test_a_get_is_a_request_and_two_spans(client_of: ClientOf, server: Peer) -> None:
    with counted_spans() as count:
        client = client_of(server)
        for _ in range(20):
            client.organization.get(1)
    assert asked(server) == {"GET /organization/1": 20}
    assert server.connections == 1
    assert count() == {"organization.get": 20, "attempt": 20}


@pytest.mark.parametrize("members", [4, 50])
def test_a_creation_is_two_requests_whatever_the_number_of_organizations(
    members: int, client_of: ClientOf, server: Peer
) -> None:
    with counted_spans() as count:
        client = client_of(server)
        for _ in range(3):
            client.task.create({"method": "partial"}, list(range(1, members + 1)))
    # One question per client, and two requests per creation: the POST, and the look for twins.
    assert asked(server) == {"GET /blobstream/status": 1, "POST /task": 3, "GET /task": 3}
    # The kept one, and a new one for each POST.
    assert server.connections == 4
    created = count()
    assert created.pop("attempt") == 7
    assert created == {"task.create": 3, "blobstore.status": 1}


def test_a_list_of_500_is_five_requests(client_of: ClientOf, server: Peer) -> None:
    with counted_spans() as count:
        rows = client_of(server).organization.list()
    assert [one["id"] for one in rows] == list(range(1, ORGANIZATIONS + 1))
    assert asked(server) == {"GET /organization": 5}
    assert server.connections == 1
    assert count() == {"organization.list": 1, "attempt": 5}


@pytest.mark.parametrize("members", [20, 200])
def test_the_polls_of_a_group_grow_with_pages(
    members: int, client_of: ClientOf, server: Peer
) -> None:
    client = client_of(server)
    task = client.task.create({"method": "x"}, list(range(1, members + 1)), isolated=True)
    server.received.clear()
    with counted_spans() as count:
        assert client.wait_for_results(task["id"]) == [1] * members
    requests = asked(server)
    # One poll that sees all of them ended, and one look for twins; a page has a hundred tasks.
    assert requests.pop("GET /task") <= 2 * -(-members // 100)
    # Only a task's own runs and results can be asked for: no route gives those of several.
    assert requests == {"GET /run": members, "GET /result": members}
    assert count()["task.wait"] == 1


def test_no_lock_is_held_while_the_server_works(client_of: ClientOf) -> None:
    everybody = threading.Barrier(THREADS, timeout=20)

    def when_all_are_there(request: Received) -> Answer:
        write = answer({"id": int(request.path.rpartition("/")[2])})

        def wait(connection: Any) -> bool:
            everybody.wait()
            return write(connection)

        return wait

    def get(client: AlgorithmClient, n: int) -> int:
        return int(client.organization.get(n)["id"])

    with peer() as this, ThreadPoolExecutor(THREADS) as pool:
        this.by_request = when_all_are_there
        client = client_of(this)
        for _ in range(3):
            found = pool.map(lambda n: get(client, n), range(1, THREADS + 1))
            assert list(found) == list(range(1, THREADS + 1))
    # Each thread at work has one, and they are kept.
    assert this.connections == THREADS


@pytest.mark.parametrize(
    "module", ["cryptography", "jwt", "opentelemetry.sdk", "requests", "rich", "structlog"]
)
def test_the_import_brings_along_what_it_needs_alone(module: str, imported: set[str]) -> None:
    # They are half of what v6client would take to import, and are imported by whoever needs them.
    assert module not in imported


@pytest.fixture(scope="module")
def imported() -> set[str]:
    code = "import sys, v6client; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return set(done.stdout.split())
