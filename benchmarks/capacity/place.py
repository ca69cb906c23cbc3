"""The real server and proxy with tasks to wait for, and a crowd that waits for them."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.contract.real.install import cached_venv, is_installed, python_of
from tests.contract.real.stack import RealStack

from v6client import AlgorithmClient

OURS: Final = "ours"
UPSTREAM: Final = "upstream"

_CROWD: Final = Path(__file__).with_name("crowd.py")
_TOOLS: Final = "tools-4.15.2"
_MOST_SECONDS: Final = 180


def why_not() -> str:
    """Say why it cannot be measured; nothing where it can."""
    missing = [one for one in ("4.15.2", _TOOLS) if not is_installed(cached_venv(one), one)]
    return f"vantage6 is not installed ({', '.join(missing)})" if missing else ""


@dataclass
class Place:
    """Where the crowd is: a proxy, and the database behind its server."""

    token: str
    host: str
    port: int
    database: Path
    template: int

    def crowd(  # noqa: PLR0913 - what a crowd is
        self,
        which: str,
        containers: int,
        *,
        seconds: float,
        mean: float,
        settings: Mapping[str, str],
        flat_out: bool = False,
        pause: float = 0.0,
    ) -> dict[str, Any]:
        """Let a crowd wait, or ask without waiting, for some seconds; give what it measured."""
        rounds = int(2 * seconds / mean) + 2
        ids = self._tasks(containers * rounds)
        at = {
            "token": self.token,
            "host": self.host,
            "port": self.port,
            "database": str(self.database),
            "containers": containers,
            "tasks": [ids[number::containers] for number in range(containers)],
            "seconds": seconds,
            # A steady state after one task each.
            "from": 1.0 if flat_out else mean,
            "mean": mean,
            "flat_out": flat_out,
            "pause": pause,
            "seed": 1,
        }
        python = str(python_of(cached_venv(_TOOLS))) if which == UPSTREAM else sys.executable
        done = subprocess.run(  # noqa: S603 - our own script
            [python, _CROWD, which],
            input=json.dumps(at),
            capture_output=True,
            text=True,
            timeout=seconds + _MOST_SECONDS,
            check=False,
            env={**os.environ, **settings},
        )
        if done.returncode:
            raise SystemExit(f"the crowd failed:\n{done.stderr[-2000:]}")
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return figures

    def _tasks(self, count: int) -> list[int]:
        """Copy the template: tasks whose runs are active and no process's.

        Those of the crowd before go away: the server looks through all runs for those of a task.
        """
        last = self.template
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as base, base:
            base.execute("DELETE FROM run WHERE task_id > ?", (last,))
            base.execute("DELETE FROM task WHERE id > ?", (last,))
            ids = list(range(last + 1, last + 1 + count))
            for table, key in (("task", "id"), ("run", "task_id")):
                names = [row[1] for row in base.execute(f"PRAGMA table_info({table})")]
                names = [name for name in names if name not in {"id", key}]
                columns = ", ".join(names)
                base.executemany(
                    f"INSERT INTO {table} ({key}, {columns})"  # noqa: S608 - the schema's own names
                    f" SELECT ?, {columns} FROM {table} WHERE {key} = ?",
                    [(one, self.template) for one in ids],
                )
        return ids


@contextlib.contextmanager
def real_place() -> Iterator[Place]:
    """Start the real server and one node, and make the task that others are copies of."""
    with RealStack(1) as stack, stack.open_container() as held:
        client = AlgorithmClient(held.token, held.host, held.port, held.path)
        made = client.task.create({"method": "sandbox_hold"}, [held.organization_id], "wait")
        client.close()
        database = stack.directory / "server.sqlite"
        _wait_until_active(database, made["id"])
        yield Place(held.token, held.host, held.port, database, made["id"])


def _wait_until_active(database: Path, task: int) -> None:
    deadline = time.monotonic() + 60
    query = "SELECT status FROM run WHERE task_id = ?"
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as base:
        while base.execute(query, (task,)).fetchone() != ("active",):
            if time.monotonic() > deadline:
                raise SystemExit("the template's run does not start")
            time.sleep(0.1)
