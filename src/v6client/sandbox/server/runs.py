"""``/run`` and ``/result``: what nodes report, and what others may read of it."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from v6client.sandbox.server import status
from v6client.sandbox.server.database import transaction
from v6client.sandbox.server.documents import (
    RUN_COLUMNS,
    RUN_SOURCE,
    result_document,
    run_document,
)
from v6client.sandbox.server.identity import identity, only_for
from v6client.sandbox.server.includes import included
from v6client.sandbox.server.pages import Selection, reply_page
from v6client.sandbox.server.queries import by_id, connection, execute, known, row
from v6client.sandbox.server.replies import LACKING, Refusal, reply
from v6client.sandbox.server.state import utc_now

routes = Blueprint("runs", __name__)

_SORTABLE = [
    "id",
    "input",
    "task_id",
    "organization_id",
    "result",
    "assigned_at",
    "started_at",
    "finished_at",
    "status",
    "log",
    "cleanup_at",
    "blob_storage_used",
]
_PATCHABLE = ("started_at", "finished_at", "log", "result", "status")


@routes.get("/run")
@only_for("node", "user", "container")
def list_runs() -> Response:
    """List the visible runs, newest first."""
    include_task = "task" in included()
    return reply_page(_selection(), lambda row: run_document(row, include_task=include_task))


@routes.get("/result")
@only_for("node", "user", "container")
def list_results() -> Response:
    """List the results of the visible runs, newest first."""
    return reply_page(_selection(), result_document)


def _selection() -> Selection:
    selection = Selection("Run", RUN_COLUMNS, RUN_SOURCE, _SORTABLE, newest_first=True)
    _by_id(selection)
    arguments = request.args
    if "port" in arguments:
        raise NotImplementedError("the real server fails: its model of a run has no port")
    for name in ("assigned", "started", "finished"):
        if f"{name}_till" in arguments:
            selection.where(f"run.{name}_at <= ?", arguments[f"{name}_till"])
        if f"{name}_from" in arguments:
            # The real server compares assigned_at, whatever was asked for.
            selection.where("run.assigned_at >= ?", arguments[f"{name}_from"])
    if arguments.get("state") == "open":
        selection.where("run.finished_at IS NULL")
    if "collaboration_id" in arguments:
        value = arguments["collaboration_id"]
        if not identity().sees_collaboration(int(value)):
            raise Refusal(
                401, f"You lack the permission to view runs for collaboration id={value}!"
            )
        selection.where("task.collaboration_id = ?", int(value))
    if not identity().is_user:
        visible = ", ".join(str(entry) for entry in identity().collaboration_ids)
        selection.where(f"task.collaboration_id IN ({visible})")
    return selection


def _by_id(selection: Selection) -> None:
    arguments = request.args
    if "organization_id" in arguments:
        value = arguments["organization_id"]
        if not identity().sees_organization(int(value)):
            raise Refusal(401, f"You lack the permission to view runs for organization id={value}!")
        selection.where("run.organization_id = ?", int(value))
    if "task_id" in arguments:
        value = arguments["task_id"]
        task = by_id("task", value)
        if task is None:
            raise Refusal(400, f"Task id={value} does not exist!")
        if not identity().sees_collaboration(task["collaboration_id"]):
            raise Refusal(401, f"You lack the permission to view runs for task id={value}!")
        selection.where("run.task_id = ?", task["id"])
    if arguments.get("node_id"):
        value = arguments["node_id"]
        node = by_id("node", value)
        if node is None:
            raise Refusal(400, f"Node id={value} does not exist!")
        if not identity().sees_collaboration(node["collaboration_id"]):
            raise Refusal(401, f"You lack the permission to view runs for node id={value}!")
        selection.where("node.id = ?", node["id"])


@routes.get("/run/<int:identifier>")
@only_for("node", "user", "container")
def get_run(identifier: int) -> Response:
    """Give one run."""
    include_task = request.args.get("include") == "task"
    return reply(run_document(_visible_run(identifier), include_task=include_task))


@routes.get("/result/<int:identifier>")
@only_for("node", "user", "container")
def get_result(identifier: int) -> Response:
    """Give one run's result."""
    return reply(result_document(_visible_run(identifier)))


def _visible_run(identifier: int) -> sqlite3.Row:
    run = _run(identifier)
    if not identity().sees_collaboration(known("task", run["task_id"])["collaboration_id"]):
        raise Refusal(401, LACKING)
    return run


def _run(identifier: int) -> sqlite3.Row:
    run = row(
        f"SELECT {RUN_COLUMNS} FROM {RUN_SOURCE} WHERE run.id = ?",  # noqa: S608 - constants
        identifier,
    )
    if run is None:
        raise Refusal(404, f"Run id={identifier} not found!")
    return run


@routes.patch("/run/<int:identifier>")
@only_for("node")
def patch_run(identifier: int) -> Response:
    """Note what a node reports about its run; a failure also ends the siblings not yet started."""
    run = _run(identifier)
    body: Any = request.get_json()
    errors = _patch_errors(body)
    if errors:
        raise Refusal(400, "Request body is incorrect", errors)
    if run["organization_id"] != identity().organization_id:
        raise Refusal(401, "This is not your algorithm run to PATCH!")
    with transaction(connection()):
        # Read again inside: a kill may have ended the run since.
        if _run(identifier)["finished_at"] is not None:
            raise Refusal(400, "Cannot update an already finished algorithm run!")
        # As in the real server, a result or log that is not sent again is cleared.
        execute(
            "UPDATE run SET started_at = COALESCE(?, started_at), finished_at = ?, result = ?,"
            " log = ?, status = COALESCE(?, status) WHERE id = ?",
            _naive(body.get("started_at")),
            _naive(body.get("finished_at")),
            body.get("result"),
            body.get("log"),
            body.get("status"),
            identifier,
        )
        _fail_siblings(_run(identifier))
    return reply(run_document(_run(identifier)))


def _fail_siblings(run: sqlite3.Row) -> None:
    if not status.has_failed(run["status"]):
        return
    reason = (
        f"Marked as failed because sibling run id={run['id']} failed with status '{run['status']}'."
    )
    execute(
        "UPDATE run SET status = ?, finished_at = ?, log = COALESCE(NULLIF(log, ''), ?)"
        " WHERE task_id = ? AND id != ? AND started_at IS NULL AND finished_at IS NULL",
        status.FAILED,
        utc_now(),
        reason,
        run["task_id"],
        run["id"],
    )


def _patch_errors(body: Any) -> dict[str, object]:  # noqa: ANN401 - what a client sent
    errors: dict[str, object] = {}
    for name in _PATCHABLE:
        if name not in body:
            continue
        value = body[name]
        if value is None:
            errors[name] = ["Field may not be null."]
        elif name.endswith("_at"):
            try:
                datetime.fromisoformat(value)
            except (TypeError, ValueError):
                errors[name] = ["Not a valid datetime."]
        elif not isinstance(value, str):
            errors[name] = ["Not a valid string."]
        elif name == "status" and value not in status.ALL:
            errors[name] = [f"Must be one of: {', '.join(status.ALL)}."]
    errors.update({name: ["Unknown field."] for name in body if name not in _PATCHABLE})
    return errors


def _naive(moment: str | None) -> str | None:
    """Drop the zone, which nodes send as UTC and the real database does not keep."""
    return datetime.fromisoformat(moment).replace(tzinfo=None).isoformat() if moment else None
