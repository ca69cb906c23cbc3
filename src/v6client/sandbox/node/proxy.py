"""The node's proxy, as ``vantage6.node.proxy_server`` 4.15.2 behaves towards an algorithm.

Its warts are its point: it serves one request at a time, tries everything three times, hides
the server's status and message, and has one route that never works.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Mapping
from typing import Any

import requests
from flask import Flask, Response, request

_log = logging.getLogger(__name__)

_TRIES = 3
_HIGHEST_SUCCESS = 210
_MASK = {"msg": "Request failed, see node logs"}
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


class _ProxyFailed(Exception):  # noqa: N818 - all tries of a request failed
    pass


def create_proxy(server_url: str) -> Flask:
    """Give the WSGI application of a proxy in front of a server."""
    app = Flask("v6client.sandbox.node", static_folder=None)
    app.add_url_rule(
        "/task", view_func=lambda: _post_task(server_url), methods=["POST"], endpoint="task"
    )
    app.add_url_rule("/result", view_func=lambda: _get_results(server_url), endpoint="results")
    app.add_url_rule("/result/<int:id>", view_func=_get_result, endpoint="result")
    app.add_url_rule(
        "/blobstream/<string:blob>",
        view_func=lambda blob: _stream(server_url, f"blobstream/{blob}"),
        endpoint="blob",
    )
    app.add_url_rule(
        "/<path:path>",
        view_func=lambda path: _forward(server_url, path),
        methods=list(_METHODS),
        endpoint="anything",
    )
    return app


def _try_three_times(
    server_url: str,
    method: str,
    path: str,
    json: object = None,
    params: Mapping[str, str] | None = None,
) -> requests.Response:
    """Ask the server, without a timeout, until an answer is a success."""
    headers = _authorization()
    url = f"{server_url}/{path}"
    for attempt in range(_TRIES):
        try:
            # A new connection each time; of a repeated query key only the first value travels.
            response = requests.request(method, url, json=json, params=params, headers=headers)  # noqa: S113 - the real one waits, too
            if response.status_code <= _HIGHEST_SUCCESS:
                return response
            # An answer that is not JSON fails here, and so costs the pause below.
            response.json()
            _log.warning("attempt %s: the server answered %s", attempt, response.status_code)
        except Exception:  # noqa: BLE001 - as the real one
            _log.exception("attempt %s failed", attempt)
            # Without monkey patching this stops the whole proxy.
            time.sleep(1)
    raise _ProxyFailed


def _authorization() -> dict[str, str] | None:
    value = request.headers.get("Authorization")
    return None if value is None else {"Authorization": value}


def _from_request(server_url: str, path: str) -> requests.Response:
    # A JSON content type without a body fails here, outside of the tries.
    body = request.get_json() if request.is_json else None
    return _try_three_times(server_url, request.method, path, body, request.args.to_dict())


def _forward(server_url: str, path: str) -> Any:  # noqa: ANN401 - what Flask takes
    try:
        response = _from_request(server_url, path)
    except Exception:  # noqa: BLE001 - as the real one
        _log.exception("forwarding failed")
        return _MASK, 500
    return response.content, response.status_code, list(response.headers.items())


def _post_task(server_url: str) -> Any:  # noqa: ANN401 - what Flask takes
    body = request.get_json()
    if not body.get("organizations"):
        return {"msg": "Organizations missing from input"}, 400
    if _authorization() is None:
        return _MASK, 500
    try:
        response = _try_three_times(server_url, "POST", "task", body)
    except Exception:  # noqa: BLE001 - as the real one
        _log.exception("creating a task failed")
        return _MASK, 500
    # Without headers: the JSON goes out as text/html.
    return response.content, response.status_code


def _get_results(server_url: str) -> Any:  # noqa: ANN401 - what Flask takes
    if "task_id" not in request.args:
        return {"msg": "No task id found in request from algorithm..."}, 400
    try:
        response = _from_request(server_url, f"result?task_id={request.args['task_id']}")
    except Exception:  # noqa: BLE001 - as the real one
        _log.exception("getting results failed")
        return _MASK, 500
    results = response.json()
    for result in results["data"]:
        if result["result"]:
            result["result"] = _decoded(result["result"])
    return results, response.status_code


def _decoded(result: str) -> str:
    """Decode and encode a result, as the real proxy does where nothing is encrypted."""
    try:
        return base64.b64encode(base64.b64decode(result)).decode()
    except ValueError:
        return result


def _get_result(**_: int) -> Response:
    """Fail: the real route passes ``id`` to a function whose parameter is ``id_``."""
    raise TypeError("proxy_results() got an unexpected keyword argument 'id'")


def _stream(server_url: str, path: str) -> Any:  # noqa: ANN401 - what Flask takes
    """Pass a blob on, in one try, with the server's own status."""
    names = ("Authorization", "Content-Type", "Content-Length")
    response = requests.get(  # noqa: S113 - so does the real one
        f"{server_url}/{path}",
        params=request.args.to_dict(),
        headers={name: request.headers[name] for name in names if name in request.headers},
    )
    return response.content, response.status_code, list(response.headers.items())
