"""The clients that are compared, each in a process of its own, and the server that counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
import requests
from tests.contract.real.install import cached_venv, is_installed, python_of

OFF: Final = "ours, off"
ON: Final = "ours, on"
OTLP: Final = "ours, on, OTLP"
UPSTREAM: Final = "upstream"
SESSION: Final = "requests.Session"
URLLIB3: Final = "urllib3"
KEPT: Final = "http.client, kept"
NEW: Final = "http.client, new"

_SIDE: Final = Path(__file__).with_name("side.py")
_PATIENCE: Final = 600
_ALONE: Final = "tools-4.15.2"
"""What an algorithm's image has: upstream's client, without node and server."""


def why_not() -> str:
    """Say why upstream's client cannot be measured; nothing where it can."""
    missing = [one for one in ("4.15.2", _ALONE) if not is_installed(cached_venv(one), one)]
    return f"upstream's client is not installed ({', '.join(missing)})" if missing else ""


def upstream_python() -> str:
    """Give the interpreter that has upstream's client."""
    return str(python_of(cached_venv(_ALONE)))


@dataclass(frozen=True)
class Place:
    """Where a container is: its token, and the address of its node's proxy."""

    token: str
    host: str
    port: int
    organization: int = 1

    def run(self, which: str, task: str, **more: Any) -> dict[str, float]:  # noqa: ANN401 - JSON
        """Let a client do a task, and give the figures."""
        at = {
            "token": self.token,
            "host": self.host,
            "port": self.port,
            "organization": self.organization,
            # Nobody takes what is exported, unless somebody is named.
            "collector": "http://127.0.0.1:9",
            **more,
        }
        done = subprocess.run(  # noqa: S603 - our own script
            [upstream_python() if which == UPSTREAM else sys.executable, _SIDE, which, task],
            input=json.dumps(at),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{which} failed at {task}:\n{done.stderr[-2000:]}")
        figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return figures


@dataclass(frozen=True)
class Counting(Place):
    """A place at the stub."""

    @property
    def url(self) -> str:
        """The stub's address, which takes OTLP, too."""
        return f"{self.host}:{self.port}"

    def counts(self) -> dict[str, int]:
        """Give how often each endpoint was asked since the last time, and the connections."""
        found: dict[str, int] = requests.get(f"{self.url}/counts", timeout=10).json()
        # Its own connection is one of them.
        return {**found, "connections": found["connections"] - 1}


@contextmanager
def stub() -> Iterator[Counting]:
    """Start the stub."""
    subject = {"client_type": "container", "organization_id": 1, "collaboration_id": 1}
    subject |= {"node_id": 3, "task_id": 7, "image": "image"}
    token = jwt.encode({"sub": subject}, "nobody checks the signature of this token here")
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.speed.stub"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - pipes were asked for
        assert process.stdout is not None  # noqa: S101
        try:
            yield Counting(token, "http://127.0.0.1", int(process.stdout.readline()))
        finally:
            process.stdin.close()


# What the kernel says of a child's memory begins with the size of its parent, so it says itself.
_AROUND: Final = """
import time
before = time.process_time()
{code}
spent = time.process_time() - before
status = open("/proc/self/status").read()
print(spent, status.split("VmHWM:")[1].split()[0])
"""


def compile_all() -> None:
    """Compile what is imported, as it is in an image: where nobody may write, it never is."""
    for python in (sys.executable, upstream_python()):
        paths = "[one for one in sys.path if one.endswith(('site-packages', 'src'))]"
        code = f"import compileall, sys; [compileall.compile_dir(p, quiet=2) for p in {paths}]"
        subprocess.run([python, "-c", code], check=True, timeout=_PATIENCE)  # noqa: S603 - ours


def start(python: str, code: str, variables: Mapping[str, str]) -> tuple[float, float]:
    """Run code in a process: its CPU in milliseconds, and the peak of its memory in MB."""
    environment = {**os.environ, **variables}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(  # noqa: S603 - our own code
        [python, "-c", _AROUND.format(code=code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"a process failed:\n{done.stderr[-2000:]}")
    cpu, kibibytes = done.stdout.splitlines()[-1].split()
    return 1e3 * float(cpu), int(kibibytes) * 1024 / 1e6
