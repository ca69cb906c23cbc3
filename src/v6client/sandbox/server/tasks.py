"""``/task``: lists, single tasks, their status, deletion; and ``/kill/task``."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, Response, request

from v6client.sandbox.server import status
from v6client.sandbox.server.blobstream import forget
from v6client.sandbox.server.database import transaction
from v6client.sandbox.server.documents import task_document
from v6client.sandbox.server.identity import identity, only_for, state
from v6client.sandbox.server.includes import included
from v6client.sandbox.server.pages import Selection, reply_page
from v6client.sandbox.server.queries import by_id, connection, execute, row, rows, status_of
from v6client.sandbox.server.replies import LACKING, Refusal, reply
from v6client.sandbox.server.state import utc_now
from v6client.sandbox.server.task_schema import identifier_error

routes = Blueprint("tasks", __name__)

_SORTABLE = [
    "id",
    "name",
    "description",
    "image",
    "collaboration_id",
    "study_id",
    "job_id",
    "parent_id",
    "init_org_id",
    "init_user_id",
    "created_at",
    "status",
    "finished_at",
]


@routes.get("/task")
@only_for("user", "node", "container")
def list_tasks() -> Response:
    """List the visible tasks, newest first."""
    selection = Selection("Task", "task.*", "task", _SORTABLE, newest_first=True)
    if not identity().is_user:
        visible = ", ".join(str(entry) for entry in identity().collaboration_ids)
        selection.where(f"task.collaboration_id IN ({visible})")
    for narrow in (_by_place, _by_origin, _by_tree, _by_text, _by_rest):
        narrow(selection)
    include = included()
    return reply_page(selection, lambda row: task_document(row, include))


def _by_place(selection: Selection) -> None:
    arguments = request.args
    if "collaboration_id" in arguments:
        identifier = int(arguments["collaboration_id"])
        if not identity().sees_collaboration(identifier):
            raise Refusal(
                401, f"You lack the permission to view tasks from collaboration {identifier}!"
            )
        selection.where("task.collaboration_id = ?", identifier)
    if "study_id" in arguments:
        identifier = int(arguments["study_id"])
        if not by_id("study", identifier):
            raise Refusal(400, f"Study id={identifier} does not exist!")
        selection.where("task.study_id = ?", identifier)
    if "store_id" in arguments:
        identifier = int(arguments["store_id"])
        raise Refusal(400, f"Algorithm store id={identifier} does not exist!")


def _by_origin(selection: Selection) -> None:
    arguments = request.args
    if "init_org_id" in arguments:
        identifier = int(arguments["init_org_id"])
        if not identity().sees_organization(identifier):
            raise Refusal(
                401, f"You lack the permission to view tasks from organization id={identifier}!"
            )
        selection.where("task.init_org_id = ?", identifier)
    if "init_user_id" in arguments:
        identifier = int(arguments["init_user_id"])
        if not by_id("user", identifier):
            raise Refusal(400, f"User id={identifier} does not exist!")
        selection.where("task.init_user_id = ?", identifier)


def _by_tree(selection: Selection) -> None:
    arguments = request.args
    if "parent_id" in arguments:
        identifier = int(arguments["parent_id"])
        if not by_id("task", identifier):
            raise Refusal(400, f"Parent task id={identifier} does not exist!")
        selection.where("task.parent_id = ?", identifier)
    if "job_id" in arguments:
        identifier = int(arguments["job_id"])
        if not row("SELECT 1 FROM task WHERE job_id = ?", identifier):
            raise Refusal(400, f"Job id={identifier} does not exist!")
        selection.where("task.job_id = ?", identifier)


def _by_text(selection: Selection) -> None:
    for name in ("name", "image", "description"):
        if name in request.args:
            selection.where(f"task.{name} LIKE ?", request.args[name])
    if "status" in request.args:
        # A task's status is no column: the real server fails here, so nobody may rely on it.
        raise NotImplementedError("status is derived and cannot be searched for")


def _by_rest(selection: Selection) -> None:
    arguments = request.args
    if "run_id" in arguments:
        identifier = int(arguments["run_id"])
        if not by_id("run", identifier):
            raise Refusal(400, f"Run id={identifier} does not exist!")
        raise NotImplementedError("the real server fails for a run that exists")
    if "database" in arguments:
        selection.where(
            "task.id IN (SELECT task_id FROM task_database WHERE database = ?)",
            arguments["database"],
        )
    if "is_user_created" in arguments:
        value = arguments["is_user_created"]
        try:
            top_level = int(value) != 0
        except ValueError:
            raise Refusal(
                400,
                f"Invalid value for 'is_user_created' provided: '{value}'. Should be an integer.",
            ) from None
        selection.where(f"task.parent_id IS {'' if top_level else 'NOT '}NULL")


@routes.get("/task/<int:identifier>")
@only_for("user", "node", "container")
def get_task(identifier: int) -> Response:
    """Give one task."""
    task = _visible_task(identifier, f"task id={identifier} is not found")
    return reply(task_document(task, included()))


@routes.get("/task/<int:identifier>/status")
@only_for("user", "container")
def get_task_status(identifier: int) -> Response:
    """Give a task's status alone."""
    task = _visible_task(identifier, f"Task id={identifier} not found")
    return reply({"status": status_of(task["id"])})


@routes.delete("/task/<int:identifier>")
@only_for("user")
def delete_task(identifier: int) -> Response:
    """Delete a task with its subtasks and their runs."""
    task = _visible_task(identifier, f"Task id={identifier} not found")
    if not status.has_finished(status_of(task["id"])):
        _kill(task["id"])
    doomed = [task["id"]]
    for parent in doomed:
        doomed += [child["id"] for child in rows("SELECT id FROM task WHERE parent_id = ?", parent)]
    with transaction(connection()):
        for one in reversed(doomed):
            for run in rows("SELECT input, result FROM run WHERE task_id = ?", one):
                forget(state().blobs, run["input"])
                forget(state().blobs, run["result"])
            execute("DELETE FROM task WHERE id = ?", one)
    state().bell.ring()
    return reply(
        {"msg": f"task id={identifier} and its algorithm run data have been successfully deleted"}
    )


@routes.post("/kill/task")
@only_for("user")
def kill_task() -> Response:
    """Tell the nodes to kill what runs for a task and its direct subtasks."""
    body = request.get_json()
    if "id" not in body:
        errors = {"id": ["Missing data for required field."]}
        raise Refusal(400, "Request body is incorrect", errors)
    error = identifier_error(body["id"])
    if error:
        raise Refusal(400, "Request body is incorrect", {"id": [error]})
    identifier = body["id"]
    task = _visible_task(identifier, f"Task id={identifier} not found")
    current = status_of(task["id"])
    if status.has_finished(current):
        raise Refusal(
            400,
            f"Task {identifier} already finished with status '{current}', so cannot kill it!",
        )
    _kill(task["id"])
    state().bell.ring()
    return reply(
        {"msg": f"Nodes have been instructed to kill any containers running for task {identifier}."}
    )


def _kill(task_id: int) -> None:
    finished = ", ".join(f"'{entry}'" for entry in status.ALL if status.has_finished(entry))
    execute(
        "UPDATE run SET status = ?, finished_at = ? WHERE task_id IN"  # noqa: S608 - constants
        f" (SELECT id FROM task WHERE id = ? OR parent_id = ?) AND status NOT IN ({finished})",
        status.KILLED,
        utc_now(),
        task_id,
        task_id,
    )


def _visible_task(identifier: object, missing: str) -> sqlite3.Row:
    task = by_id("task", identifier)
    if task is None:
        raise Refusal(404, missing)
    if not (
        identity().sees_collaboration(task["collaboration_id"])
        or task["init_org_id"] == identity().organization_id
    ):
        raise Refusal(401, LACKING)
    return task
