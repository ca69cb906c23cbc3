"""Waiting for what comes soon, and knowing whether a process is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from v6client.sandbox import Sandbox

_DEADLINE = 30.0


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, and fail if it does not in half a minute."""
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def algorithm_pid(sandbox: Sandbox, run_id: int) -> int:
    """Wait for a run's process, and give its id."""
    found: list[int] = []

    def look() -> bool:
        for path in sandbox.directory.glob(f"node-*/runs/task-{run_id:09d}/pid"):
            try:
                found.append(json.loads(path.read_text())["pid"])
            except ValueError:
                return False
        return bool(found)

    eventually(look)
    return found[0]
