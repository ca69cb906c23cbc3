"""What one server process keeps besides the database: keys, its start, and a bell."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path


def utc_now() -> str:
    """Give the time as the real server writes it: UTC, microseconds, no zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None).isoformat()


class Bell:
    """Wakes the nodes that wait for work."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it rang: look here before looking for work, then wait for the next."""
        with self._condition:
            return self._rings

    def ring(self) -> None:
        """Wake everyone who waits."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, since: int, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until it rang after ``since``."""
        with self._condition:
            return self._condition.wait_for(lambda: self._rings > since, timeout)


@dataclass(frozen=True)
class ServerState:
    """The state of one server process.

    ``blobs`` is the directory of inputs and results, where those are not in the runs themselves.
    ``started_at`` is what the real server gives every run as ``assigned_at``: its model
    evaluates the default once, at import.
    """

    database: Path
    secret: str
    username: str
    password: str
    blobs: Path | None = None
    started_at: str = field(default_factory=utc_now)
    bell: Bell = field(default_factory=Bell)
