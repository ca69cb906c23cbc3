"""The line that shows how far a wait is: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from v6client.tasks.progress import progress_line, summary
from v6client.tasks.runs import RunOutcome, State

RUNS = [
    RunOutcome(1, 5, 51, "completed", State.COMPLETED, started_at="2026-01-01T00:00:00"),
    RunOutcome(2, 5, 52, "active", State.RUNNING, started_at="2026-01-01T00:00:00"),
    RunOutcome(3, 5, 53, "pending", State.RUNNING),
    RunOutcome(4, 5, 54, "crashed", State.FAILED, started_at="2026-01-01T00:00:00"),
    RunOutcome(5, 5, None, "no run", State.MISSING),
]
TEXT = "1 of 5 organizations done, 2 failed, 1 running, 1 queued"

PROCESS = """
import sys, time
from tests.unit.test_progress import RUNS
from v6client.tasks.progress import progress_line
with progress_line(sys.argv[1]) as line, progress_line(sys.argv[1]) as second:
    line.show(RUNS)
    second.show(RUNS)
    print(line.is_shown, second.is_shown)
    time.sleep(0.3)
"""


def run(wanted: str, *, terminal: bool) -> tuple[str, str]:
    """Run a process that waits; give what it says, and what a person sees."""
    main, side = pty.openpty()
    read = os.dup(main)
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-c", PROCESS, wanted],
            stdout=subprocess.PIPE,
            stderr=side if terminal else subprocess.PIPE,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
            text=True,
            check=True,
            timeout=60,
        )
        os.close(side)
        seen = done.stderr or ""
        if terminal:
            seen = os.read(read, 65536).decode()
    finally:
        os.close(main)
        os.close(read)
    return done.stdout.strip(), seen


def test_the_organizations_are_counted() -> None:
    assert summary(RUNS) == TEXT
    assert summary(RUNS[:1]) == "1 of 1 organizations done"


def test_a_terminal_shows_one_line() -> None:
    said, seen = run("auto", terminal=True)
    # Of two waits at once, one has the line.
    assert said == "True False"
    assert TEXT in seen


def test_without_a_terminal_there_is_none() -> None:
    assert run("auto", terminal=False) == ("False False", "")


def test_it_can_be_switched_off() -> None:
    with progress_line("never") as line:
        assert not line.is_shown
        line.show(RUNS)


def test_without_rich_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with progress_line("always") as line:
        assert not line.is_shown
        line.show(RUNS)
