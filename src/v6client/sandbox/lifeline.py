"""How a child process of the sandbox lives and dies with its parent.

The parent writes the child's configuration as one line of JSON to the child's standard input and
keeps that pipe open; the child answers with one line on its standard output once it is ready.
When the pipe ends, by whatever death of the parent, the child ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import monkey
from gevent.pywsgi import WSGIServer

# A port that a killed predecessor held may stay taken for a moment.
_BIND_SECONDS = 5.0


def read_configuration() -> dict[str, Any]:
    """Read the line that the parent sends; end quietly if the parent is gone."""
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(0)
    configuration: dict[str, Any] = json.loads(line)
    return configuration


def report_ready(**facts: object) -> None:
    """Tell the parent that this process serves, and on which port."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
    # Nobody reads the pipe after this line: what is printed later belongs into the log.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def listen(application: Callable[..., Any], port: int) -> tuple[WSGIServer, int]:
    """Serve an application on a port of 127.0.0.1; 0 takes any, another is waited for a little.

    Gives the server and its port.
    """
    deadline = time.monotonic() + (_BIND_SECONDS if port else 0)
    while True:
        server = WSGIServer(("127.0.0.1", port), application, log=None)
        try:
            server.start()
        except OSError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
        else:
            return server, server.socket.getsockname()[1]


def exit_when_told(leave: Callable[[], None]) -> None:
    """Call ``leave`` when the parent's end of the pipe closes, and on SIGINT and SIGTERM."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        leave()

    # A real thread, also where threads are patched: the read blocks.
    monkey.get_original("_thread", "start_new_thread")(watch, ())
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, leave)
