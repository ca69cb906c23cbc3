"""Plain requests, as any client could make them, through the proxy or straight to the server."""

from __future__ import annotations

import base64
import json as json_library
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import requests

from tests.contract.networks import IMAGE, Container, Network

MASK: Final = {"msg": "Request failed, see node logs"}
UNEXPECTED: Final = {"msg": "An unexpected error occurred on the server!"}
HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
_PATIENCE: Final = 30.0


@dataclass(frozen=True)
class Asker:
    """Makes requests with a container's token."""

    network: Network
    container: Container

    def proxy(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask the proxy of the container's node."""
        return self._send(method, f"{self.container.host}:{self.container.port}/{path}", options)

    def server(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask the server itself, with the container's token."""
        return self._send(method, f"{self.network.server_url}/{path}", options)

    def task(self, organizations: Sequence[int], /, **changes: Any) -> dict[str, Any]:
        """Give the body of a task whose runs echo a value."""
        return {
            "name": "subtask",
            "image": IMAGE,
            "collaboration_id": self.network.collaboration_id,
            "organizations": [{"id": one, "input": encoded("echo", one)} for one in organizations],
            "databases": [],
            **changes,
        }

    def create(self, organizations: Sequence[int], /, **changes: Any) -> dict[str, Any]:
        """Create a subtask through the proxy."""
        response = self.proxy("POST", "task", json=self.task(organizations, **changes))
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json()
        return created

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """List through the proxy, one page of at most a thousand rows in the server's order."""
        response = self.proxy("GET", path, params={"per_page": 1000, **query})
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["data"]
        return found

    def _send(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        more = dict(options)
        token = more.pop("token", self.container.token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers.update(more.pop("headers", {}))
        more.setdefault("timeout", _PATIENCE)
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, url, headers=headers, **more)


def report(network: Network, organization: int, run_id: int, result: str) -> None:
    """Complete a run in the place of a node."""
    key = network.api_key(organization)
    answer = requests.post(f"{network.server_url}/token/node", json={"api_key": key}, timeout=30)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    moment = "2030-01-02T03:04:05.000006"
    body = {
        "status": "completed",
        "result": result,
        "started_at": moment,
        "finished_at": moment,
    }
    url = f"{network.server_url}/run/{run_id}"
    patched = requests.patch(url, json=body, headers=headers, timeout=30)
    assert patched.status_code == 200, patched.text


def encoded(method: str, *args: object, **more: object) -> str:
    """Encode an input as a client does; ``more`` are further keys beside ``method``."""
    document = {"method": method, "args": list(args), "kwargs": {}, **more}
    return base64.b64encode(json_library.dumps(document).encode()).decode()


def decoded(result: str) -> Any:
    """Decode what a proxy gives as a result."""
    return json_library.loads(base64.b64decode(result))


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, and fail if it does not in half a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
