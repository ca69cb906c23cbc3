"""``/vpn/algorithm/addresses`` and ``/port``."""

from __future__ import annotations

from flask import Blueprint, Response, request

from v6client.sandbox.server.identity import identity, only_for
from v6client.sandbox.server.queries import execute, known, rows
from v6client.sandbox.server.replies import Refusal, reply

routes = Blueprint("vpn", __name__)


@routes.get("/vpn/algorithm/addresses")
@only_for("container")
def addresses() -> Response:
    """Give the addresses of related containers; the table of ports is empty unless filled."""
    asked = {name for name, value in request.args.items() if value}
    _check(asked)
    container = identity().container
    tasks = _tasks(asked, container["task_id"])
    conditions = [f"run.task_id IN ({', '.join('?' * len(tasks))})"]
    values: list[object] = [*tasks]
    if asked & {"only_siblings", "only_self"}:
        conditions.append(f"run.organization_id {'=' if 'only_self' in asked else '!='} ?")
        values.append(container["organization_id"])
    if "label" in asked:
        conditions.append("port.label = ?")
        values.append(request.args["label"])
    found = rows(
        "SELECT port.port, port.label, node.ip, run.organization_id, run.task_id, task.parent_id"  # noqa: S608 - constants
        " FROM port JOIN run ON run.id = port.run_id JOIN task ON task.id = run.task_id"
        " JOIN node ON node.organization_id = run.organization_id"
        f" WHERE {' AND '.join(conditions)} ORDER BY port.id",
        *values,
    )
    return reply({"addresses": [dict(row) for row in found]})


def _check(asked: set[str]) -> None:
    only = {"only_children", "only_parent", "only_siblings", "only_self"} & asked
    if len(only) > 1:
        raise Refusal(400, "You can only specify one of the only_<...> parameters!")
    # The real server also means to refuse an `only_` and an `include_` of different levels, but
    # counts pairs of the same level, of which there cannot be two: it refuses nothing.


def _tasks(asked: set[str], own: int) -> list[int]:
    """Give the tasks asked for; the last that applies wins, as in the real server."""
    tasks = [own]
    children = rows("SELECT id FROM task WHERE parent_id = ?", own)
    parents = rows("SELECT parent_id FROM task WHERE id = ? AND parent_id IS NOT NULL", own)
    related = {"children": [row[0] for row in children], "parent": [row[0] for row in parents]}
    if "only_children" in asked:
        tasks = related["children"]
    elif "include_children" in asked:
        tasks += related["children"]
    if "only_parent" in asked:
        # Without a parent the real server keeps what it had.
        tasks = related["parent"] or tasks
    elif "include_parent" in asked:
        tasks += related["parent"]
    return [own] if asked & {"only_siblings", "only_self"} else tasks


@routes.post("/port")
@only_for("node")
def add_port() -> Response:
    """Note a port that a run's container listens on."""
    body = request.get_json()
    run = known("run", body["run_id"])
    if run["organization_id"] != identity().organization_id:
        raise Refusal(401, "You lack the permissions to do that!")
    cursor = execute(
        "INSERT INTO port (run_id, port, label) VALUES (?, ?, ?)",
        run["id"],
        body["port"],
        body.get("label"),
    )
    # Only a node in a VPN has an address.
    execute("UPDATE node SET ip = '127.0.0.1' WHERE id = ?", identity().id)
    document = {"id": cursor.lastrowid, "port": body["port"], "label": body.get("label")}
    return reply(document, 201)


@routes.delete("/port")
@only_for("node")
def remove_ports() -> Response:
    """Forget a run's ports."""
    if "run_id" not in request.args:
        raise Refusal(400, "The run_id argument is required!")
    run_id = request.args["run_id"]
    run = known("run", run_id)
    if run["organization_id"] != identity().organization_id:
        raise Refusal(401, "You lack the permissions to do that!")
    execute("DELETE FROM port WHERE run_id = ?", run_id)
    return reply({"msg": "Ports removed from the database."})
