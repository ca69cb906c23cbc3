"""The SQLite file: its tables, and how to open it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Users and nodes share one sequence of ids, as the real server's `authenticatable` table gives
# them: a node's id then differs from its organization's, and code that mixes them up fails here.
_TABLES = """
CREATE TABLE IF NOT EXISTS organization (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE NOT NULL,
    domain TEXT, address1 TEXT, address2 TEXT, zipcode TEXT, country TEXT,
    public_key TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS collaboration (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE NOT NULL,
    encrypted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS member (
    collaboration_id INTEGER NOT NULL REFERENCES collaboration (id),
    organization_id INTEGER NOT NULL REFERENCES organization (id),
    PRIMARY KEY (collaboration_id, organization_id)
);
CREATE TABLE IF NOT EXISTS study (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE NOT NULL,
    collaboration_id INTEGER NOT NULL REFERENCES collaboration (id)
);
CREATE TABLE IF NOT EXISTS study_member (
    study_id INTEGER NOT NULL REFERENCES study (id),
    organization_id INTEGER NOT NULL REFERENCES organization (id),
    PRIMARY KEY (study_id, organization_id)
);
CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY,
    username TEXT UNIQUE NOT NULL,
    organization_id INTEGER NOT NULL REFERENCES organization (id)
);
CREATE TABLE IF NOT EXISTS node (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE NOT NULL,
    api_key TEXT UNIQUE NOT NULL,
    organization_id INTEGER NOT NULL REFERENCES organization (id),
    collaboration_id INTEGER NOT NULL REFERENCES collaboration (id),
    ip TEXT,
    status TEXT,
    last_seen TEXT
);
CREATE TABLE IF NOT EXISTS task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT, description TEXT, image TEXT,
    job_id INTEGER NOT NULL,
    parent_id INTEGER,
    collaboration_id INTEGER NOT NULL REFERENCES collaboration (id),
    study_id INTEGER REFERENCES study (id),
    init_org_id INTEGER NOT NULL REFERENCES organization (id),
    init_user_id INTEGER REFERENCES user (id),
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS task_parent ON task (parent_id);
CREATE INDEX IF NOT EXISTS task_job ON task (job_id);
CREATE TABLE IF NOT EXISTS task_database (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    database TEXT,
    parameters TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS task_database_task ON task_database (task_id);
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    organization_id INTEGER NOT NULL REFERENCES organization (id),
    input TEXT, result TEXT, log TEXT,
    status TEXT NOT NULL,
    assigned_at TEXT NOT NULL,
    started_at TEXT, finished_at TEXT, cleanup_at TEXT
);
CREATE INDEX IF NOT EXISTS run_task ON run (task_id);
CREATE INDEX IF NOT EXISTS run_open ON run (organization_id) WHERE finished_at IS NULL;
CREATE TABLE IF NOT EXISTS port (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    port INTEGER NOT NULL,
    label TEXT
);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the database for one thread.

    Statements commit on their own; what belongs together goes into :func:`transaction`.
    """
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log NORMAL loses nothing when the process is killed.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def create_tables(path: Path) -> None:
    """Create what is missing in the file at ``path``."""
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(_TABLES)
    connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit the statements of a ``with`` block together, or none of them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
