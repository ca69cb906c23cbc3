"""A small vantage6 network in memory, as a container sees it through its node's proxy.

Whatever must not leave the process has the word ``canary`` in it, or is base64 of such.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.conftest import container_token
from tests.peer import Received

CANARY: Final = "canary"
TOKEN: Final = container_token(
    image="harbor.example/canary-image", databases=[{"label": "canary-label"}]
)
INPUT: Final = {"method": "canary-method", "kwargs": {"column": "canary-column"}}
ORGANIZATIONS: Final = (1, 2, 3)
FINISHED: Final = 40
CREATED_FROM: Final = 100
WRITTEN: Final = {"id": 9, "msg": "canary-message"}
ADDRESSES: Final = [{"ip": "10.0.0.1", "port": 8888, "label": "canary-port", "organization_id": 2}]


def encoded(value: object) -> str:
    """Encode as inputs and results are."""
    return base64.b64encode(json.dumps(value).encode()).decode()


def result_of(organization: int) -> dict[str, int]:
    """Give the result of an organization's run of the finished task."""
    return {"canary-result": organization}


# What none of ours may show: the word, the token, and the payloads as they go over the wire.
SECRETS: Final = (CANARY, TOKEN, encoded(INPUT), *(encoded(result_of(n)) for n in ORGANIZATIONS))


def leaks(text: str) -> bool:
    """Tell whether a text holds something that must not leave."""
    return any(secret in text for secret in SECRETS)


def run_row(run_id: int, task_id: int, organization: int) -> dict[str, Any]:
    """Make a row of ``GET run``."""
    return {
        "id": run_id,
        "status": "completed" if task_id == FINISHED else "active",
        "started_at": "2026-01-01T00:00:00",
        "organization": {"id": organization},
        "task": {"id": task_id},
        "node": {"id": 3, "name": "canary-node", "status": "online"},
        "input": encoded(INPUT),
        "log": "canary-log",
    }


def task_row(task_id: int, description: str, organizations: tuple[int, ...]) -> dict[str, Any]:
    """Make a row of ``GET task``; ``organizations`` are those that have a run."""
    return {
        "id": task_id,
        "name": "canary-name",
        "description": description,
        "status": "completed" if task_id == FINISHED else "active",
        "organizations": list(organizations),
    }


class Network:
    """The network: organizations, one finished task, and the tasks that are created."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.created: list[dict[str, Any]] = []
        self.written = 0

    @property
    def tasks(self) -> dict[int, dict[str, Any]]:
        """All tasks by id."""
        known = [
            task_row(7, "the container's own", (2,)),
            task_row(FINISHED, "finished", ORGANIZATIONS),
        ]
        return {one["id"]: one for one in [*known, *self.created]}

    def create(self, request: Received, *, runs: int | None = None) -> dict[str, Any]:
        """Carry out ``POST task``; of the runs only so many, where ``runs`` is given."""
        body = json.loads(request.body)
        organizations = tuple(one["id"] for one in body["organizations"])[:runs]
        with self.lock:
            task = task_row(CREATED_FROM + len(self.created), body["description"], organizations)
            self.created.append(task)
        return task

    def answer(self, request: Received) -> tuple[int, object]:
        """Carry out a request: the status and the body."""
        if request.method == "POST" and request.path == "/task":
            return 201, self.create(request)
        if request.method != "GET":
            self.written += 1
            return 200, WRITTEN
        query = dict(parse_qsl(urlsplit(request.target).query))
        collection, *rest = request.path.strip("/").split("/")
        found = self._get(collection, rest, query)
        return (200, found) if found is not None else (500, {"msg": "no such canary"})

    def _get(self, collection: str, rest: list[str], query: Mapping[str, str]) -> object:
        if collection == "vpn":
            return {"addresses": ADDRESSES}
        if collection == "blobstream":
            return {"blob_store_enabled": False}
        if not rest:
            return _page(self._rows(collection, query), query)
        number = int(rest[0])
        if collection == "task":
            task = self.tasks[number]
            return {"status": task["status"]} if rest[1:] else task
        if collection == "run":
            return run_row(number, number // 10, number % 10)
        return {"id": number, "name": "canary-name"}

    def _rows(self, collection: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        if collection == "organization":
            return [{"id": one, "name": "canary-name"} for one in ORGANIZATIONS]
        if collection == "study":
            return [{"id": 5, "name": "canary-study"}]
        if collection == "task":
            key = query["description"].strip("%")
            return [one for one in self.tasks.values() if key in one["description"]][::-1]
        task = self.tasks[int(query["task_id"])]
        rows = [run_row(10 * task["id"] + one, task["id"], one) for one in task["organizations"]]
        if collection == "result":
            return [
                {"id": one["id"], "result": encoded(result_of(one["organization"]["id"]))}
                for one in rows
            ][::-1]
        return rows[::-1]


def _page(rows: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    number, size = int(query.get("page", 1)), int(query.get("per_page", 10))
    last = number * size >= len(rows)
    return {
        "data": rows[(number - 1) * size : number * size],
        "links": {} if last else {"next": f"?page={number + 1}"},
    }
