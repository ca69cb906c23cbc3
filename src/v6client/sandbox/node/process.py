"""One algorithm's process, and the note of its id that outlives a killed node."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from v6client.sandbox.node.environment import Files


class AlgorithmProcess:
    """An algorithm that runs in a session of its own, so that all it starts dies with it."""

    def __init__(
        self, files: Files, entrypoint: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        with files.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, *entrypoint],
                cwd=files.directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._files = files
        pid = self._process.pid
        note = {"pid": pid, "started": started(pid)}
        files.pid.write_text(json.dumps(note))

    def wait(self) -> int:
        """Wait for the end; give the exit code."""
        code = self._process.wait()
        # What the algorithm left running ends with it, as in a container.
        self._kill_group()
        self._files.pid.unlink(missing_ok=True)
        return code

    def kill(self) -> None:
        """End it at once."""
        if self._process.poll() is None:
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def kill_recorded(directory: Path) -> None:
    """Kill the processes that are noted below ``directory``, of a node that is no more."""
    for path in directory.glob("*/pid"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            note = json.loads(path.read_text())
            # The id may have gone to another process since.
            if note["started"] is None or started(note["pid"]) == note["started"]:
                os.killpg(note["pid"], signal.SIGKILL)
        path.unlink(missing_ok=True)


def started(pid: int) -> str | None:
    """Give when a process started, in the kernel's ticks; ``None`` where it does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything; the start is the 20th field after it.
    return stat.rpartition(")")[2].split()[19]
