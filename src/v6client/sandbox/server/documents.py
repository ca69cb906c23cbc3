"""The shapes of the API: rows become documents with links, keys in the real server's order."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from v6client.sandbox.server import status
from v6client.sandbox.server.identity import state
from v6client.sandbox.server.queries import known, rows

API = "/api"
Document = dict[str, object]

RUN_COLUMNS = (
    "run.*, node.id AS node_id, node.ip AS node_ip, node.status AS node_status,"
    " node.name AS node_name"
)
RUN_SOURCE = (
    "run JOIN task ON task.id = run.task_id LEFT JOIN node"
    " ON node.organization_id = run.organization_id"
    " AND node.collaboration_id = task.collaboration_id"
)

_METHODS = {
    "task": ["GET", "DELETE"],
    "run": ["GET", "PATCH"],
    "result": ["GET", "PATCH"],
}
_OTHER_METHODS = ["GET", "PATCH", "DELETE"]


def link(resource: str, identifier: int | None) -> Document | None:
    """Give a link to another document, ``None`` where there is none."""
    if identifier is None:
        return None
    return {
        "id": identifier,
        "link": f"{API}/{resource}/{identifier}",
        "methods": _METHODS.get(resource, _OTHER_METHODS),
    }


def listing(resource: str, key: str, identifier: int) -> str:
    """Give the address of a filtered list."""
    return f"{API}/{resource}?{key}={identifier}"


def task_document(row: sqlite3.Row, include: Collection[str] = ()) -> Document:
    """Give a task; ``include`` may name ``runs`` and ``results``, which are lists then."""
    identifier = row["id"]
    # Inputs and results may be large: they are read only where they are shown.
    columns = RUN_COLUMNS if include else "run.status, run.finished_at"
    runs = rows(
        f"SELECT {columns} FROM {RUN_SOURCE}"  # noqa: S608 - constants
        " WHERE run.task_id = ? ORDER BY run.id",
        identifier,
    )
    derived = status.task_status([run["status"] for run in runs])
    finished = [run["finished_at"] for run in runs] if derived == status.COMPLETED else []
    databases = rows(
        "SELECT database, parameters FROM task_database WHERE task_id = ? ORDER BY id", identifier
    )
    return {
        "status": derived,
        "finished_at": max(finished) if finished else None,
        "collaboration": link("collaboration", row["collaboration_id"]),
        "runs": (
            [run_document(run) for run in runs]
            if "runs" in include
            else listing("run", "task_id", identifier)
        ),
        "results": (
            [result_document(run) for run in runs]
            if "results" in include
            else listing("result", "task_id", identifier)
        ),
        "parent": link("task", row["parent_id"]),
        "children": listing("task", "parent_id", identifier),
        "init_org": link("organization", row["init_org_id"]),
        "init_user": link("user", row["init_user_id"]),
        "databases": [
            {"label": entry["database"], "parameters": entry["parameters"]} for entry in databases
        ],
        "study": link("study", row["study_id"]),
        "algorithm_store": None,
        "id": identifier,
        "name": row["name"],
        "description": row["description"],
        "image": row["image"],
        "job_id": row["job_id"],
        "created_at": row["created_at"],
    }


def run_document(row: sqlite3.Row, *, include_task: bool = False) -> Document:
    """Give a run, of the columns :data:`RUN_COLUMNS`."""
    ports = rows("SELECT id, port, label FROM port WHERE run_id = ? ORDER BY id", row["id"])
    task: Document | None = link("task", row["task_id"])
    if include_task:
        task = task_document(known("task", row["task_id"]))
        del task["runs"]
    return {
        "organization": link("organization", row["organization_id"]),
        "task": task,
        "results": link("result", row["id"]),
        "node": {
            "id": row["node_id"],
            "ip": row["node_ip"],
            "status": row["node_status"],
            "name": row["node_name"],
        },
        "ports": [dict(port) for port in ports],
        "id": row["id"],
        "input": row["input"],
        "assigned_at": row["assigned_at"],
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
        "status": row["status"],
        "log": row["log"],
        "cleanup_at": row["cleanup_at"],
        "blob_storage_used": state().blobs is not None,
    }


def result_document(row: sqlite3.Row) -> Document:
    """Give a run's result."""
    return {
        "run": link("run", row["id"]),
        "task": link("task", row["task_id"]),
        "id": row["id"],
        "result": row["result"],
        "cleanup_at": row["cleanup_at"],
        "blob_storage_used": state().blobs is not None,
    }


def organization_document(row: sqlite3.Row) -> Document:
    """Give an organization."""
    identifier = row["id"]
    return {
        "collaborations": listing("collaboration", "organization_id", identifier),
        "nodes": listing("node", "organization_id", identifier),
        "users": listing("user", "organization_id", identifier),
        "tasks": listing("task", "init_org_id", identifier),
        "runs": listing("run", "organization_id", identifier),
        "studies": listing("study", "organization_id", identifier),
        "public_key": row["public_key"],
        "id": identifier,
        "name": row["name"],
        "domain": row["domain"],
        "address1": row["address1"],
        "address2": row["address2"],
        "zipcode": row["zipcode"],
        "country": row["country"],
    }


def collaboration_document(row: sqlite3.Row, include: Collection[str] = ()) -> Document:
    """Give a collaboration; ``include`` may name ``organizations``."""
    identifier = row["id"]
    members = "SELECT organization_id FROM member WHERE collaboration_id = ?"
    return {
        "organizations": (
            _organizations(members, identifier)
            if "organizations" in include
            else listing("organization", "collaboration_id", identifier)
        ),
        "nodes": listing("node", "collaboration_id", identifier),
        "tasks": listing("task", "collaboration_id", identifier),
        "algorithm_stores": listing("algorithmstore", "collaboration_id", identifier),
        "studies": listing("study", "collaboration_id", identifier),
        "id": identifier,
        "name": row["name"],
        "encrypted": bool(row["encrypted"]),
    }


def study_document(row: sqlite3.Row, include: Collection[str] = ()) -> Document:
    """Give a study; ``include`` may name ``organizations``."""
    identifier = row["id"]
    members = "SELECT organization_id FROM study_member WHERE study_id = ?"
    return {
        "collaboration": link("collaboration", row["collaboration_id"]),
        "organizations": (
            _organizations(members, identifier)
            if "organizations" in include
            else listing("organization", "study_id", identifier)
        ),
        "tasks": listing("task", "study_id", identifier),
        "id": identifier,
        "name": row["name"],
    }


def node_document(row: sqlite3.Row) -> Document:
    """Give a node."""
    return {
        "organization": link("organization", row["organization_id"]),
        "collaboration": link("collaboration", row["collaboration_id"]),
        "config": [],
        "id": row["id"],
        "type": "node",
        "ip": row["ip"],
        "last_seen": row["last_seen"],
        "status": row["status"],
        "name": row["name"],
    }


def _organizations(members: str, identifier: int) -> list[Document]:
    found = rows(
        f"SELECT * FROM organization WHERE id IN ({members}) ORDER BY id",  # noqa: S608 - constants
        identifier,
    )
    return [organization_document(row) for row in found]
