"""Asking the database within a request."""

from __future__ import annotations

import sqlite3
from typing import cast

from flask import g

from v6client.sandbox.server import status


def connection() -> sqlite3.Connection:
    """Give this request's connection."""
    return cast("sqlite3.Connection", g.connection)


def execute(statement: str, *values: object) -> sqlite3.Cursor:
    """Carry out a statement."""
    return connection().execute(statement, values)


def rows(statement: str, *values: object) -> list[sqlite3.Row]:
    """Give all rows of a query."""
    return execute(statement, *values).fetchall()


def row(statement: str, *values: object) -> sqlite3.Row | None:
    """Give the first row of a query."""
    found: sqlite3.Row | None = execute(statement, *values).fetchone()
    return found


def by_id(table: str, identifier: object) -> sqlite3.Row | None:
    """Give the row of an id."""
    return row(f"SELECT * FROM {table} WHERE id = ?", identifier)  # noqa: S608 - a name of ours


def known(table: str, identifier: object) -> sqlite3.Row:
    """Give the row of an id; without one, fail as the real server does: unexpectedly."""
    found = by_id(table, identifier)
    if found is None:
        raise LookupError(f"there is no {table} {identifier}")
    return found


def status_of(task_id: int) -> str:
    """Give a task's status, which is derived from its runs'."""
    runs = rows("SELECT status FROM run WHERE task_id = ?", task_id)
    return status.task_status([run["status"] for run in runs])
