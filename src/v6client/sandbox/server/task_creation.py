"""``POST /task``: the checks in the real server's order, then the task, then its runs."""

from __future__ import annotations

import base64
import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from v6client.sandbox.server import status
from v6client.sandbox.server.documents import task_document
from v6client.sandbox.server.identity import identity, only_for, state
from v6client.sandbox.server.queries import by_id, execute, known, rows, status_of
from v6client.sandbox.server.replies import Refusal, reply
from v6client.sandbox.server.state import utc_now
from v6client.sandbox.server.task_schema import task_errors

routes = Blueprint("task_creation", __name__)

_UNREADABLE = (
    "Your task's input cannot be parsed. Your input should be a base64 encoded JSON string."
    " Note that if you are using the user interface or Python client, this should be done for"
    " you. Also, make sure not to encrypt your input, as your collaboration is set to not use"
    " encryption."
)
_NO_BLOB = (
    "Your task's input cannot be parsed.{} Note that if you are using the user interface or Python"
    " client, this should be done for you."
)
_NOT_ENCRYPTED = (
    "Your collaboration requires encryption, but input is not encrypted! Please encrypt your"
    " input before sending it."
)


@routes.post("/task")
@only_for("user", "container")
def create_task() -> Response:
    """Create a task of a user, or a subtask of a container."""
    try:
        body: Any = request.get_json()
    except HTTPException as error:
        raise Refusal(400, "Request body is incorrect") from error
    errors = task_errors(body)
    if errors:
        raise Refusal(400, "Request body is incorrect", errors)
    collaboration, study_id = _where(body)
    organizations: list[Mapping[str, Any]] = body["organizations"]
    _check_organizations([entry["id"] for entry in organizations], collaboration["id"], study_id)
    _check_rights(body, collaboration["id"])
    _check_inputs(organizations, encrypted=bool(collaboration["encrypted"]))
    task_id = _save_task(body, collaboration["id"], study_id)
    _save_runs(task_id, organizations)
    state().bell.ring()
    return reply(task_document(known("task", task_id)), 201)


def _where(body: Mapping[str, Any]) -> tuple[sqlite3.Row, int | None]:
    """Give the collaboration of a task, and its study if it has one."""
    collaboration_id, study_id = body.get("collaboration_id"), body.get("study_id")
    if collaboration_id and not by_id("collaboration", collaboration_id):
        raise Refusal(404, f"Collaboration id={collaboration_id} not found!")
    if study_id:
        study = by_id("study", study_id)
        if not study:
            raise Refusal(404, f"Study id={study_id} not found")
        if collaboration_id and study["collaboration_id"] != collaboration_id:
            raise Refusal(
                400,
                f"The study_id '{study['id']}' does not belong to the collaboration_id"
                f" '{collaboration_id}' that is given.",
            )
        return known("collaboration", study["collaboration_id"]), study["id"]
    return known("collaboration", collaboration_id), None


def _check_organizations(
    wanted: Sequence[Any], collaboration_id: int, study_id: int | None
) -> None:
    members = _ids(
        "SELECT organization_id FROM member WHERE collaboration_id = ?", collaboration_id
    )
    if not set(wanted) <= members:
        raise Refusal(
            400, "At least one of the supplied organizations in not within the collaboration."
        )
    if study_id is not None:
        members = _ids("SELECT organization_id FROM study_member WHERE study_id = ?", study_id)
        if not set(wanted) <= members:
            raise Refusal(
                400, "At least one of the supplied organizations in not within the specified study."
            )
    with_node = _ids(
        "SELECT organization_id FROM node WHERE collaboration_id = ?", collaboration_id
    )
    # The same organization twice fails here as well, and names nobody: so does the real server.
    if len(with_node & set(wanted)) < len(wanted):
        missing = ", ".join(str(entry) for entry in wanted if entry not in with_node)
        raise Refusal(
            400,
            "Cannot create this task because there are no nodes registered for the following"
            f" organization(s): {missing}.",
        )


def _ids(statement: str, value: object) -> set[Any]:
    return {row[0] for row in rows(statement, value)}


def _check_rights(body: Mapping[str, Any], collaboration_id: int) -> None:
    if identity().is_user:
        if body.get("store_id"):
            raise Refusal(400, f"Algorithm store id={body['store_id']} not found!")
        return
    container = identity().container
    # With a study alone the real server compares the study's collaboration, too.
    asked = collaboration_id if body.get("study_id") else body.get("collaboration_id")
    allowed = (
        body["image"].endswith(container["image"])
        and not status.has_finished(status_of(known("task", container["task_id"])["id"]))
        and container["collaboration_id"] == asked
    )
    if not allowed:
        raise Refusal(401, "Container-token is not valid")


def _check_inputs(organizations: Sequence[Mapping[str, Any]], *, encrypted: bool) -> None:
    if state().blobs is not None:
        _check_blobs(organizations)
        return
    for entry in organizations:
        # No string, or no base64: an unexpected error, as in the real server.
        if not isinstance(entry.get("input"), str):
            raise TypeError("Data passed for decryption must be either a string or bytes.")
        plain = base64.b64decode(entry["input"])
        try:
            plain.decode()
        except UnicodeDecodeError:
            if not encrypted:
                raise Refusal(400, _UNREADABLE) from None
        else:
            if encrypted:
                raise Refusal(400, _NOT_ENCRYPTED)


def _check_blobs(organizations: Sequence[Mapping[str, Any]]) -> None:
    for entry in organizations:
        blob = entry.get("input")
        if not isinstance(blob, str):
            raise Refusal(
                400,
                _NO_BLOB.format(
                    " Your input should be a UUID as a large result store has been configured."
                ),
            )
        try:
            uuid.UUID(blob)
        except ValueError:
            raise Refusal(400, _NO_BLOB.format("")) from None


def _save_task(body: Mapping[str, Any], collaboration_id: int, study_id: int | None) -> int:
    """Commit the task, before any run: the real server is not atomic here either."""
    image = body["image"]
    parent = None
    init_user: int | None = identity().id
    if not identity().is_user:
        parent = known("task", identity().container["task_id"])
        image, init_user = parent["image"], parent["init_user_id"]
    task_id = execute(
        "INSERT INTO task (name, description, image, job_id, parent_id, collaboration_id,"
        " study_id, init_org_id, init_user_id, created_at)"
        " VALUES (?, ?, ?, COALESCE(?, (SELECT COALESCE(MAX(job_id), 0) + 1 FROM task)),"
        " ?, ?, ?, ?, ?, ?)",
        body.get("name", ""),
        body.get("description", ""),
        image,
        parent["job_id"] if parent else None,
        parent["id"] if parent else None,
        collaboration_id,
        study_id,
        identity().organization_id,
        init_user,
        utc_now(),
    ).lastrowid
    if task_id is None:
        raise RuntimeError("the task has no id")
    for database in body.get("databases") or []:
        parameters = {key: value for key, value in database.items() if key != "label"}
        execute(
            "INSERT INTO task_database (task_id, database, parameters) VALUES (?, ?, ?)",
            task_id,
            database["label"],
            json.dumps(parameters, separators=(",", ":")),
        )
    return task_id


def _save_runs(task_id: int, organizations: Sequence[Mapping[str, Any]]) -> None:
    for entry in organizations:
        execute(
            "INSERT INTO run (task_id, organization_id, input, status, assigned_at)"
            " VALUES (?, ?, ?, ?, ?)",
            task_id,
            entry["id"],
            entry["input"],
            status.PENDING,
            state().started_at,
        )
