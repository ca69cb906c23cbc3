"""``/sandbox/work``: how a node learns of new runs and of kills, within milliseconds.

It stands in for the real server's web sockets, which no algorithm sees. A node names the runs it
knows; the answer names those it should start and those it should kill. Nothing is remembered in
between, so it does not matter which side was away.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

from flask import Blueprint, Response, request

from v6client.sandbox.server import status
from v6client.sandbox.server.database import connect
from v6client.sandbox.server.documents import RUN_COLUMNS, RUN_SOURCE, Document, run_document
from v6client.sandbox.server.identity import identity, only_for, state
from v6client.sandbox.server.queries import by_id, execute, rows
from v6client.sandbox.server.replies import reply
from v6client.sandbox.server.state import ServerState, utc_now

routes = Blueprint("work", __name__)

WAIT_SECONDS = 20.0
# A real node pings once a minute, and is offline for the server 5 seconds after a missed ping.
_OFFLINE_AFTER = timedelta(seconds=65)
_WATCH_SECONDS = 5.0


@routes.post("/sandbox/work")
@only_for("node")
def next_work() -> Response:
    """Answer as soon as there is something to start or to kill, else after 20 seconds."""
    body = request.get_json()
    known = frozenset(body["known"])
    execute(
        "UPDATE node SET status = 'online', last_seen = ? WHERE id = ?",
        utc_now(),
        identity().id,
    )
    bell = state().bell
    deadline = time.monotonic() + min(float(body.get("wait", WAIT_SECONDS)), WAIT_SECONDS)
    while True:
        rings = bell.rings
        work = _work(known)
        remaining = deadline - time.monotonic()
        if work["start"] or work["kill"] or remaining <= 0:
            return reply(work)
        bell.wait(rings, remaining)


def _work(known: frozenset[int]) -> dict[str, list[object]]:
    runs = rows(
        f"SELECT {RUN_COLUMNS} FROM {RUN_SOURCE}"  # noqa: S608 - constants
        " WHERE run.organization_id = ? AND run.finished_at IS NULL ORDER BY run.id",
        identity().organization_id,
    )
    start: list[Document] = [
        run_document(row, include_task=True) for row in runs if row["id"] not in known
    ]
    return {"start": list(start), "kill": [run for run in sorted(known) if _is_killed(run)]}


def _is_killed(run_id: int) -> bool:
    row = by_id("run", run_id)
    return row is None or row["status"] == status.KILLED


def watch_nodes(server: ServerState) -> threading.Thread:
    """Start the thread that calls nodes offline which have not been heard of for a minute."""

    def watch() -> None:
        database = connect(server.database)
        while True:
            time.sleep(_WATCH_SECONDS)
            now = datetime.now(timezone.utc).replace(tzinfo=None)
            database.execute(
                "UPDATE node SET status = 'offline' WHERE status = 'online' AND last_seen < ?",
                ((now - _OFFLINE_AFTER).isoformat(),),
            )

    thread = threading.Thread(target=watch, name="watch-nodes", daemon=True)
    thread.start()
    return thread
