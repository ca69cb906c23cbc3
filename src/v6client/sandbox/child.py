"""A child process seen from its parent: start it, configure it, stop it. See ``lifeline``."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from v6client.errors import ConfigurationError

_READY_SECONDS = 30.0
_LOG_LINES = 20
# Inside one machine no proxy applies; `requests` would ask one.
_PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


class Child:
    """One process of the sandbox, which ends when this object's pipe to it closes."""

    def __init__(self, module: str, log: Path) -> None:
        """Start it; it imports what it needs and waits for its configuration."""
        self._module = module
        self._log = log
        environment = {
            name: value
            for name, value in os.environ.items()
            if name.lower() not in _PROXY_VARIABLES
        }
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A session of its own: Ctrl-C reaches the parent alone, which stops all in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=descriptor,
                env=environment,
                start_new_session=True,
                # Tokens, inputs and results: whatever it and its algorithms write is private.
                umask=0o077,
            )
        finally:
            os.close(descriptor)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def configure(self, configuration: Mapping[str, object]) -> None:
        """Send the configuration, which starts the work."""
        # A child that is gone is noticed when it should be ready.
        with contextlib.suppress(BrokenPipeError):
            pipe = self._pipe(self._process.stdin)
            pipe.write(json.dumps(configuration).encode() + b"\n")
            pipe.flush()

    def wait_until_ready(self) -> dict[str, Any]:
        """Wait for the child's line, and give what it says.

        Raises
        ------
        ConfigurationError
            If it ends, or is not ready in time; with the end of what it wrote.
        """
        pipe = self._pipe(self._process.stdout)
        deadline = time.monotonic() + _READY_SECONDS
        received = b""
        # Not select.select: it refuses descriptors from 1024, which a process may well have.
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not received.endswith(b"\n"):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                chunk = os.read(pipe.fileno(), 4096) if ready else b""
                if not chunk:
                    raise ConfigurationError(self._explanation(timed_out=not ready))
                received += chunk
        pipe.close()
        facts: dict[str, Any] = json.loads(received)
        return facts

    def release(self) -> None:
        """Close the pipe, which tells the child to end."""
        with contextlib.suppress(OSError):
            self._pipe(self._process.stdin).close()

    def end(self, timeout: float) -> None:
        """Wait for the child's end, and kill it if it takes too long."""
        self.release()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close()

    def kill(self) -> None:
        """End it as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._close()

    def _close(self) -> None:
        self.release()
        self._pipe(self._process.stdout).close()

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise RuntimeError("the child has no pipe")
        return pipe

    def _explanation(self, *, timed_out: bool) -> str:
        if timed_out:
            what = f"was not ready after {_READY_SECONDS:.0f} s"
        else:
            what = f"ended with code {self._process.wait()}"
        lines = self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n".join([f"{self._module} {what}; it wrote to {self._log}:", *lines])
