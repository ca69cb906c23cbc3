"""A server on 127.0.0.1 that computes next to nothing, and counts what it is asked.

``python -m benchmarks.speed.stub`` prints its port, and serves until standard input ends. It
answers what a container asks as the node's proxy does, as far as the benchmarks go: organizations
by pages, tasks, their runs and results; and OTLP, which it throws away. ``GET /counts`` gives the
requests and connections since the last time, and forgets them.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

ORGANIZATIONS: Final = 500
_ROWS_A_PAGE: Final = 10
_TASK_SECONDS: Final = 2.0
_RESULT: Final = base64.b64encode(b'{"sum": 1.5}').decode()

Query = dict[str, str]


def organization(id_: int) -> dict[str, Any]:
    """Give an organization as the server shows it."""
    names = ("domain", "address1", "address2", "zipcode", "country")
    return {
        "id": id_,
        "name": f"organization {id_}",
        **dict.fromkeys(names, ""),
        "public_key": "",
        "runs": f"/api/run?organization_id={id_}",
        "collaborations": f"/api/collaboration?organization_id={id_}",
    }


def page(rows: list[dict[str, Any]], query: Query) -> dict[str, Any]:
    """Give a page of a list, as the server cuts it."""
    number, size = int(query.get("page", 1)), int(query.get("per_page", _ROWS_A_PAGE))
    first = (number - 1) * size
    links = {"next": f"?page={number + 1}"} if first + size < len(rows) else {}
    return {"data": rows[first : first + size], "links": links}


class Tasks:
    """The subtasks that were created: each is over after two seconds."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def create(self, body: bytes) -> dict[str, Any]:
        """Create one."""
        asked = json.loads(body)
        with self._lock:
            task = {
                "id": 100 + len(self._rows),
                "name": asked.get("name", ""),
                "description": asked.get("description", ""),
                "organizations": [one["id"] for one in asked["organizations"]],
                "ends": time.monotonic() + _TASK_SECONDS,
            }
            self._rows.append(task)
        return self._shown(task)

    def one(self, id_: int) -> dict[str, Any]:
        """Give one."""
        return self._shown(self._rows[id_ - 100])

    def page(self, query: Query) -> dict[str, Any]:
        """List them, newest first; with a description, those that have it within."""
        wanted = query.get("description", "").strip("%")
        rows = [one for one in reversed(self._rows) if wanted in one["description"]]
        found = page(rows, query)
        return {**found, "data": [self._shown(one) for one in found["data"]]}

    def runs(self, query: Query) -> dict[str, Any]:
        """List a task's runs."""
        task = self._rows[int(query["task_id"]) - 100]
        return page(
            [
                {
                    "id": 1000 * task["id"] + place,
                    "status": _status(task),
                    "organization": {"id": id_},
                    "input": "",
                    "log": "",
                }
                for place, id_ in enumerate(task["organizations"])
            ],
            query,
        )

    def results(self, query: Query) -> dict[str, Any]:
        """List a task's results."""
        runs = self.runs(query)
        rows = [
            {
                "id": one["id"],
                "result": _RESULT,
                "blob_storage_used": False,
                "run": {"id": one["id"]},
            }
            for one in runs["data"]
        ]
        return {**runs, "data": rows}

    def _shown(self, task: dict[str, Any]) -> dict[str, Any]:
        shown = {key: value for key, value in task.items() if key != "ends"}
        return {**shown, "status": _status(task), "created_at": "2026-01-01T00:00:00"}


def _status(task: dict[str, Any]) -> str:
    return "completed" if time.monotonic() >= task["ends"] else "active"


class Stub:
    """What is asked, and what is answered."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._organizations = [organization(id_) for id_ in range(1, ORGANIZATIONS + 1)]
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        # Encoded once: the benchmarks of a single request ask for nothing else.
        self._first = _reply(self._organizations[0])

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection."""
        self._count("connections")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                method, target, _ = line.split(b" ", 2)
                headers = _headers(stream)
                size = int(headers.get(b"content-length", 0))
                connection.sendall(self._answer(method, target.decode(), stream.read(size)))

    def _answer(self, method: bytes, target: str, body: bytes) -> bytes:
        if target == "/organization/1":
            self._count("GET /organization/{id}")
            return self._first
        parts = urlsplit(target)
        if parts.path == "/counts":
            with self._lock:
                counts, self._counts = self._counts, Counter()
            return _reply(counts)
        template = re.sub(r"/\d+", "/{id}", parts.path)
        self._count(f"{method.decode()} {template}")
        query = {name: some[0] for name, some in parse_qs(parts.query).items()}
        number = int(digits[0]) if (digits := re.findall(r"/(\d+)", parts.path)) else 0
        if method == b"POST":
            return _reply(self._tasks.create(body), 201) if template == "/task" else _reply({})
        answers: dict[str, Callable[[], Any]] = {
            "/organization/{id}": lambda: organization(number),
            "/organization": lambda: page(self._organizations, query),
            "/collaboration/{id}": lambda: {"id": number, "encrypted": False},
            "/blobstream/status": lambda: {"blob_store_enabled": False},
            "/version": lambda: {"version": "4.15.2"},
            "/task": lambda: self._tasks.page(query),
            "/task/{id}": lambda: self._tasks.one(number),
            "/task/{id}/status": lambda: {"status": self._tasks.one(number)["status"]},
            "/run": lambda: self._tasks.runs(query),
            "/result": lambda: self._tasks.results(query),
        }
        return _reply(answers[template]()) if template in answers else _reply({"msg": "no"}, 404)

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def _headers(stream: Any) -> dict[bytes, bytes]:  # noqa: ANN401 - a buffered reader
    found = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        found[name.lower()] = value.strip()
    return found


def _reply(document: object, status: int = 200) -> bytes:
    content = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def main() -> None:
    """Serve until standard input ends."""
    stub = Stub()
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=stub.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
