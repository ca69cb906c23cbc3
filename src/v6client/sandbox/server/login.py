"""``/token``: who logs in as what; and ``/version``, ``/health``."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from v6client.sandbox.server import status, tokens
from v6client.sandbox.server.documents import API
from v6client.sandbox.server.identity import identity, only_for, state
from v6client.sandbox.server.queries import by_id, row, rows, status_of
from v6client.sandbox.server.replies import Refusal, reply
from v6client.sandbox.server.task_schema import identifier_error

routes = Blueprint("login", __name__)

# The version whose behaviour is copied.
VERSION = "4.15.2"


@routes.get("/version")
def version() -> Response:
    """Give the version; nobody has to log in for it, and the database is not asked."""
    return reply({"version": VERSION})


@routes.get("/health")
def health() -> Response:
    """Say whether the database answers."""
    return reply({"database": row("SELECT 1") is not None})


@routes.post("/token/user")
def log_in_user() -> Response:
    """Log a user in."""
    body = _body(username=_text, password=_text)
    user = row("SELECT id FROM user WHERE username = ?", body["username"])
    right = hmac.compare_digest(body["password"].encode(), state().password.encode())
    if not (user and right):
        raise Refusal(401, "Failed to login")
    return _tokens(user["id"], "user", ("super",))


@routes.post("/token/node")
def log_in_node() -> Response:
    """Log a node in by its API key."""
    body = _body(api_key=_api_key)
    node = row("SELECT id FROM node WHERE api_key = ?", body["api_key"])
    if not node:
        raise Refusal(401, "Api key is not recognized!")
    return _tokens(node["id"], "node")


@routes.post("/token/refresh")
def refresh() -> Response:
    """Give new tokens for a refresh token."""
    authorization = request.headers.get("Authorization")
    claims = tokens.read(state().secret, authorization, kind="refresh")
    return _tokens(claims["sub"], claims["client_type"], tuple(claims["roles"]))


@routes.post("/token/container")
@only_for("node")
def log_in_container() -> Response:
    """Give a node the token for one of its containers."""
    body = _body(task_id=identifier_error, image=_text)
    task = by_id("task", body["task_id"])
    if task is None:
        raise Refusal(400, "Parent task does not exist!")
    if body["image"] != task["image"]:
        raise Refusal(401, "Image and task do no match")
    if task["collaboration_id"] not in identity().collaboration_ids:
        raise Refusal(401, "You are not within the collaboration")
    if status.has_finished(status_of(task["id"])):
        raise Refusal(400, "Task is already finished!")
    databases = rows(
        "SELECT database, parameters FROM task_database WHERE task_id = ? ORDER BY id", task["id"]
    )
    container = {
        "client_type": "container",
        "node_id": identity().id,
        "organization_id": identity().organization_id,
        "collaboration_id": task["collaboration_id"],
        "study_id": task["study_id"],
        "store_id": None,
        "task_id": body["task_id"],
        "image": body["image"],
        "databases": [
            json.loads(entry["parameters"]) | {"label": entry["database"]} for entry in databases
        ],
    }
    return reply({"container_token": tokens.issue(state().secret, container, "container")})


def _tokens(identifier: int, kind: str, roles: tuple[str, ...] = ()) -> Response:
    secret = state().secret
    access = tokens.issue(secret, identifier, kind, roles=roles)
    document = {
        "access_token": access,
        "refresh_token": tokens.issue(secret, identifier, kind, kind="refresh", roles=roles),
        "refresh_url": f"{API}/token/refresh",
        f"{kind}_url": f"{API}/{kind}/{identifier}",
    }
    return reply(document, headers={"jwt-token": access})


def _body(**checks: Callable[[object], str | None]) -> Mapping[str, Any]:
    """Give the body, or refuse it with what is wrong."""
    body: Any = request.get_json()
    errors: dict[str, object] = {}
    for name, check in checks.items():
        error = check(body[name]) if name in body else "Missing data for required field."
        if error:
            errors[name] = [error]
    errors.update({name: ["Unknown field."] for name in body if name not in checks})
    if errors:
        raise Refusal(400, "Request body is incorrect", errors)
    return dict(body)


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return "Not a valid string."
    return None if value else "Shorter than minimum length 1."


def _api_key(value: object) -> str | None:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return "API key is not a valid UUID"
    return None
