"""Algorithm containers as real processes, with the environment that a node gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.node import all_encoded, call_of, variables_of
from tests.peer import Answer, Peer, Received, answer, peer

ALGORITHM = """
import logging, os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from v6client import algorithm_client

def add(a, b=1):
    return a + b

def crash():
    raise ValueError("canary-message")

def leave():
    sys.exit(3)

def sleep(seconds):
    print("ready", flush=True)
    time.sleep(seconds)

def sleep_in_threads(seconds):
    with ThreadPoolExecutor(1) as pool:
        slept = pool.submit(time.sleep, seconds)
        print("ready", flush=True)
        slept.result()

@algorithm_client
def organizations(client):
    return [one["id"] for one in client.organization.list()]
"""


@dataclass(frozen=True)
class Ended:
    """How a container ended, and how many seconds it lived."""

    status: int
    output: str
    log: str
    errors: str
    seconds: float

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def named(self, name: str) -> list[dict[str, Any]]:
        """Give the events of a name."""
        return [one for one in self.events if one["event"] == name]


@dataclass(frozen=True)
class Container:
    """A container that runs."""

    process: subprocess.Popen[str]
    folder: Path
    began: float

    def wait_until_ready(self) -> None:
        """Wait until the algorithm has printed ``ready``."""
        assert self.process.stdout is not None
        while self.process.stdout.readline() not in {"ready\n", ""}:
            pass

    def ended(self) -> Ended:
        """Wait for its end."""
        log, errors = self.process.communicate(timeout=60)
        seconds = time.monotonic() - self.began
        output = (self.folder / "output").read_text()
        return Ended(self.process.returncode, output, log, errors, seconds)


# Children of a shell's background ignore Ctrl-C; a container's process does not.
_ENTRY = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("v6client", run_name="__main__")
"""


def start(  # noqa: PLR0913 - what a container is given
    folder: Path,
    method: str,
    *args: object,
    port: int = 1,
    algorithm: str = ALGORITHM,
    plain: Mapping[str, str] | None = None,
    token: str = "",
    **more: str,
) -> Container:
    """Start one; ``plain`` is what its image sets, ``more`` what the node's ``algorithm_env``."""
    (folder / "my_algorithm.py").write_text(algorithm)
    by_node = {
        **variables_of(folder, input_=call_of(method, *args), token=token, port=port),
        "V6CLIENT_FIRST_CONTACT_BUDGET": "0.1",
        **more,
    }
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", _ENTRY],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PKG_NAME": "my_algorithm",
            **(plain or {}),
            **all_encoded(by_node),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Container(process, folder, time.monotonic())


def run(folder: Path, method: str, *args: object, **more: Any) -> Ended:
    """Start one, and wait for its end."""
    return start(folder, method, *args, **more).ended()


OWN_TASK = {
    "id": 7,
    "description": "",
    "parent": None,
    "job_id": 7,
    "collaboration": {"id": 1},
    "created_at": "2026-01-01T00:00:00",
    "image": "harbor.example/average",
}


@contextmanager
def proxy(*script: Answer) -> Iterator[Peer]:
    """Answer what a container asks about its own task, and the rest by the script."""
    with peer(*script) as this:

        def respond(request: Received) -> Answer:
            if request.path == "/task/7":
                return answer(OWN_TASK)
            return this.script.pop(0) if this.script else this.default

        this.by_request = respond
        yield this
