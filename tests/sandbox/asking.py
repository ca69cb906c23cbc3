"""Plain requests, as a container makes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import requests

from v6client.sandbox import Container, Sandbox


def encoded(method: str = "echo", **kwargs: object) -> str:
    document = {"method": method, "args": [], "kwargs": kwargs}
    return base64.b64encode(json.dumps(document).encode()).decode()


def ask_proxy(
    container: Container,
    method: str,
    path: str,
    json: object = None,
    **headers: str,
) -> requests.Response:
    url = f"{container.host}:{container.port}/{path}"
    return _ask(method, url, json, _headers(container, headers))


def ask_server(
    sandbox: Sandbox,
    container: Container,
    method: str,
    path: str,
    json: object = None,
    **headers: str,
) -> requests.Response:
    return _ask(method, f"{sandbox.server_url}/{path}", json, _headers(container, headers))


def _headers(container: Container, more: Mapping[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {container.token}", **more}


def _ask(method: str, url: str, json: object, headers: Mapping[str, str]) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, json=json, headers=headers, timeout=30)


def subtask(image: str, *organizations: int, **changes: object) -> dict[str, object]:
    return {
        "name": "subtask",
        "image": image,
        "collaboration_id": 1,
        "organizations": [{"id": one, "input": encoded(value=one)} for one in organizations],
        **changes,
    }
