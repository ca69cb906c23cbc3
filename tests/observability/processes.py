"""Programs as children of the test: started on free ports, waited for, ended by their id."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from tests.observability.install import PROGRAMS

T = TypeVar("T")

_PATIENCE = 60.0
_TERMINATE_SECONDS = 15.0


def program(name: str) -> Path:
    """Give a program, or skip the test with the reason."""
    found = PROGRAMS[name].found()
    if found is None:
        pytest.skip(f"there is no {name}; get it with: python -m tests.observability.install")
    return found


def said(
    *command: object,
    folder: Path | None = None,
    given: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and give what it said of ``given``."""
    return subprocess.run(  # noqa: S603 - a program of ours
        [str(one) for one in command],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        input=given,
        env={**os.environ, **(environ or {})},
    )


def free_ports(count: int) -> list[int]:
    """Give ports of 127.0.0.1 that nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextmanager
def child(
    name: str, *command: str, folder: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; what it says is in ``<name>.log``."""
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - a program of ours
            command,
            cwd=folder,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program, by its id."""
    process.terminate()
    try:
        process.wait(_TERMINATE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def eventually(
    look: Callable[[], T], is_good: Callable[[T], bool] = bool, seconds: float = _PATIENCE
) -> T:
    """Look until it is good; give what was seen last, also where it never was."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if is_good(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.2)


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until an address answers with a success."""

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        with contextlib.suppress(requests.RequestException):
            return requests.get(url, timeout=5).ok
        return False

    assert eventually(answers), log.read_text()[-2000:]


def get_json(url: str, **parameters: str) -> Any:
    """Ask for a JSON document."""
    response = requests.get(url, params=parameters, timeout=30)
    response.raise_for_status()
    return response.json()
