"""The trace file: OTLP as JSON lines, for a node without a collector."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

_MODE: Final = 0o600
# Never what is there already: neither another run's file nor somewhere that a link leads to.
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def path_of(wanted: str, *, folder: str, name: str) -> Path:
    """Say where the file is to be.

    Parameters
    ----------
    wanted
        The setting ``trace_file``: a file, a folder, or a word for "yes".
    folder
        The folder for "yes".
    name
        The file's name where only the folder is given.
    """
    if wanted.lower() in {"true", "yes", "1"}:
        return Path(folder) / name
    return Path(wanted) / name if Path(wanted).is_dir() else Path(wanted)


class TraceFile:
    """A file of OTLP JSON lines that is made anew, readable by its owner alone, and bounded.

    Parameters
    ----------
    path
        Where; with a random ending where there is something already, because all containers of
        a node are told the same path.
    most_bytes
        The most that is written.
    on_full
        Is told once, with the bytes written, that the bound is reached.

    Raises
    ------
    OSError
        When it cannot be made.
    """

    def __init__(self, path: Path, *, most_bytes: int, on_full: Callable[[int], None]) -> None:
        self._most_bytes = most_bytes
        self._on_full = on_full
        self._written = 0
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(path, _FLAGS, _MODE)
        except FileExistsError:
            path = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            self._descriptor = os.open(path, _FLAGS, _MODE)
        self.path = path
        self._is_open = True

    def write(self, message: Mapping[str, Any]) -> bool:
        """Write a line; false, and nothing written, where it is too long or the file is closed.

        Raises
        ------
        OSError
            When the line cannot be written, such as to a full disk; no other follows then.
        """
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if not self._is_open:
                return False
            is_full = self._written + len(line) > self._most_bytes
            if not is_full:
                self._written += len(line)
                self._write_all(line)
                return True
            self._close()
        self._on_full(self._written)
        return False

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._close()

    def _write_all(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            self._close()
            raise

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._descriptor)
