"""The processes of a load test: started, told to stop, and asked what they counted."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from v6client.errors import ConfigurationError

_COMMAND: Final = (
    "from gevent import monkey; monkey.patch_all(); "
    "from v6client.cli.loadtest.load import main; main()"
)
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0


@dataclass(frozen=True)
class LoadProcess:
    """One process that makes load."""

    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Tell it to stop, and to say what it counted."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def counts(self, within: float) -> dict[str, Any]:
        """Wait for its end, and give what it counted.

        Raises
        ------
        ConfigurationError
            When it ended without saying so.
        KeyboardInterrupt
            Twice Ctrl-C: the first one makes it stop early.
        """
        text: list[str] = []
        # An event and not the thread's join: interrupted, that takes the thread for ended.
        is_done = threading.Event()

        def read() -> None:
            text.append(self._read())
            is_done.set()

        threading.Thread(target=read, daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            is_done.wait(within)
        if not is_done.is_set():
            self.stop()
            is_done.wait(_STOP_SECONDS)
        if not text or not text[0]:
            raise ConfigurationError("the process that makes the load ended without a result")
        counts: dict[str, Any] = json.loads(text[0])
        return counts

    def end(self) -> None:
        """End it, whatever it does."""
        self.stop()
        try:
            self.process.wait(_STOP_SECONDS / 4)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> str:
        return self.process.stdout.read() if self.process.stdout is not None else ""


@contextlib.contextmanager
def running(
    configurations: list[Mapping[str, Any]], variables: Mapping[str, str]
) -> Iterator[list[LoadProcess]]:
    """Start a process for each configuration; end them all.

    Parameters
    ----------
    configurations
        What each is told; tokens go this way, and not over a command line.
    variables
        What their environment has besides ours.
    """
    processes: list[LoadProcess] = []
    try:
        for one in configurations:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-c", _COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **variables},
                # Ctrl-C reaches the command alone, which stops all in order.
                start_new_session=True,
            )
            processes.append(LoadProcess(process))
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(json.dumps(one) + "\n")
                    process.stdin.flush()
        yield processes
    finally:
        for one_process in processes:
            one_process.stop()
        for one_process in processes:
            one_process.end()


def patience(seconds: float) -> float:
    """Give the seconds after which a process of such a test is told to stop."""
    return seconds + _START_SECONDS


def free_port() -> int:
    """Find a port of this machine that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
