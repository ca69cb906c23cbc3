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
from flask import Flask, Response, request, stream_with_context

from v6client.errors import EncryptionError
from v6client.sandbox.node.collaboration import Collaboration
from v6client.sandbox.secrecy import Secrecy

_log = logging.getLogger(__name__)

_TRIES = 3
_PART = 1 << 18
_HIGHEST_SUCCESS = 210
_MASK = {"msg": "Request failed, see node logs"}
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


class _ProxyFailed(Exception):  # noqa: N818 - all tries of a request failed
    pass


def create_proxy(collaboration: Collaboration, secrecy: Secrecy) -> Flask:
    """Give the WSGI application of a proxy in front of a collaboration's server."""
    server_url = collaboration.server_url
    app = Flask("v6client.sandbox.node", static_folder=None)
    app.add_url_rule(
        "/task",
        view_func=lambda: _post_task(collaboration, secrecy),
        methods=["POST"],
        endpoint="task",
    )
    app.add_url_rule(
        "/result", view_func=lambda: _get_results(server_url, secrecy), endpoint="results"
    )
    app.add_url_rule("/result/<int:id>", view_func=_get_result, endpoint="result")
    app.add_url_rule(
        "/blobstream/<string:blob>",
        view_func=lambda blob: _get_blob(server_url, blob, secrecy),
        endpoint="blob",
    )
    app.add_url_rule(
        "/blobstream",
        view_func=lambda: _post_blob(server_url, secrecy),
        methods=["POST"],
        endpoint="new blob",
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
    method = "GET" if request.method == "HEAD" else request.method
    return _try_three_times(server_url, method, path, body, request.args.to_dict())


def _forward(server_url: str, path: str) -> Any:  # noqa: ANN401 - what Flask takes
    try:
        response = _from_request(server_url, path)
    except Exception:  # noqa: BLE001 - as the real one
        _log.exception("forwarding failed")
        return _MASK, 500
    return response.content, response.status_code, list(response.headers.items())


def _post_task(collaboration: Collaboration, secrecy: Secrecy) -> Any:  # noqa: ANN401 - as below
    server_url = collaboration.server_url
    body = request.get_json()
    if not body.get("organizations"):
        return {"msg": "Organizations missing from input"}, 400
    # What fails here is not caught: the algorithm gets a page of HTML.
    if collaboration.is_encrypted() and not collaboration.has_blob_store():
        for entry in body["organizations"]:
            entry["input"] = _encrypted(server_url, secrecy, entry)
    if _authorization() is None:
        return _MASK, 500
    try:
        response = _try_three_times(server_url, "POST", "task", body)
    except Exception:  # noqa: BLE001 - as the real one
        _log.exception("creating a task failed")
        return _MASK, 500
    # Without headers: the JSON goes out as text/html.
    return response.content, response.status_code


def _encrypted(server_url: str, secrecy: Secrecy, entry: Mapping[str, Any]) -> str:
    """Encrypt an organization's input for it."""
    organization = _try_three_times(server_url, "GET", f"organization/{entry['id']}")
    return secrecy.seal(base64.b64decode(entry["input"]), organization.json()["public_key"])


def _get_results(server_url: str, secrecy: Secrecy) -> Any:  # noqa: ANN401 - what Flask takes
    if "task_id" not in request.args:
        return {"msg": "No task id found in request from algorithm..."}, 400
    try:
        response = _from_request(server_url, f"result?task_id={request.args['task_id']}")
    except Exception:  # noqa: BLE001 - as the real one
        _log.exception("getting results failed")
        return _MASK, 500
    results = response.json()
    for result in results["data"]:
        if result["result"] and not result["blob_storage_used"]:
            result["result"] = _opened(result["result"], secrecy)
    return results, response.status_code


def _opened(result: str, secrecy: Secrecy) -> str:
    """Decrypt a result; what cannot be decrypted goes to the algorithm as it is."""
    try:
        return base64.b64encode(secrecy.open(result)).decode()
    except (ValueError, EncryptionError):
        _log.exception("a result cannot be opened")
        return result


def _get_result(**_: int) -> Response:
    """Fail: the real route passes ``id`` to a function whose parameter is ``id_``."""
    raise TypeError("proxy_results() got an unexpected keyword argument 'id'")


def _get_blob(server_url: str, blob: str, secrecy: Secrecy) -> Any:  # noqa: ANN401 - what Flask takes
    """Pass a blob on in one try, decrypted as it streams by; an error with the server's status."""
    response = requests.get(  # noqa: S113 - so does the real one
        f"{server_url}/blobstream/{blob}",
        params=request.args.to_dict(),
        headers=_blob_headers(),
        stream=True,
    )
    is_blob = "application/octet-stream" in response.headers.get("Content-Type", "")
    # What is no blob is the store's status, which has the same route here.
    if response.status_code > _HIGHEST_SUCCESS or not is_blob:
        return response.content, response.status_code, list(response.headers.items())
    parts = secrecy.open_parts(iter(lambda: response.raw.read(_PART), b""))
    return Response(
        stream_with_context(parts), response.status_code, headers=dict(response.headers)
    )


def _post_blob(server_url: str, secrecy: Secrecy) -> Any:  # noqa: ANN401 - what Flask takes
    """Pass a blob on in one try, encrypted as it streams by for the owner of a key."""
    public_key = request.headers.get("X-Public-Key")
    if not public_key:
        return {"msg": "Missing X-Public-Key header"}, 400
    if request.content_length is not None:
        # The real one hands this length on with a body of another length, and the server fails.
        return {"msg": "Error uploading result!"}, 500
    stream = request.stream
    response = requests.post(  # noqa: S113 - so does the real one
        f"{server_url}/blobstream",
        params=request.args.to_dict(),
        headers=_blob_headers(),
        data=secrecy.seal_parts(iter(lambda: stream.read(_PART), b""), public_key),
    )
    return response.content, response.status_code, list(response.headers.items())


def _blob_headers() -> dict[str, str]:
    names = ("Authorization", "Content-Type", "Content-Length")
    return {name: request.headers[name] for name in names if name in request.headers}
